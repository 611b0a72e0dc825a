"""`neurorig jobs | show | watch | cancel | benches`, and waiting on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from neurorig.cli import file_commands, tables
from neurorig.cli.terminal import EXIT_JOB_FAILED, Terminal, with_terminal
from neurorig.client import Client
from neurorig.errors import ApiError, Unreachable
from neurorig_protocols.answers import as_json
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.workloads.registry import needed_files

if TYPE_CHECKING:
    from rich.table import Table

EXIT_INTERRUPTED = 130


def follow(terminal: Terminal, job_ids: Sequence[str]) -> None:
    """Wait for jobs and show them; leave with 1 when one did not succeed, 130 when interrupted."""
    ended = wait_for(terminal, job_ids)
    answered = [job.id for job in ended if job.state == "succeeded"]
    hints = [f"its answer: neurorig show {answered[0]}\nits energy: neurorig energy {answered[0]}"] if answered else []
    terminal.show(ended, tables.jobs(ended), *(hints if len(ended) == 1 else ()))
    if any(job.state != "succeeded" for job in ended):
        sys.exit(EXIT_JOB_FAILED)


def wait_for(terminal: Terminal, job_ids: Sequence[str]) -> list[JobView]:
    """Wait for jobs and return them, telling each change; leave with 130 when interrupted."""
    try:
        with terminal.client() as client:
            return client.wait(job_ids, _Told().say, on_outage=_say_outage)
    except KeyboardInterrupt:
        click.echo(f"\nThe jobs go on. Come back with: neurorig watch {' '.join(job_ids)}", err=True)
        sys.exit(EXIT_INTERRUPTED)


class _Told:
    """Says each state and each reason of a job once: reasons for waiting come and go with other people's jobs."""

    def __init__(self) -> None:
        self._lines: set[str] = set()

    def say(self, job: JobView) -> None:
        waiting = f" ({job.reason})" if job.reason else ""
        line = f"{job.id}: {job.state}{waiting}"
        if line not in self._lines:
            self._lines.add(line)
            # To the error stream, so that the answer on the output stays clean for programs.
            click.echo(line, err=True)


def _say_outage(error: Unreachable) -> None:
    click.echo(f"waiting for the server: {error.message}", err=True)


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
            terminal.show({"job": as_json(job), "attempt": None}, *facts)
            return
        attempt = client.attempt(last.id if last else job_or_attempt)
    pictures = [tables.job_facts(job), *_problem(terminal, job), tables.attempts(job.attempts)] if job else []
    pictures += [tables.attempt_facts(attempt)]
    pictures += tables.answer_tables(attempt.answer)
    found = {"job": as_json(job) if job else None, "attempt": as_json(attempt)}
    terminal.show(found, *pictures, *tables.placement(attempt.placement, attempt.reality))


def _problem(terminal: Terminal, job: JobView) -> list[Table]:
    """Return the facts of the problem that a job names, for people."""
    problems = [file for file in needed_files(job.spec.workload) if file.kind == "qubo"]
    if not problems or terminal.as_json:
        return []
    with terminal.client() as client:
        return [file_commands.file_facts(client.file(file.digest)) for file in problems]


def _job_or_none(client: Client, job_id: str) -> JobView | None:
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
    """Ask that a job end.

    A waiting job ends at once. A running one ends within seconds where its board can stop a run (host-cpu, host-gpu,
    virtual-loihi, sanafe). Any other board finishes the window that is being measured, which takes up to the job's
    timeout; no further trial follows. `neurorig watch JOB` waits for it. A result that was complete by then is kept.
    """
    with terminal.client() as client:
        job = client.cancel(job_id)
    terminal.show(job, tables.job_facts(job))


@click.command()
@with_terminal
def benches(terminal: Terminal) -> None:
    """List benches, what they run and whether their agents are there."""
    with terminal.client() as client:
        found = client.benches()
    terminal.show(found, tables.benches(found) if found else "no benches are registered")
