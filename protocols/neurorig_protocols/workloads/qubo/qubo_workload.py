"""The QUBO workloads: maximum independent sets of the benchmark, and uploaded problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeVar

from neurorig_protocols.number_text import count_text, percent_text
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.workloads.contract import (
    Checked,
    Curve,
    Fact,
    FactTable,
    NeededFile,
    Solution,
    Sources,
    VariableNames,
    Violation,
    Workload,
)
from neurorig_protocols.workloads.qubo import mis, qubo_facts
from neurorig_protocols.workloads.qubo.qubo_records import (
    Qubo,
    QuboAnswer,
    QuboAnswerView,
    QuboMis,
    VerifiedQubo,
)

SpecT = TypeVar("SpecT", QuboMis, Qubo)


class _QuboWorkload(Workload[SpecT, QuboAnswer]):
    """What both have in common: verification, facts and score."""

    kind = board_kind = "qubo"
    answer, view, verified = QuboAnswer, QuboAnswerView, VerifiedQubo
    codes: ClassVar[Mapping[str, str]] = {
        "below_proven_bound": "The cost is proven to be impossible: the solution, its cost or the proof is wrong.",
        "cost_mismatch": "The solver's cost differs from the recomputed one.",
        "gap_not_reported": "A gap of the scenario is not in the report.",
        "impossible_latency": "A gap was reported as reached before its run began.",
        "malformed_solution": "The reported solution cannot be read.",
        "reached_mismatch": "A gap that was reported as reached is not reached by its solution.",
        "reached_within_quantisation": (
            "The board's rounded cost reached a gap that the exact cost does not: it counts as not reached."
        ),
        "target_mismatch": "A gap was measured against another cost than the job's target gives.",
    }
    invalidating = frozenset(
        {
            "malformed_solution",
            "cost_mismatch",
            "reached_mismatch",
            "impossible_latency",
            "target_mismatch",
            "gap_not_reported",
        }
    )
    score_note = "gap to the official target; lower is better"

    def verify(self, spec: SpecT, answer: QuboAnswer, sources: Sources) -> Checked:
        """See Workload."""
        # Loaded on use: the targets' records would lead back to the union of all workloads.
        from neurorig_protocols.workloads.qubo.qubo_verify import check_qubo

        return check_qubo(spec, answer, sources)

    def task(self, spec: SpecT) -> str:
        """See Workload."""
        return qubo_facts.limits_text(spec.scenario)

    def headline(self, answer: QuboAnswerView) -> Sequence[Fact]:
        """See Workload."""
        return qubo_facts.headline(answer)

    def facts(self, answer: QuboAnswerView) -> Sequence[Fact]:
        """See Workload."""
        return qubo_facts.facts(answer)

    def tables(self, answer: QuboAnswerView) -> Sequence[FactTable]:
        """See Workload."""
        return qubo_facts.tables(answer)

    def solution(self, answer: QuboAnswerView, names: VariableNames) -> Solution | None:
        """See Workload."""
        return qubo_facts.solution(answer, names)

    def curve(self, answer: QuboAnswerView) -> Curve | None:
        """See Workload."""
        return qubo_facts.curve(answer)

    def score(self, verified: VerifiedQubo) -> Quantity | None:
        """See Workload."""
        gap = verified.gap
        return None if isinstance(gap, Absent) else Quantity(value=gap, unit="1", u=0, grade="derived")


class QuboMisWorkload(_QuboWorkload[QuboMis]):
    """Maximum independent sets of NeuroBench's random graphs."""

    name = "qubo-mis"
    spec = QuboMis

    def size(self, spec: QuboMis) -> str:
        """See Workload."""
        return f"n = {count_text(spec.n)}, density {percent_text(spec.density)}, seed {spec.seed}"

    def violations(self, spec: QuboMis, facts: Mapping[str, Mapping[str, object]]) -> Sequence[Violation]:  # noqa: ARG002
        """See Workload: a graph has an upper limit of edges."""
        edges = mis.edge_count(spec.n, spec.density)
        if edges <= mis.MAX_EDGES:
            return ()
        message = f"the graph would have {edges} edges, the limit is {mis.MAX_EDGES}"
        return (Violation("workload.density", message, "too_large"),)


class QuboFileWorkload(_QuboWorkload[Qubo]):
    """Uploaded QUBO problems."""

    name = "qubo"
    spec = Qubo

    def size(self, spec: Qubo) -> str:
        """See Workload."""
        return f"problem {spec.problem[:19]}…"

    def needed_files(self, spec: Qubo) -> tuple[NeededFile, ...]:
        """See Workload."""
        return (NeededFile("workload.problem", "qubo", spec.problem),)
