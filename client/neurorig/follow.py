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
    terminal.show(ended, tables.jobs(ended))
    if any(job.state != "succeeded" for job in ended):
        sys.exit(EXIT_JOB_FAILED)


def wait_for(terminal: Terminal, job_ids: Sequence[str]) -> list[views.JobView]:
    """Wait for jobs and return them, telling each change; leave with 130 when interrupted."""
    try:
        with terminal.client() as client:
            return client.wait(job_ids, _say_change, on_outage=_say_outage)
    except KeyboardInterrupt:
        click.echo(f"\nThe jobs go on. Come back with: neurorig watch {' '.join(job_ids)}", err=True)
        sys.exit(EXIT_INTERRUPTED)


def _say_change(job: views.JobView) -> None:
    # To the error stream, so that the answer on the output stays clean for programs.
    waiting = f" ({job.reason})" if job.reason else ""
    click.echo(f"{job.id}: {job.state}{waiting}", err=True)


def _say_outage(error: Unreachable) -> None:
    click.echo(f"waiting for the server: {error.message}", err=True)
