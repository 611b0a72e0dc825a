"""`neurorig energy`: one attempt's matrix, or grouped means over attempts."""

from __future__ import annotations

import click

from neurorig.cli import tables
from neurorig.cli.terminal import Terminal, with_terminal
from neurorig.client import Client
from neurorig.errors import ApiError
from neurorig_protocols.api.energy import EnergyAbsent

GROUPS = (
    "component", "phase", "board", "bench", "workload", "n", "density", "scenario", "timeout", "problem", "count",
)  # fmt: skip
WORDS = {"n": "variables", "timeout": "timeout_s"}
"""What a group is called in the REST interface, where that differs."""
ALIKE = ("workload", "n", "density", "scenario", "timeout", "problem", "count", "board", "component", "phase")
"""The default: a mean over other sizes, timeouts or boards would be of nothing that anybody measured."""


@click.command()
@click.argument("attempt_or_job", required=False)
@click.option("--workload")
@click.option("--board")
@click.option("--component")
@click.option("--phase")
@click.option("--reality", type=click.Choice(["physical", "virtual"]))
@click.option("--since", help="Attempts that ended at or after this instant (ISO 8601 with offset).")
@click.option("--until", help="Attempts that ended before this instant.")
@click.option(
    "--group-by",
    multiple=True,
    type=click.Choice(GROUPS),
    help="Repeatable. By default all but bench: attempts of one size, timeout and board share a mean.",
)
@with_terminal
def energy(terminal: Terminal, attempt_or_job: str | None, group_by: tuple[str, ...], **filters: str | None) -> None:
    """Energy of one attempt (or of a job's last attempt), or means over attempts when none is named."""
    with terminal.client() as client:
        if attempt_or_job is None:
            words = [WORDS.get(group, group) for group in group_by or ALIKE]
            rows = client.energies(group_by=words, **filters)
            terminal.show(rows, tables.energy_rows(rows) if rows else "no attempt with energy matches")
            return
        if any(filters.values()):
            raise click.UsageError("filters select attempts for means; they do not go with one attempt")
        found = client.energy(_attempt_id(client, attempt_or_job))
    if isinstance(found, EnergyAbsent):
        terminal.show(found, f"absent: {found.absent}")
    else:
        terminal.show(found, tables.energy(found), tables.boundary(found.boundary))


def _attempt_id(client: Client, attempt_or_job: str) -> str:
    try:
        job = client.job(attempt_or_job)
    except ApiError as error:
        if error.status != 404:
            raise
        return attempt_or_job
    if job.last_attempt is None:
        raise click.UsageError(f"job {job.id} is {job.state} and has no attempt yet")
    return job.last_attempt.id
