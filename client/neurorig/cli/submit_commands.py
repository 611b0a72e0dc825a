"""`neurorig submit qubo-mis | mnist-digits | --file`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from neurorig.cli import tables
from neurorig.cli import terminal as digests
from neurorig.cli.baseline import asked_baseline, send_with_baseline
from neurorig.cli.documents import job_spec, read_spec
from neurorig.cli.job_commands import follow
from neurorig.cli.problem_options import READING, TARGET, problem_file, target_of, uploaded
from neurorig.cli.terminal import Option, Terminal, with_options, with_terminal
from neurorig_protocols.job import JobSpec

ONCE: Sequence[Option] = (
    click.option("--idempotency-key", help="Repeating a call with the same key makes nothing new."),
)

SENDING: Sequence[Option] = (
    click.option("--wait", is_flag=True, help="Wait until the job has ended."),
    click.option("--wait-for-bench", is_flag=True, help="Queue it even if no registered bench fits yet."),
    *ONCE,
)

JOB: Sequence[Option] = (
    click.option("--board", help="Board driver, such as virtual-loihi."),
    click.option("--bench", help="One bench by name."),
    click.option("--reality", type=click.Choice(["physical", "virtual"])),
    click.option("--metered", is_flag=True, default=None, help="Ask for a bench that measures energy."),
    click.option("--solver", default="default", show_default=True, help="Algorithm of the board."),
    click.option("--solver-seed", default=0, show_default=True, type=int),
    click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Solver constant; repeatable."),
    click.option("--tuning", type=digests.TUNING, help="Frozen tuning declaration that gives the solver's constants."),
    click.option("--trials", type=int, help="Repetitions of the run phase."),
    click.option("--idle", "idle_s", type=float, help="Length of each idle window in seconds."),
    click.option("--settle", "settle_s", type=float, help="Wait between phases in seconds."),
    click.option("--priority", type=int, help="0 to 100; higher goes first."),
    click.option("--max-attempts", type=int, help="Tries after failures of the infrastructure."),
    click.option("--tag", "tags", multiple=True, help="Label for finding the job again; repeatable."),
    click.option("--comment"),
)


BASELINE: Sequence[Option] = (
    click.option(
        "--baseline",
        is_flag=False,
        flag_value="board=host-cpu",
        metavar="[BENCH|board=NAME]",
        help="Run the same instances there too and compare; without a value on a host-cpu board.",
    ),
    click.option("--baseline-solver", default="default", show_default=True, help="Algorithm of the baseline."),
)


@click.group(invoke_without_command=True)
@click.option("--file", "path", type=click.Path(path_type=Path), help="A whole job as JSON or TOML.")
@with_options(SENDING)
@with_terminal
def submit(terminal: Terminal, path: Path | None, **sending: Any) -> None:
    """Ask for a job: name a workload, or give a file."""
    ctx = click.get_current_context()
    if ctx.invoked_subcommand:
        given = [name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            raise click.UsageError(f"options go behind '{ctx.invoked_subcommand}'")
        return
    if path is None:
        raise click.UsageError(f"name a workload ({', '.join(submit.list_commands(ctx))}) or give --file")
    _send(terminal, read_spec(path), sending)


@submit.command("qubo-mis")
@click.option("--n", required=True, type=int, help="Variables.")
@click.option("--density", required=True, type=float, help="Edge density, 0 to 1.")
@click.option("--seed", default=0, show_default=True, type=int, help="Seed of the graph.")
@click.option("--timeout", "timeout_s", type=float, help="Fixed-timeout scenario: run for SECONDS.", metavar="SECONDS")
@click.option(
    "--tts", "limit_s", type=float, help="Time-to-solution scenario: give up after SECONDS.", metavar="SECONDS"
)
@click.option("--gap", "gaps", multiple=True, type=float, help="Gap to reach, with --tts; repeatable.")
@click.option(
    "--reference",
    type=click.Choice(["official", "best-verified", "given"]),
    help="With --tts: the target that gaps are measured from; official without it.",
)
@click.option("--target-cost", type=int, help="That target's cost, with --reference given.")
@with_options(BASELINE, JOB, SENDING)
@with_terminal
def qubo_mis(
    terminal: Terminal,
    *,
    n: int,
    density: float,
    seed: int,
    timeout_s: float | None,
    limit_s: float | None,
    gaps: tuple[float, ...],
    reference: str | None,
    target_cost: int | None,
    **options: Any,
) -> None:
    """A maximum-independent-set problem of NeuroBench."""
    scenario = {**scenario_of(timeout_s, limit_s, gaps), **_target(limit_s, reference, target_cost)}
    workload = {"name": "qubo-mis", "n": n, "density": density, "seed": seed, "scenario": scenario}
    _send(terminal, job_spec(workload, options), options)


@submit.command("qubo")
@click.argument("problem", metavar="FILE_OR_DIGEST")
@click.option("--name", help="What people call it; without it the file's name.")
@click.option("--timeout", "timeout_s", type=float, help="Fixed-timeout scenario: run for SECONDS.", metavar="SECONDS")
@click.option(
    "--tts", "limit_s", type=float, help="Time-to-solution scenario: give up after SECONDS.", metavar="SECONDS"
)
@click.option("--gap", "gaps", multiple=True, type=float, help="Gap to reach, with --tts; repeatable.")
@with_options(READING, TARGET, BASELINE, JOB, SENDING)
@with_terminal
def qubo(
    terminal: Terminal,
    *,
    problem: str,
    timeout_s: float | None,
    limit_s: float | None,
    gaps: tuple[float, ...],
    **options: Any,
) -> None:
    """Any QUBO: a problem file, which is uploaded, or the digest of one that was."""
    scenario = scenario_of(timeout_s, limit_s, gaps)
    with terminal.client() as client:
        file = problem_file(client, problem, options)
    scenario |= target_of(file, scenario["kind"], options)
    workload = {"name": "qubo", "problem": file.digest, "scenario": scenario}
    _send(terminal, job_spec(workload, options), options)


@submit.command("mnist-digits")
@click.option("--count", default=200, show_default=True, type=int, help="Images.")
@click.option("--first", default=0, show_default=True, type=int, help="Number of the first image.")
@click.option("--iterations", default=1, show_default=True, type=int, help="Inferences per image and window.")
@with_options(JOB, SENDING)
@with_terminal
def mnist_digits(terminal: Terminal, count: int, first: int, iterations: int, **options: Any) -> None:
    """Handwritten digits through a small network."""
    workload = {"name": "mnist-digits", "count": count, "first": first, "iterations": iterations}
    _send(terminal, job_spec(workload, options), options)


def _target(limit_s: float | None, reference: str | None, target_cost: int | None) -> dict[str, Any]:
    given = {"reference": reference, "target_cost": target_cost}
    said = {name: value for name, value in given.items() if value is not None}
    if said and limit_s is None:
        raise click.UsageError("--reference and --target-cost go with --tts")
    if (target_cost is not None) != (reference == "given"):
        raise click.UsageError("--target-cost goes with --reference given")
    return said


@submit.command("snn")
@click.option("--model", required=True, metavar="FILE_OR_DIGEST", help="NIR graph: a file or an uploaded one's digest.")
@click.option("--events", required=True, metavar="FILE_OR_DIGEST", help="Input events: lines of sample,step,input.")
@click.option("--steps", required=True, type=int, help="Time steps per sample.")
@click.option("--samples", default=1, show_default=True, type=int)
@click.option("--dt", type=float, help="Duration of a step in the graph's unit of time; else as the graph tells.")
@with_options(JOB, SENDING)
@with_terminal
def snn(
    terminal: Terminal, *, model: str, events: str, steps: int, samples: int, dt: float | None, **options: Any
) -> None:
    """A spiking network: a NIR graph and its input events, which are uploaded."""
    with terminal.client() as client:
        files = {"model": uploaded(client, model, "nir"), "events": uploaded(client, events, "events")}
    workload = {"name": "snn", **files, "steps": steps, "samples": samples, "dt": dt}
    _send(terminal, job_spec(workload, options), options)


def scenario_of(timeout_s: float | None, limit_s: float | None, gaps: tuple[float, ...]) -> dict[str, Any]:
    """Return the scenario that the options describe; a usage error unless they describe exactly one."""
    if (timeout_s is None) == (limit_s is None):
        raise click.UsageError("give either --timeout or --tts")
    if timeout_s is not None:
        if gaps:
            raise click.UsageError("--gap goes with --tts")
        return {"kind": "fixed-timeout", "timeout_s": timeout_s}
    return {"kind": "time-to-solution", "limit_s": limit_s, **({"gaps": gaps} if gaps else {})}


def _send(terminal: Terminal, spec: JobSpec, sending: dict[str, Any]) -> None:
    with terminal.client() as client:
        other = asked_baseline(client, spec, sending)
    if other is not None:
        send_with_baseline(terminal, spec, other, sending)
        return
    with terminal.client() as client:
        job = client.submit(spec, idempotency_key=sending["idempotency_key"], wait_for_bench=sending["wait_for_bench"])
    if sending["wait"]:
        follow(terminal, [job.id])
    else:
        terminal.show(job, tables.job_facts(job), f"follow it with: neurorig watch {job.id}")
