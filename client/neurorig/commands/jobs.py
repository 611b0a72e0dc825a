"""`neurorig jobs | show | watch | cancel`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from neurorig import file_tables, placement_tables, tables, views
from neurorig.client import Client
from neurorig.errors import ApiError
from neurorig.follow import follow
from neurorig.terminal import Terminal, with_terminal

if TYPE_CHECKING:
    from rich.table import Table

STATES = ("queued", "leased", "running", "cancelling", "succeeded", "failed", "cancelled")


@click.command()
@click.option("--state", type=click.Choice(STATES))
@click.option("--workload")
@click.option("--board")
@click.option("--tag")
@click.option("--campaign")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="List at most this many.")
@with_terminal
def jobs(
    terminal: Terminal,
    *,
    state: str | None,
    workload: str | None,
    board: str | None,
    tag: str | None,
    campaign: str | None,
    limit: int,
) -> None:
    """List jobs, newest first."""
    filters = {"state": state, "workload": workload, "board": board, "tag": tag, "campaign": campaign}
    with terminal.client() as client:
        found = list(islice(client.jobs(page_size=min(limit, 100), **filters), limit))
    terminal.show(found, tables.jobs(found) if found else "no jobs")


@click.command()
@click.argument("job_or_attempt")
@with_terminal
def show(terminal: Terminal, job_or_attempt: str) -> None:
    """Show a job with its last attempt, or one attempt."""
    with terminal.client() as client:
        job = _job_or_none(client, job_or_attempt)
        last = job.last_attempt if job else None
        if job and not last:
            facts = [tables.job_facts(job), *_problem(terminal, job)]
            terminal.show({"job": job.model_dump(mode="json"), "attempt": None}, *facts)
            return
        attempt = client.attempt(last.id if last else job_or_attempt)
    reached = attempt.answer.verified.reached if attempt.answer and attempt.answer.verified else ()
    pictures = [tables.job_facts(job), *_problem(terminal, job), tables.attempts(job.attempts)] if job else []
    pictures += [tables.attempt_facts(attempt)]
    pictures += [tables.reached(reached, attempt.reality)] if reached else []
    found = {"job": job.model_dump(mode="json") if job else None, "attempt": attempt.model_dump(mode="json")}
    terminal.show(found, *pictures, *placement_tables.placement(attempt.placement, attempt.reality))


def _problem(terminal: Terminal, job: views.JobView) -> list[Table]:
    """Return the facts of the problem that a job names, for people."""
    digest = job.spec.workload.problem
    if digest is None or terminal.as_json:
        return []
    with terminal.client() as client:
        return [file_tables.file_facts(client.file(digest))]


def _job_or_none(client: Client, job_id: str) -> views.JobView | None:
    try:
        return client.job(job_id)
    except ApiError as error:
        if error.status != 404:
            raise
        return None


@click.command()
@click.argument("job_ids", nargs=-1, required=True)
@with_terminal
def watch(terminal: Terminal, job_ids: tuple[str, ...]) -> None:
    """Wait until jobs have ended. Interrupting leaves them running; a restart of the server is waited out."""
    follow(terminal, job_ids)


@click.command()
@click.argument("job_id")
@with_terminal
def cancel(terminal: Terminal, job_id: str) -> None:
    """Ask that a job end. A window that is being measured is finished first."""
    with terminal.client() as client:
        job = client.cancel(job_id)
    terminal.show(job, tables.job_facts(job))
