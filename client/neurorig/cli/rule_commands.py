"""`neurorig rules check`."""

from __future__ import annotations

import click

from neurorig.cli import tables
from neurorig.cli.documents import checked
from neurorig.cli.terminal import EXIT_JOB_FAILED, Terminal, with_terminal
from neurorig.client import Client
from neurorig.errors import ApiError
from neurorig_protocols.answers import as_json
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.benchmarks.tuning import find_per_instance_tuning
from neurorig_protocols.job import JobSpec


@click.group()
def rules() -> None:
    """Check jobs against the rules of their benchmark."""


@rules.command()
@click.argument("campaigns_or_jobs", nargs=-1, required=True)
@with_terminal
def check(terminal: Terminal, campaigns_or_jobs: tuple[str, ...]) -> None:
    """Find parameters that differ between graphs of one size and density. Ends with 1 when there are any."""
    with terminal.client() as client:
        jobs = {job.id: job for name in campaigns_or_jobs for job in _jobs(client, name)}
    found = find_per_instance_tuning([_spec(job) for job in jobs.values()])
    counted: dict[str, int] = {}
    for job in jobs.values():
        name = job.standing.name if job.standing else "no rules"
        counted[name] = counted.get(name, 0) + 1
    seen = ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))
    rows = [("standing", True, seen)]
    rows += [("per-instance tuning", False, finding.sentence) for finding in found] or [
        ("per-instance tuning", True, f"none in {len(jobs)} jobs")
    ]
    answer = {"jobs": len(jobs), "standings": counted, "findings": [f.model_dump(mode="json") for f in found]}
    terminal.show(answer, tables.checks(rows))
    if found:
        click.get_current_context().exit(EXIT_JOB_FAILED)


def _jobs(client: Client, name: str) -> list[JobView]:
    """Return the jobs of a campaign, or the one job of that name."""
    try:
        client.campaign(name)
    except ApiError as error:
        if error.status != 404:
            raise
        return [client.job(name)]
    return list(client.jobs(campaign=name))


def _spec(job: JobView) -> JobSpec:
    return checked(JobSpec, as_json(job.spec), f"this client does not understand job {job.id}")
