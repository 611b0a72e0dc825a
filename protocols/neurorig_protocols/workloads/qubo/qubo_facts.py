"""What a QUBO answer shows on terminals and pages: costs, gaps, times, and the cost against time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from neurorig_protocols.answers import UnknownMember
from neurorig_protocols.number_text import (
    NBSP,
    count_text,
    graded_text,
    latency_text,
    measured_text,
    percent_text,
    plain_text,
)
from neurorig_protocols.onboard import OnboardPower
from neurorig_protocols.quantities import Absent
from neurorig_protocols.workloads.contract import Curve, Fact, FactTable, Solution, VariableNames
from neurorig_protocols.workloads.qubo.mis import target_cost
from neurorig_protocols.workloads.qubo.qubo_records import (
    FixedTimeout,
    Improvement,
    QuboAnswerView,
    Reference,
    Scenario,
    TimeToSolution,
    VerifiedQubo,
    unpack_bits,
)

MOST_ROWS = 200
"""Rows of a long table; all of them are in the JSON."""

GAPS = (0.1, 0.05, 0.01)
"""The gaps of NeuroBench's time-to-solution scenario."""
MOST_STEPS = 4000
"""More steps than this cannot be told apart on a screen."""
WORST_GAP = 1.3
"""The axis opens at this gap at most, else the first random costs flatten the part that matters."""

REFERENCES: dict[Reference, str] = {
    "official": "official target",
    "best-verified": "best verified target",
    "given": "target the job gave",
}


def limits_text(scenario: Scenario | UnknownMember) -> str:
    """Return a scenario: what ends a run."""
    if isinstance(scenario, TimeToSolution):
        gaps = ", ".join(f"{gap:g}" for gap in scenario.gaps)
        # The official target is what the benchmark measures from; another one is named.
        to = "" if scenario.reference == "official" else f" to the {scenario.reference} target"
        return f"time to solution, gaps {gaps}{to}, limit {plain_text(scenario.limit_s, 's')}"
    if isinstance(scenario, FixedTimeout):
        return f"fixed timeout {plain_text(scenario.timeout_s, 's')}"
    return str(getattr(scenario, "kind", "another scenario"))


def headline(answer: QuboAnswerView) -> list[Fact]:
    """Return best cost, gaps to both targets, and the time to the smallest gap."""
    verified = answer.verified
    if verified is None:
        return [Fact("Best cost, as reported", count_text(answer.solver_cost), "not recomputed")]
    target = "no official target" if verified.official_target is None else count_text(verified.official_target)
    known = "none known" if verified.best_target is None else count_text(verified.best_target)
    found = [
        Fact("Best cost", count_text(verified.cost), "xᵀQx, recomputed by the server"),
        Fact("Gap to the official target", _gap(verified.gap), f"official target {target}"),
        Fact("Gap to the best verified", _gap(verified.best_gap), f"best verified cost {known}"),
    ]
    if verified.reached:
        best = min(verified.reached, key=lambda reached: reached.gap)
        note = f"cost {count_text(int(best.target_cost))} or below"
        found.append(Fact(f"Time to gap {best.gap:g}", latency_text(best.latency_s), note))
    return found


def _gap(gap: float | Absent) -> str:
    return "not defined" if isinstance(gap, Absent) else percent_text(gap)


def facts(answer: QuboAnswerView) -> list[Fact]:
    """Return solver, times, the board's own power, and the recomputation."""
    setup = "not reported" if answer.setup_s is None else measured_text(answer.setup_s, "s")
    found = [
        Fact("Solver", answer.solver),
        Fact("Time requested", plain_text(answer.requested_s, "s")),
        Fact(
            "Time taken", measured_text(answer.solve_s, "s"), f"from “{answer.start_event}” on the clock {answer.clock}"
        ),
        Fact("Set-up before it", setup),
        Fact("Stopped by", f"the {answer.stopped_by}"),
        Fact("Cost reported by the solver", _reported_cost(answer)),
        *_onboard(answer.onboard),
    ]
    return found if answer.verified is None else [*found, *_verified(answer.verified)]


