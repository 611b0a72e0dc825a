"""What the demo found in one attempt, gathered through the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from neurorig.client import Client
from neurorig.demo.truth import Joules, TrueEnergy, true_energy
from neurorig.errors import ClientError
from neurorig.views import AttemptView, BenchView, EnergyAbsent, EnergyView, JobView

Truths = Mapping[str, Sequence[Joules]]
"""Every window's true joules by rail, by attempt id."""


@dataclass(frozen=True)
class Result:
    """A job, its last attempt, the energy measured and, on a virtual bench, the true one."""

    job: JobView
    attempt: AttemptView
    energy: EnergyView | EnergyAbsent
    truth: TrueEnergy | None = None
    omitted: tuple[str, ...] = ()
    """What the bench leaves out of its boundary, and why."""

    @property
    def matrix(self) -> EnergyView | None:
        """The energy, or None where it is absent."""
        return self.energy if isinstance(self.energy, EnergyView) else None

    @property
    def why_absent(self) -> str | None:
        """Why there is no energy, with what the bench itself says of it; None where there is some."""
        if isinstance(self.energy, EnergyView):
            return None
        return "; ".join((self.energy.absent, *self.omitted))


def gather(client: Client, jobs: Sequence[JobView]) -> list[Result]:
    """Fetch every job's last attempt and its energy."""
    omitted = {bench.name: _omitted(bench) for bench in client.benches()}
    return [_gather_one(client, job, omitted) for job in jobs]


def _omitted(bench: BenchView) -> tuple[str, ...]:
    return tuple(f"{item['component']}: {item['reason']}" for item in bench.profile.get("omitted", ()))


def _gather_one(client: Client, job: JobView, omitted: Mapping[str, tuple[str, ...]]) -> Result:
    if job.last_attempt is None:
        raise ClientError(f"job {job.id} ended as {job.state} without an attempt: {job.reason or 'no reason given'}")
    attempt = client.attempt(job.last_attempt.id)
    return Result(job, attempt, client.energy(attempt.id), omitted=omitted.get(attempt.bench, ()))


def is_complete(results: Sequence[Result], truths: Truths) -> bool:
    """Say whether the lab has written down every window that was measured on its benches."""
    measured = [
        (result.attempt.id, result.matrix.windows) for result in results if _has_truth(result) and result.matrix
    ]
    return all(len(truths.get(attempt, ())) >= len(windows) for attempt, windows in measured)


def with_truth(results: Sequence[Result], truths: Truths) -> list[Result]:
    """Put the true energy beside the measured one, on virtual benches."""
    return [
        replace(result, truth=true_energy(result.matrix, truths.get(result.attempt.id, ())))
        if _has_truth(result) and result.matrix
        else result
        for result in results
    ]


def _has_truth(result: Result) -> bool:
    return result.matrix is not None and result.attempt.reality == "virtual"
