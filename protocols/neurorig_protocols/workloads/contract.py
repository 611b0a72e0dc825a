"""What a workload is: its records, its rules, its verification, and the facts that terminals and pages show.

A workload is one subclass of `Workload`, named by the entry point group `neurorig.workloads`; the agent's half, which
turns a job into batches for a board, is named by `neurorig.workload_agents`. Nothing outside the workload's own package
knows its kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.records import Digest, Finite, Record

if TYPE_CHECKING:
    from neurorig_protocols.workloads.qubo.problem import Problem
    from neurorig_protocols.workloads.qubo.qubo_targets import BestVerified


class WorkloadSpec(Record):
    """What a job asks to run; every workload adds its own fields. `name` tells the workloads apart."""

    name: str

    @classmethod
    def members(cls) -> tuple[type[Record], ...]:
        """Return the specs of the installed workloads."""
        return _installed(cls, WorkloadSpec, "spec")


class ReportedAnswer(Record):
    """What a board answered, as its agent reports it; `kind` tells the kinds of answers apart."""

    kind: str
    activity: dict[str, Finite] = Field(default_factory=dict)

    @classmethod
    def members(cls) -> tuple[type[Record], ...]:
        """Return the answers of the installed workloads, with the field for their recomputation."""
        return _installed(cls, ReportedAnswer, "view")


class VerifiedAnswer(Record):
    """What the server makes of an answer."""

    kind: str

    @classmethod
    def members(cls) -> tuple[type[Record], ...]:
        """Return the recomputations of the installed workloads."""
        return _installed(cls, VerifiedAnswer, "verified")


def _installed(cls: type[Record], base: type[Record], what: str) -> tuple[type[Record], ...]:
    if cls is not base:
        return (cls,)
    from neurorig_protocols.workloads import registry  # it imports this module

    return tuple(dict.fromkeys(getattr(found, what) for found in registry.installed().values()))


VariableNames = Sequence[str] | int
"""What a submitter calls the variables of a problem: names in their order, or the number of the first one."""

FileKind = Literal["qubo", "nir", "events"]
"""qubo: a problem. nir: a network. events: its input."""


@dataclass(frozen=True)
class NeededFile:
    """A file that a job names: the field that names it, the kind it must have, its digest."""

    field: str
    kind: FileKind
    digest: Digest


EnergyUntil = Callable[[int, float], Quantity | Absent]
"""Energy from the begin of a run window to so many seconds later."""


@dataclass(frozen=True)
class Sources:
    """What a verification may look at beside job and answer.

    Attributes:
        energy_until: energy of the run window of an index up to a time in seconds after its begin.
        best: the best verified target of the job's problem at this time.
        stored: an uploaded problem by its digest; raises FileNotFoundError.
        files: the bytes of an uploaded file by the 64 digits of its digest; raises FileNotFoundError.
    """

    energy_until: EnergyUntil
    best: BestVerified | None = None
    stored: Callable[[str], Problem] | None = None
    files: Callable[[str], bytes] | None = None


@dataclass(frozen=True)
class Violation:
    """Why a job cannot be accepted: the field, a sentence, and a stable code."""

    field: str
    message: str
    code: str
    next_step: str | None = None


@dataclass(frozen=True)
class Checked:
    """A recomputed answer, None when it is malformed, and the codes of what is wrong with it."""

    verified: VerifiedAnswer | None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fact:
    """One number or statement: a label, its text, and what it means."""

    label: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class FactTable:
    """A table of texts; a long one is folded on a page. `more` is how many rows are left to the JSON."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: bool = False
    more: int = 0


@dataclass(frozen=True)
class Solution:
    """The variables of an optimisation problem as a solution sets them.

    Attributes:
        bits: 0 or 1 of each variable, by its name, in the order of the problem.
        cost: recomputed by the server; None before that, and where it has none.
        value: the same in the unit of the problem's file, None likewise.
    """

    bits: Mapping[str, int]
    cost: int | None = None
    value: float | None = None


@dataclass(frozen=True)
class Curve:
    """A falling staircase over time, to be drawn on a logarithmic axis of seconds.

    Attributes:
        title: of the chart.
        y_title: of the vertical axis.
        steps: (seconds, value) from which on each value holds.
        end_s: where the last value ends.
        levels: horizontal lines: value and name.
        marks: points: (seconds, value, name).
        top: values above it may lie outside of the chart; None shows all.
        note: how to read it.
    """

    title: str
    y_title: str
    steps: Sequence[tuple[float, float]]
    end_s: float
    levels: Mapping[float, str] = field(default_factory=dict)
    marks: Sequence[tuple[float, float, str]] = ()
    top: float | None = None
    note: str = ""