def _reported_cost(answer: QuboAnswerView) -> str:
    reported = count_text(answer.solver_cost)
    if answer.cost_error_bound == 0:
        return reported
    bound = count_text(answer.cost_error_bound)
    return f"{reported}, within {bound}: the board's weights are rounded, and it stops by this"


def _onboard(found: OnboardPower | Absent | None) -> list[Fact]:
    """Return the powers of the whole board, idle chips included; nothing without sensors."""
    if found is None:
        return []
    if isinstance(found, Absent):
        return [Fact("Board's own power", f"absent: {found.reason}")]
    powers = (
        ("Board's own power", found.total_w),
        ("Static part of it", found.static_w),
        ("Dynamic part, total − static", found.dynamic_w),
        ("Static part of chips that hold nothing", found.idle_chips_static_w),
    )
    accuracy = "not declared" if found.accuracy is None else f"±{NBSP}{percent_text(found.accuracy)}"
    return [
        *(Fact(name, "not reported" if watts is None else measured_text(watts, "W")) for name, watts in powers),
        Fact("Chips in use", f"{found.chips_allocated} of {found.chips_available}"),
        Fact("Length of the power pass", measured_text(found.pass_s, "s")),
        Fact("Accuracy of the sensors, by the bench", accuracy),
        Fact("Source of the power", found.source),
    ]


def _verified(verified: VerifiedQubo) -> list[Fact]:
    return [
        Fact("Cost, recomputed", count_text(verified.cost)),
        *_own(verified),
        Fact("Official target", "none" if verified.official_target is None else count_text(verified.official_target)),
        Fact("Source of the target", verified.target_source or "–"),
        Fact("Gap to it", _gap(verified.gap)),
        Fact("Best verified target", "none" if verified.best_target is None else count_text(verified.best_target)),
        Fact("Held by, when this was verified", verified.best_source or "–"),
        Fact("Gap to the best verified", _gap(verified.best_gap)),
    ]


def _own(verified: VerifiedQubo) -> list[Fact]:
    """Return what only a set has to say, or only an uploaded problem."""
    if verified.independent_set is not None:
        return [Fact("Independent set", "yes" if verified.independent_set else "no: the set holds an edge")]
    if verified.value is None:
        return []
    bound = f", off by up to {verified.rounding_bound:.3g} through rounding" if verified.rounding_bound else ""
    unit = f"scale {verified.scale}, offset {verified.offset}"
    return [Fact("In the file's own unit", f"{verified.value:.12g}{bound} ({unit})")]


def solution(answer: QuboAnswerView, names: VariableNames) -> Solution | None:
    """Return the solution of an answer by variable.

    Args:
        answer: the answer.
        names: names of the variables, each once, in their order, or the number of the first one.

    Returns:
        The solution with its recomputed cost; None where it is malformed, or of another number of variables.

    Example:
        >>> from neurorig_protocols.workloads.qubo.qubo_records import QuboAnswerView
        >>> answer = QuboAnswerView(
        ...     solver="tabu", n=3, solution="oA==", solver_cost=-2, requested_s=1, solve_s=1, stopped_by="timeout"
        ... )
        >>> solution(answer, ["a", "b", "c"]).bits
        {'a': 1, 'b': 0, 'c': 1}
    """
    try:
        bits = unpack_bits(answer.solution, answer.n).tolist()
    except ValueError:
        return None
    chosen = list(map(str, range(names, names + answer.n))) if isinstance(names, int) else names
    if len(chosen) != answer.n:
        return None
    found = dict(zip(chosen, bits, strict=True))
    verified = answer.verified
    return Solution(found) if verified is None else Solution(found, verified.cost, verified.value)


