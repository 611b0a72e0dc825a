"""Waiting on a terminal: one line per change, and a way back after Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from neurorig import tables, views
from neurorig.errors import Unreachable
from neurorig.terminal import EXIT_JOB_FAILED, Terminal

EXIT_INTERRUPTED = 130


def follow(terminal: Terminal, job_ids: Sequence[str]) -> None:
    """Wait for jobs and show them; leave with 1 when one did not succeed, 130 when interrupted."""
    ended = wait_for(terminal, job_ids)
    answered = [job.id for job in ended if job.state == "succeeded"]
    hints = [f"its answer: neurorig show {answered[0]}\nits energy: neurorig energy {answered[0]}"] if answered else []
    terminal.show(ended, tables.jobs(ended), *(hints if len(ended) == 1 else ()))
    if any(job.state != "succeeded" for job in ended):
        sys.exit(EXIT_JOB_FAILED)


def wait_for(terminal: Terminal, job_ids: Sequence[str]) -> list[views.JobView]:
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

    def say(self, job: views.JobView) -> None:
        waiting = f" ({job.reason})" if job.reason else ""
        line = f"{job.id}: {job.state}{waiting}"
        if line not in self._lines:
            self._lines.add(line)
            # To the error stream, so that the answer on the output stays clean for programs.
            click.echo(line, err=True)


def _say_outage(error: Unreachable) -> None:
    click.echo(f"waiting for the server: {error.message}", err=True)
