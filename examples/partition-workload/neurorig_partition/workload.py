"""Records, verification and facts of number partitioning. No board, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictInt

from neurorig_protocols.number_text import count_text, measured_text, plain_text
from neurorig_protocols.quantities import Quantity
from neurorig_protocols.records import Finite
from neurorig_protocols.workloads.contract import (
    Checked,
    Fact,
    FactTable,
    ReportedAnswer,
    Sources,
    VerifiedAnswer,
    Workload,
    WorkloadSpec,
)

Number = Annotated[StrictInt, Field(ge=1, le=10_000)]


class PartitionSpec(WorkloadSpec):
    """Numbers to divide into two groups of sums as equal as possible."""

    name: Literal["number-partition"]
    numbers: tuple[Number, ...] = Field(min_length=2, max_length=200)
    timeout_s: Finite = Field(gt=0, le=100, description="time for the board, seconds")


class PartitionAnswer(ReportedAnswer):
    """Which group each number is in."""

    kind: Literal["number-partition"] = "number-partition"
    groups: tuple[Literal[0, 1], ...]
    solve_s: Finite
    clock: str = "host"


class VerifiedPartition(VerifiedAnswer):
    """The sums of both groups, computed by the server."""

    kind: Literal["number-partition"] = "number-partition"
    sums: tuple[int, int]
    difference: int


class PartitionAnswerView(PartitionAnswer):
    """An answer with its verification; None until it is done."""

    verified: VerifiedPartition | None


class NumberPartition(Workload[PartitionSpec, PartitionAnswer]):
    """Divide numbers into two groups; runs on every board that solves QUBOs."""

    name = kind = "number-partition"
    board_kind = "qubo"
    spec, answer, view, verified = PartitionSpec, PartitionAnswer, PartitionAnswerView, VerifiedPartition
    codes: ClassVar[Mapping[str, str]] = {"wrong_group_count": "The answer does not put each number into a group."}
    invalidating = frozenset({"wrong_group_count"})
    score_note = "difference of the sums; lower is better"

    def verify(self, spec: PartitionSpec, answer: PartitionAnswer, sources: Sources) -> Checked:  # noqa: ARG002
        """Add up both groups."""
        if len(answer.groups) != len(spec.numbers):
            return Checked(None, ("wrong_group_count",))
        first = sum(number for number, group in zip(spec.numbers, answer.groups, strict=True) if group == 0)
        second = sum(spec.numbers) - first
        return Checked(VerifiedPartition(sums=(first, second), difference=abs(first - second)))

    def size(self, spec: PartitionSpec) -> str:
        """Return how many numbers there are."""
        return f"{count_text(len(spec.numbers))} numbers"

    def task(self, spec: PartitionSpec) -> str:
        """Return the time limit."""
        return f"fixed timeout {plain_text(spec.timeout_s, 's')}"

    def headline(self, answer: PartitionAnswerView) -> Sequence[Fact]:
        """Return the difference of the sums."""
        if answer.verified is None:
            return ()
        first, second = answer.verified.sums
        note = f"sums {count_text(first)} and {count_text(second)}, computed by the server"
        return (Fact("Difference of the sums", count_text(answer.verified.difference), note),)

    def facts(self, answer: PartitionAnswerView) -> Sequence[Fact]:
        """Return the time taken."""
        return (Fact("Time taken", measured_text(answer.solve_s, "s"), f"on the clock {answer.clock}"),)

    def tables(self, answer: PartitionAnswerView) -> Sequence[FactTable]:
        """Return the sizes of both groups."""
        rows = [(str(group + 1), count_text(answer.groups.count(group))) for group in (0, 1)]
        return (FactTable("Groups", ("Group", "Numbers"), rows),)

    def score(self, verified: VerifiedPartition) -> Quantity:
        """Return the difference of the sums."""
        return Quantity(value=verified.difference, unit="1", u=0, grade="derived")