def tables(answer: QuboAnswerView) -> list[FactTable]:
    """Return time and energy to each gap, and the cost against time."""
    steps = thinned(answer.improvements, MOST_ROWS)
    rows = [(measured_text(step.t_s, "s"), count_text(step.cost)) for step in steps]
    goals = answer.reached or (answer.verified.reached if answer.verified else ())
    found = [_reached(answer)] if goals else []
    if rows:
        more = len(answer.improvements) - len(rows)
        found.append(FactTable("Cost against time", ("Time", "Cost"), rows, folded=True, more=more))
    return found


def _reached(answer: QuboAnswerView) -> FactTable:
    columns = ("Gap", "To the", "Cost to reach", "Cost, recomputed", "Latency", "Energy ± 2u")
    if answer.verified is None:
        rows = [
            (f"{r.gap:g}", "–", _cost(r.target_cost), "not recomputed", latency_text(r.latency_s), "–")
            for r in answer.reached
        ]
        return FactTable("Time and energy to solution", columns, rows)
    return FactTable(
        "Time and energy to solution",
        columns,
        [
            (
                f"{r.gap:g}",
                REFERENCES.get(r.reference, r.reference),
                _cost(r.target_cost),
                "–" if r.cost is None else count_text(r.cost),
                latency_text(r.latency_s) + _believed(r.believed_s),
                "–" if r.latency_s is None else graded_text(r.energy),
            )
            for r in answer.verified.reached
        ],
    )


def _believed(believed_s: float | None) -> str:
    if believed_s is None:
        return ""
    return f", though the board, whose weights are rounded, believed so at {measured_text(believed_s, 's')}"


def _cost(value: float) -> str:
    return count_text(int(value)) if float(value).is_integer() else plain_text(value, "1", 6)


def curve(answer: QuboAnswerView) -> Curve | None:
    """Return the solver's best cost over time with both targets and the gaps; None without improvements."""
    steps = thinned(answer.improvements)
    if not steps:
        return None
    verified = answer.verified
    target = verified.official_target if verified else None
    reached = answer.reached if verified is None else verified.reached
    note = "Lines: the best verified target, the official one, and the gaps to that. Lower is better."
    if len(steps) == 1:
        note += " This solver reported one cost only, at its end."
    return Curve(
        title="Cost against time",
        y_title="cost xᵀQx",
        steps=[(step.t_s, step.cost) for step in steps],
        end_s=answer.solve_s,
        levels=levels(target, best=verified.best_target if verified else None),
        marks=[
            (r.latency_s, r.target_cost, f"gap {r.gap:g} reached after {measured_text(r.latency_s, 's')}")
            for r in reached
            if r.latency_s is not None
        ],
        top=target + WORST_GAP * abs(target) if target else None,
        note=note,
    )


def levels(target: int | None, gaps: Sequence[float] = GAPS, *, best: int | None = None) -> Mapping[float, str]:
    """Return the costs to draw a line at, each with its name; targets and gaps of one cost share its line."""
    names: dict[int, list[str]] = {}
    if best is not None:
        names[best] = ["best verified target"]
    if target:
        names.setdefault(target, []).append("official target")
        for gap in sorted(gaps):
            names.setdefault(target_cost(target, gap), []).append(f"gap {gap:g}")
    return {cost: ", ".join(found) for cost, found in names.items()}


def thinned(improvements: Sequence[Improvement], most: int = MOST_STEPS) -> list[Improvement]:
    """Keep at most about `most` steps: the last one of each equal slice of log time, and every one at time 0."""
    if len(improvements) <= most:
        return list(improvements)
    times = [i.t_s for i in improvements if i.t_s > 0]
    if not times:
        return list(improvements[-1:])
    low, span = math.log(min(times)), math.log(max(times) / min(times)) or 1.0
    slices = {-1 if i.t_s <= 0 else int((math.log(i.t_s) - low) / span * most): i for i in improvements}
    return list(slices.values())
