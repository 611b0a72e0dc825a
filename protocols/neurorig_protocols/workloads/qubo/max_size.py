"""The largest problem that a machine supports: double until one does not, then halve the bracket. A pure machine.

NeuroBench asks for it at 1 % and at 100 % density, graph seed 0: the largest n that loads and whose answer beats
cost 0. What comes next follows from the probes alone, so a search that was broken off goes on from its record.
A probe that failed for reasons of the infrastructure is no verdict on the size; it is asked for again.
Source: NeuroBench system_benchmarks, QUBO.md. Not for running probes: each is a real job.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from neurorig_protocols.records import Finite, Record
from neurorig_protocols.workloads.qubo.mis import MAX_EDGES, edge_count

MAX_N = 100_000
"""The largest problem that a job may ask for."""

SEED = 0
DENSITIES = (0.01, 1.0)

Verdict = Literal["solved", "does_not_fit", "not_below_zero", "failed"]
"""solved: loaded, ran, cost below 0. The next two end the search from above. failed: no verdict, ask again."""

ABOVE: tuple[Verdict, ...] = ("does_not_fit", "not_below_zero")


class Probe(Record):
    """One real job and what it says of its size; `limit` names what ended it."""

    n: int = Field(ge=1)
    verdict: Verdict
    limit: str = ""
    job: str | None = None
    cost: int | None = None


class Ask(Record):
    """Probe this size next. `tries` counts the failures of the infrastructure at it so far."""

    kind: Literal["ask"] = "ask"
    n: int
    tries: int


class Found(Record):
    """The end of a search: the largest size that solved (None: not even the first), and what ended it.

    `not_above` is the smallest size known not to work, None where the benchmark's own bounds came first.
    """

    kind: Literal["found"] = "found"
    largest: int | None
    not_above: int | None
    ended_by: Literal["does_not_fit", "not_below_zero", "max_edges", "max_variables", "failed"]
    limit: str


class Goal(Record):
    """What is searched: a density of 0…1, the first size, and the width of bracket that is good enough.

    `resolution` is a share of the largest size that works; 0 goes down to one variable. `patience`: failures of the
    infrastructure at one size before the search gives up.
    """

    density: Finite = Field(gt=0, le=1)
    start: int = Field(default=64, ge=2, le=MAX_N)
    resolution: Finite = Field(default=0.01, ge=0, lt=1)
    patience: int = Field(default=3, ge=1, le=20)


def next_step(goal: Goal, probes: Sequence[Probe]) -> Ask | Found:
    """Return the size to probe next, or the end; ValueError when a larger size worked than one that did not."""
    low = max((p.n for p in probes if p.verdict == "solved"), default=0)
    above = min((p for p in probes if p.verdict in ABOVE), key=lambda p: p.n, default=None)
    if above is not None and above.n <= low:
        raise ValueError(f"n = {low} worked and the smaller n = {above.n} did not ({above.limit})")
    top, bound = ceiling(goal.density)
    if above is None and low >= top:
        return Found(largest=low, not_above=None, ended_by=bound, limit=_bound_text(bound))
    n = _between(goal, low, above.n if above else None, top)
    if n is None and above is not None:
        ended_by: Literal["does_not_fit", "not_below_zero"] = (
            "does_not_fit" if above.verdict == "does_not_fit" else "not_below_zero"
        )
        return Found(largest=low or None, not_above=above.n, ended_by=ended_by, limit=above.limit)
    return _ask(goal, probes, low, n or top)


def ceiling(density: float) -> tuple[int, Literal["max_edges", "max_variables"]]:
    """Return the largest n that may be asked for at a density, and which bound sets it."""
    if edge_count(MAX_N, density) <= MAX_EDGES:
        return MAX_N, "max_variables"
    low, high = 1, MAX_N
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if edge_count(middle, density) <= MAX_EDGES else (low, middle)
    return low, "max_edges"


def _between(goal: Goal, low: int, above: int | None, top: int) -> int | None:
    """Return the size between the bounds of the bracket, None when it is narrow enough."""
    if above is None:
        return min(2 * low, top) if low else min(goal.start, top)
    if above - low <= max(1, int(goal.resolution * low)):
        return None
    return (low + above) // 2


def _ask(goal: Goal, probes: Sequence[Probe], low: int, n: int) -> Ask | Found:
    failures = [p for p in probes if p.n == n and p.verdict == "failed"]
    if len(failures) >= goal.patience:
        return Found(largest=low or None, not_above=None, ended_by="failed", limit=failures[-1].limit)
    return Ask(n=n, tries=len(failures))


def _bound_text(bound: str) -> str:
    if bound == "max_edges":
        return f"graphs are drawn up to {MAX_EDGES} edges; the machine may support more"
    return f"jobs may ask for at most {MAX_N} variables; the machine may support more"
