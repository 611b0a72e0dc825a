"""`neurorig solution`: the answer of a QUBO by the submitter's own names."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click

from neurorig.cli.problem_options import read_problem
from neurorig.cli.tables import named_values
from neurorig.cli.terminal import Terminal, with_terminal
from neurorig.client import Client
from neurorig.errors import ApiError, ClientError
from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.number_text import count_text
from neurorig_protocols.workloads.qubo.qubo_records import VerifiedQubo
from neurorig_protocols.workloads.registry import verified_of

MOST_SHOWN = 100
"""Names in the terminal; all of them are in the CSV and the JSON."""


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
    help="The problem file that was uploaded, if its format names variables.",
)
@click.option("--csv", "csv_path", type=click.Path(path_type=Path, dir_okay=False), help="Write 'name,value' lines.")
@with_terminal
def solution(
    terminal: Terminal, job_or_attempt: str, *, labels: Path | None, problem: Path | None, csv_path: Path | None
) -> None:
    """Show which variables of a QUBO are 1, by your own names.

    Without --labels or --problem, the names are those of the uploaded file where the server knows them, else numbers
    from 0.
    """
    if labels is not None and problem is not None:
        raise click.UsageError("--labels and --problem both name the variables")
    names = _names(labels, problem)
    with terminal.client() as client:
        attempt = _attempt(client, job_or_attempt)
        found = client.solution(attempt.id, names=names)
    if csv_path is not None:
        _write(csv_path, found)
    ones = [name for name, bit in found.items() if bit]
    verified = verified_of(attempt.answer)
    cost = verified.cost if isinstance(verified, VerifiedQubo) else None
    value = verified.value if isinstance(verified, VerifiedQubo) else None
    shown = ", ".join(ones[:MOST_SHOWN]) + (f" and {len(ones) - MOST_SHOWN} more" if len(ones) > MOST_SHOWN else "")
    facts = {
        "attempt": attempt.id,
        "cost": "not recomputed" if cost is None else f"{count_text(cost)}, recomputed by the server",
        "in the file's unit": "" if value is None else f"{value:.12g}",
        "variables": f"{count_text(len(ones))} of {count_text(len(found))} are 1",
        "which": shown or "none",
    }
    answer = {"attempt": attempt.id, "cost": cost, "value": value, "ones": ones, "solution": found}
    terminal.show(answer, named_values(facts))


def _names(labels: Path | None, problem: Path | None) -> tuple[str, ...]:
    if labels is not None:
        try:
            return tuple(labels.read_text("utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"cannot read '{labels}': {error}", param_hint="--labels") from error
    if problem is None:
        return ()
    found = read_problem(problem)
    if not found.labels:
        raise click.BadParameter(f"the format {found.form} does not name variables", param_hint="--problem")
    return found.labels


def _attempt(client: Client, name: str) -> AttemptView:
    """Return an attempt by its id, or the last one of a job."""
    try:
        job = client.job(name)
    except ApiError as error:
        if error.status != 404:
            raise
        return client.attempt(name)
    if job.last_attempt is None:
        raise ClientError(f"job {job.id} has no attempt yet: it is {job.state}")
    return client.attempt(job.last_attempt.id)


def _write(path: Path, found: dict[str, int]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("name", "value"), *found.items()])
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(stream.getvalue())
    except OSError as error:
        raise click.BadParameter(f"cannot write '{path}': {error.strerror}", param_hint="--csv") from error
