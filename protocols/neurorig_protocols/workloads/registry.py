"""The installed workloads, by entry point, and the unions of their records.

A workload of another package is found like ours: it names a subclass of `contract.Workload` in the entry point group
`neurorig.workloads`. One that cannot be loaded is left out and named by `broken`, so that it takes nothing else down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from neurorig_protocols.workloads.contract import (
    Checked,
    NeededFile,
    ReportedAnswer,
    Sources,
    VerifiedAnswer,
    Workload,
    WorkloadSpec,
)

GROUP = "neurorig.workloads"

Found = Workload[Any, Any]


@cache
def _load() -> tuple[Mapping[str, Found], Mapping[str, str]]:
    found: dict[str, Found] = {}
    broken: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            workload = point.load()()
            _require_fitting(workload, point.name, found)
            found[point.name] = workload
        except Exception as error:  # noqa: BLE001 - whatever another package does wrong must not stop a server
            broken[point.name] = f"{type(error).__name__}: {error}"
    return found, broken


def _require_fitting(workload: Any, name: str, others: Mapping[str, Found]) -> None:
    if not isinstance(workload, Workload) or workload.name != name:
        raise TypeError(f"the entry point '{name}' is not a workload of that name")
    for other in others.values():
        if other.kind == workload.kind and other.answer is not workload.answer:
            raise TypeError(f"answers of the kind '{workload.kind}' belong to '{other.name}'")


def installed() -> Mapping[str, Found]:
    """Return the workloads that can be run, by name."""
    return _load()[0]


def broken() -> Mapping[str, str]:
    """Return the entry points that are not usable, each with the reason."""
    return _load()[1]


def of_spec(spec: object) -> Found | None:
    """Return the workload of a spec; None for one that is not installed here."""
    found = installed().get(getattr(spec, "name", ""))
    return found if found is not None and isinstance(spec, found.spec) else None


def of_answer(answer: object) -> Found | None:
    """Return a workload that gives answers of this kind; None for a kind that is not installed here."""
    return next((found for found in installed().values() if isinstance(answer, found.answer)), None)


def verified_of(answer: ReportedAnswer | None) -> VerifiedAnswer | None:
    """Return the recomputation that an answer carries; None where it is not done, or has none."""
    verified = getattr(answer, "verified", None)
    return verified if isinstance(verified, VerifiedAnswer) else None


def needed_files(spec: WorkloadSpec) -> tuple[NeededFile, ...]:
    """Return the uploaded files that a workload cannot run without."""
    found = of_spec(spec)
    return () if found is None else found.needed_files(spec)


def verify(spec: WorkloadSpec, answer: ReportedAnswer | None, sources: Sources) -> Checked:
    """Recompute an answer of a job's workload."""
    found = of_spec(spec)
    if answer is None:
        return Checked(None, ("no_answer",))
    if found is None or not isinstance(answer, found.answer):
        return Checked(None, ("answer_of_another_kind",))
    return found.verify(spec, answer, sources)


@cache
def invalidating() -> frozenset[str]:
    """Return the codes, of all workloads, that make an answer unusable."""
    return frozenset().union(*(found.invalidating for found in installed().values()))


@cache
def codes() -> Mapping[str, str]:
    """Return the quality codes of all workloads, each with its sentence."""
    return {code: text for found in installed().values() for code, text in found.codes.items()}


@dataclass(frozen=True)
class _Union:
    """The tagged union of one record of each installed workload."""

    choose: Callable[[Found], type[Any]]
    tag: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        choices: dict[Any, core_schema.CoreSchema] = {}
        for found in installed().values():
            record = self.choose(found)
            name = found.name if self.tag == "name" else found.kind
            choices.setdefault(name, handler.generate_schema(record))
        if not choices:
            raise RuntimeError("no workload is installed: install neurorig again, its entry points are missing")
        return core_schema.tagged_union_schema(choices, discriminator=self.tag)


InstalledSpec = Annotated[WorkloadSpec, _Union(lambda found: found.spec, "name")]
"""The spec of any installed workload."""

InstalledAnswer = Annotated[ReportedAnswer, _Union(lambda found: found.answer, "kind")]
"""The reported answer of any installed workload."""

InstalledVerified = Annotated[VerifiedAnswer, _Union(lambda found: found.verified, "kind")]
"""The recomputed answer of any installed workload."""

InstalledAnswerView = Annotated[ReportedAnswer, _Union(lambda found: found.view, "kind")]
"""The answer of any installed workload with its recomputation."""