SpecT = TypeVar("SpecT", bound=WorkloadSpec)
AnswerT = TypeVar("AnswerT", bound=ReportedAnswer)


class Workload(ABC, Generic[SpecT, AnswerT]):
    """One workload. Subclasses are instantiated once, without arguments, and hold no state.

    Attributes:
        name: the value of the spec's `name`.
        kind: the `kind` of its answers, reported and verified.
        board_kind: what a board runs, one of `BoardInfo.kinds`.
        spec: the record of what is asked for.
        answer: the record that an agent reports.
        view: the same with the field `verified`, which is None until the server has recomputed it.
        verified: the record of the recomputation.
        codes: quality codes that `verify` gives, each with a sentence.
        invalidating: those of `codes` that make an answer unusable.
        score_note: what the score of the KPI sheet is.
        no_score: why there is no score, for workloads that have none.

    Example:
        class Parity(Workload[ParitySpec, ParityAnswer]):
            name, kind, board_kind = "parity", "parity", "qubo"
            spec, answer, view, verified = ParitySpec, ParityAnswer, ParityAnswerView, VerifiedParity

            def verify(self, spec, answer, sources):
                return Checked(VerifiedParity(even=answer.ones % 2 == 0))
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    board_kind: ClassVar[str]
    spec: ClassVar[type[WorkloadSpec]]
    answer: ClassVar[type[ReportedAnswer]]
    view: ClassVar[type[ReportedAnswer]]
    verified: ClassVar[type[VerifiedAnswer]]
    codes: ClassVar[Mapping[str, str]] = {}
    invalidating: ClassVar[frozenset[str]] = frozenset()
    score_note: ClassVar[str] = ""
    no_score: ClassVar[str] = ""

    def needed_files(self, spec: SpecT) -> tuple[NeededFile, ...]:  # noqa: ARG002 - for workloads with files
        """Return the uploaded files that a job cannot run without."""
        return ()

    def violations(self, spec: SpecT, facts: Mapping[str, Mapping[str, Any]]) -> Sequence[Violation]:  # noqa: ARG002
        """Return why no machine could run a job, although its spec is well formed.

        Args:
            spec: what was asked for.
            facts: what the server knows of each needed file, by digest.
        """
        return ()

    @abstractmethod
    def verify(self, spec: SpecT, answer: AnswerT, sources: Sources) -> Checked:
        """Recompute what an answer claims. A wrong answer is a result with codes, not an exception.

        Args:
            spec: what was asked for.
            answer: what was reported; of the right kind, and otherwise unchecked.
            sources: energies, targets and files.
        """

    @abstractmethod
    def size(self, spec: SpecT) -> str:
        """Return what runs, in a few words, such as "n = 250, density 5 %, seed 0"."""

    def task(self, spec: SpecT) -> str:  # noqa: ARG002 - for workloads that have something to say
        """Return what a run is asked to do, such as "fixed timeout 50 ms"."""
        return ""

    def headline(self, answer: Any) -> Sequence[Fact]:  # noqa: ARG002 - for workloads that have one
        """Return the numbers that a reader looks for first; `answer` is a `view`."""
        return ()

    def facts(self, answer: Any) -> Sequence[Fact]:  # noqa: ARG002 - for workloads that have some
        """Return what else there is to say of an answer; `answer` is a `view`."""
        return ()

    def tables(self, answer: Any) -> Sequence[FactTable]:  # noqa: ARG002 - for workloads that have some
        """Return longer parts of an answer; `answer` is a `view`."""
        return ()

    def solution(self, answer: Any, names: VariableNames) -> Solution | None:  # noqa: ARG002 - for problems
        """Return how an answer sets the variables of a problem; None without a problem, and for malformed answers.

        Args:
            answer: a `view`.
            names: what the submitter calls the variables.
        """
        return None

    def curve(self, answer: Any) -> Curve | None:  # noqa: ARG002 - for workloads that have one
        """Return what is drawn of an answer; `answer` is a `view`."""
        return None

    def score(self, verified: Any) -> Quantity | None:  # noqa: ARG002 - for workloads that have one
        """Return the task score of a recomputed answer; `verified` is a `verified`."""
        return None

    def runs(self, answer: Any) -> int | None:  # noqa: ARG002 - for workloads that repeat themselves in a window
        """Return how many equal inferences one run window holds; None where a window is not divided."""
        return None
