"""`neurorig benchmark max-size`: the largest problem that a machine supports, found by real jobs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from neurorig.cli.documents import job_spec
from neurorig.cli.terminal import EXIT_JOB_FAILED, Terminal, with_terminal
from neurorig.client import Client
from neurorig.errors import ApiError
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.number_text import percent_text
from neurorig_protocols.workloads.qubo.max_size import SEED, Ask, Found, Goal, Probe, Verdict, next_step
from neurorig_protocols.workloads.qubo.qubo_records import QuboAnswerView

DEFAULT_FILE = Path("max-size.json")
LEAST_ATTEMPT_S = 600.0
NO_OPTIONS: dict[str, Any] = dict.fromkeys(
    ("bench", "reality", "metered", "trials", "idle_s", "settle_s", "priority", "max_attempts", "comment")
)
FITS_NOT = ("does_not_fit", "too_large")


@click.command("max-size")
@click.option("--board", help="Board driver, such as virtual-loihi.")
@click.option("--bench", help="One bench by name.")
@click.option("--density", "densities", multiple=True, type=float, default=(0.01, 1.0), show_default=True)
@click.option("--timeout", "timeout_s", type=float, default=1.0, show_default=True, help="Run each probe for SECONDS.")
@click.option("--solver", default="default", show_default=True)
@click.option("--start", type=int, default=64, show_default=True, help="First size.")
@click.option("--resolution", type=float, default=0.01, show_default=True, help="Width of the last bracket, a share.")
@click.option("--file", "path", type=click.Path(path_type=Path), default=DEFAULT_FILE, show_default=True)
@with_terminal
def max_size(terminal: Terminal, *, board: str | None, bench: str | None, path: Path, **asked: Any) -> None:
    """The largest n that loads and whose answer beats cost 0, at each density.

    Every probe is a real job. The file keeps them; the same command goes on from it.
    """
    if not board and not bench:
        raise click.UsageError("name a --board or a --bench")
    shared = {key: asked[key] for key in ("timeout_s", "solver")} | {"board": board, "bench": bench}
    record = Record(path, shared)
    with terminal.client() as client:
        for density in asked["densities"]:
            goal = Goal(density=density, start=asked["start"], resolution=asked["resolution"])
            record.found[density] = _search(client, goal, record)
            record.save()
    terminal.show(record.as_dict(), _table(record), f"every probe is in {path}")
    if any(found.ended_by == "failed" for found in record.found.values()):
        sys.exit(EXIT_JOB_FAILED)


class Record:
    """The search so far, in a JSON file. `asked`: what all probes share; a file of another search is refused."""

    def __init__(self, path: Path, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.probes: dict[float, list[Probe]] = {}
        self.found: dict[float, Found] = {}
        self._path = path
        if path.exists():
            self._read()

    def add(self, density: float, probe: Probe) -> None:
        """Keep a probe before the next one begins."""
        self.probes.setdefault(density, []).append(probe)
        self.save()

    def save(self) -> None:
        """Write the file as a whole, so that none is ever half written."""
        part = self._path.with_name(self._path.name + ".part")
        try:
            part.write_text(json.dumps(self.as_dict(), indent=2), "utf-8")
            part.replace(self._path)
        except OSError as error:
            raise click.BadParameter(f"cannot write '{self._path}': {error.strerror}", param_hint="--file") from error

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        searches = [
            {
                "density": density,
                "probes": [probe.model_dump(mode="json") for probe in probes],
                "found": self.found[density].model_dump(mode="json") if density in self.found else None,
            }
            for density, probes in self.probes.items()
        ]
        return {"benchmark": "qubo-mis", "seed": SEED, "asked": self.asked, "searches": searches}

    def _read(self) -> None:
        try:
            body = json.loads(self._path.read_text("utf-8"))
            if body["asked"] != self.asked:
                message = f"'{self._path}' belongs to another search ({body['asked']}); name another file"
                raise click.BadParameter(message, param_hint="--file")
            for search in body["searches"]:
                self.probes[search["density"]] = [Probe.model_validate(probe) for probe in search["probes"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = f"'{self._path}' is no record of a search: {error}"
            raise click.BadParameter(message, param_hint="--file") from error


def _search(client: Client, goal: Goal, record: Record) -> Found:
    while True:
        probes = record.probes.setdefault(goal.density, [])
        try:
            step = next_step(goal, probes)
        except ValueError as error:
            raise click.ClickException(f"the probes contradict each other: {error}") from error
        if isinstance(step, Found):
            _say(f"density {percent_text(goal.density)}: {_end(step)}")
            return step
        record.add(goal.density, _probe(client, goal, step, record.asked))
        probe = record.probes[goal.density][-1]
        seen = f"{probe.verdict.replace('_', ' ')}. {probe.limit}".rstrip()
        _say(f"density {percent_text(goal.density)}, n = {probe.n}: {seen}")


def _probe(client: Client, goal: Goal, step: Ask, asked: dict[str, Any]) -> Probe:
    scenario = {"kind": "fixed-timeout", "timeout_s": asked["timeout_s"]}
    workload = {"name": "qubo-mis", "n": step.n, "density": goal.density, "seed": SEED, "scenario": scenario}
    options = {**NO_OPTIONS, **asked, "solver_seed": 0, "params": (), "tags": ("max-size",)}
    spec = job_spec(workload, options)
    limit_s = max(LEAST_ATTEMPT_S, 60 * asked["timeout_s"])
    # The meter is not asked here: ranging runs would only cost time.
    plan = spec.plan.model_copy(update={"max_attempt_s": limit_s, "ranging": False, "warmup": False})
    try:
        job = client.submit(spec.model_copy(update={"plan": plan}))
    except ApiError as error:
        if any(field.code in FITS_NOT for field in error.fields):
            return Probe(n=step.n, verdict="does_not_fit", limit=error.message)
        raise
    (ended,) = client.wait([job.id])
    return verdict_of(step.n, ended, _cost(client, ended))


def verdict_of(n: int, job: JobView, cost: int | None) -> Probe:
    """Read a probe's verdict from its ended job and the recomputed cost of its answer."""
    if job.state == "succeeded" and cost is not None:
        if cost < 0:
            return Probe(n=n, verdict="solved", job=job.id, cost=cost)
        return Probe(n=n, verdict="not_below_zero", limit=f"the answer costs {cost}", job=job.id, cost=cost)
    fits_not = job.error is not None and job.error.code in FITS_NOT
    verdict: Verdict = "does_not_fit" if fits_not else "failed"
    limit = job.error.message if job.error else f"the job is {job.state} and has no verified answer"
    return Probe(n=n, verdict=verdict, limit=limit, job=job.id)


def _cost(client: Client, job: JobView) -> int | None:
    if job.state != "succeeded" or job.last_attempt is None:
        return None
    answer = client.attempt(job.last_attempt.id).answer
    return answer.verified.cost if isinstance(answer, QuboAnswerView) and answer.verified else None


def _end(found: Found) -> str:
    largest = "no size works" if found.largest is None else f"n = {found.largest} is the largest that works"
    above = f", n = {found.not_above} does not" if found.not_above else ""
    return f"{largest}{above}; ended by {found.ended_by}: {found.limit}"


def _table(record: Record) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("density", "largest n", "not above", "ended by", "limit", "probes"):
        table.add_column(column, overflow="fold")
    for density, found in record.found.items():
        table.add_row(
            percent_text(density),
            "none" if found.largest is None else str(found.largest),
            "" if found.not_above is None else str(found.not_above),
            found.ended_by.replace("_", " "),
            found.limit,
            str(len(record.probes[density])),
        )
    return table


def _say(line: str) -> None:
    # To the error stream, so that the answer on the output stays clean for programs.
    click.echo(line, err=True)
