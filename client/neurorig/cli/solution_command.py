"""`neurorig solution`: the answer of a QUBO by the submitter's own names."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import click

from neurorig.cli.problem_options import read_problem
from neurorig.cli.tables import named_values
from neurorig.cli.terminal import Terminal, with_terminal
from neurorig.client import Client
from neurorig.errors import ApiError, ClientError
from neurorig_protocols.number_text import count_text

MOST_SHOWN = 100
LONGEST_SHOWN = 60
"""Names in the terminal, and characters of each; all of them are in the CSV and the JSON."""

SOURCES = {
    "file": "those of the uploaded file",
    "numbers": "numbered from 0: the server knows no names; --labels or --problem give them",
    "given": "as given",
}


@click.command()
@click.argument("job_or_attempt")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Names of the variables: one on a line, as `qubo from-graph --labels` writes them.",
)
@click.option(
    "--problem",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The problem file that was uploaded, which names or numbers the variables.",
)
@click.option("--csv", "csv_path", type=click.Path(path_type=Path, dir_okay=False), help="Write 'name,value' lines.")
@with_terminal
def solution(
    terminal: Terminal, job_or_attempt: str, *, labels: Path | None, problem: Path | None, csv_path: Path | None
) -> None:
    """Show which variables of a QUBO are 1, by your own names.

    Without --labels or --problem, names and numbers are those of the uploaded file where the server knows them, else
    numbers from 0. For a problem of spins, 1 stands for +1 and 0 for −1.
    """
    if labels is not None and problem is not None:
        raise click.UsageError("--labels and --problem both name the variables")
    names = _names(labels, problem)
    with terminal.client() as client:
        found = client.solution(_attempt(client, job_or_attempt), names=names)
    if csv_path is not None:
        _write(csv_path, found.solution)
    ones = found.ones
    shown = ", ".join(_short(name) for name in ones[:MOST_SHOWN])
    more = f" and {count_text(len(ones) - MOST_SHOWN)} more" if len(ones) > MOST_SHOWN else ""
    facts = {
        "attempt": found.attempt,
        "cost": "not recomputed" if found.cost is None else f"{count_text(found.cost)}, recomputed by the server",
        "in the file's unit": "" if found.value is None else f"{found.value:.12g}",
        "variables": f"{count_text(len(ones))} of {count_text(len(found.solution))} are 1",
        "names": SOURCES.get(found.names_from, found.names_from),
        "which": shown + more or "none",
    }
    terminal.show({**found.model_dump(), "ones": ones}, named_values(facts))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"


def _names(labels: Path | None, problem: Path | None) -> Sequence[str]:
    if labels is not None:
        try:
            # Not splitlines: only these ends are written, and a name may hold other separators.
            return labels.read_text("utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"cannot read '{labels}': {error}", param_hint="--labels") from error
    if problem is None:
        return ()
    found = read_problem(problem)
    if isinstance(found.names, int):
        return [str(k) for k in range(found.names, found.names + found.problem.n)]
    return found.names


def _attempt(client: Client, name: str) -> str:
    """Return the id of an attempt: itself, or the last one of a job."""
    try:
        job = client.job(name)
    except ApiError as error:
        if error.status != 404:
            raise
        return name
    if job.last_attempt is None:
        raise ClientError(f"job {job.id} has no attempt yet: it is {job.state}")
    return job.last_attempt.id


def _write(path: Path, found: dict[str, int]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("name", "value"), *found.items()])
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(stream.getvalue())
    except OSError as error:
        raise click.BadParameter(f"cannot write '{path}': {error.strerror}", param_hint="--csv") from error
