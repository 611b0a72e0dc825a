"""The command `neurorig lab`: a bench without hardware, and how a problem lies on its chip. Everything is VIRTUAL."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from pydantic import TypeAdapter, ValidationError

from neurorig_lab.benches import Kind
from neurorig_lab.chip.constants import CHIPS_MAX
from neurorig_protocols.records import Name

if TYPE_CHECKING:
    from neurorig_lab.lab import LabOptions

_SHADES = " .:-=+*#%@"
_NAIVE = {"in_order": "core by core", "round_robin": "in turn"}


@click.command("map")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--n", type=click.IntRange(1, 100_000), help="Variables of a problem of the benchmark.")
@click.option("--density", default=0.05, show_default=True, type=click.FloatRange(0, 1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the problem and of the run.")
@click.option("--chips", default=1, show_default=True, type=click.IntRange(1, CHIPS_MAX))
@click.option("--steps", default=2_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def map_problem(
    *, file: Path | None, n: int | None, density: float, seed: int, chips: int, steps: int, as_json: bool
) -> None:
    """Place FILE (a QUBO) or a problem of the benchmark on the VIRTUAL board, and compare with two naive placements."""
    from neurorig_drivers.annealing.network import from_arrays
    from neurorig_drivers.annealing.quantise import quantise
    from neurorig_lab.chip.ablation import compare
    from neurorig_lab.chip.mapping import place
    from neurorig_lab.chip.placement_report import qubo_placement
    from neurorig_protocols.errors import NeurorigError

    if (file is None) == (n is None):
        raise click.UsageError("give a file or --n, one of them")
    try:
        quantised = quantise(_arrays(file, n, density, seed))
        network = from_arrays(quantised.arrays)
        placement = qubo_placement(network, place(network, chips))
        compared = compare(network, chips, steps=steps, seed=seed)
    except NeurorigError as error:
        raise click.ClickException(error.message) from error
    report = {**placement.model_dump(), "quantisation": quantised.facts, "compared": compared}
    click.echo(json.dumps(report) if as_json else "\n".join(_lines(report)))


def _arrays(file: Path | None, n: int | None, density: float, seed: int) -> dict[str, Any]:
    from neurorig_protocols.workloads.qubo import formats as qubo_formats
    from neurorig_protocols.workloads.qubo import mis as qubo_mis

    problem = (
        qubo_formats.read(file.read_bytes(), name=file.name).problem
        if file
        else qubo_mis.instance(n or 1, density, seed)
    )
    return {name: getattr(problem, name) for name in ("diagonal", "rows", "cols", "weights")}


def _lines(report: dict[str, Any]) -> list[str]:
    """Return the report for people; everything in it is modelled."""
    facts = {name: value for name, value in report["summary"].items() if name != "mesh"} | report["quantisation"]
    lines = [f"{_label(name):32} {value:.6g}" for name, value in facts.items()]
    lines += [f"{'use of ' + _label(name):32} {share:.1%}" for name, share in report["utilisation"].items()]
    mesh = report["summary"]["mesh"]
    lines += ["", f"expected work of each {mesh['grain']}, darkest is busiest (VIRTUAL board)", *_picture(mesh)]
    return [*lines, "", *_comparison(report["compared"])]


def _comparison(compared: dict[str, Any]) -> list[str]:
    """Return one line per figure with a column per placement, within 80 columns, and how much longer a step takes."""
    keys = [key for key in ("placed", *_NAIVE) if compared[key] is not None]
    heads = {"placed": "neurorig", **_NAIVE}
    lines = [f"{'per step, run with the same seed':33}" + "".join(f"{heads[key]:>15}" for key in keys)]
    for name, value in compared["placed"].items():
        if isinstance(value, int | float):
            lines.append(f"{_label(name):33}" + "".join(f"{compared[key][name]:15.4g}" for key in keys))
    for key, what in _NAIVE.items():
        ratio = compared["step_ratio"][key]
        told = "breaks a limit of the board" if ratio is None else f"takes {ratio:.2f} times as long a step"
        lines.append(f"{what}: {told}")
    return [*lines, "core by core fills the fewest cores; in turn deals out to those of neurorig"]


def _label(name: str) -> str:
    """Return a figure's name for people, its unit in brackets."""
    return (f"{name.removesuffix('_s')} (s)" if name.endswith("_s") else name).replace("_", " ")


def _picture(mesh: dict[str, Any]) -> list[str]:
    columns, work = mesh["columns"], mesh["work_percent"]
    cells = ["·" if share < 0 else _SHADES[min(share, 99) // 10] for share in work]
    return ["  " + "".join(cells[at : at + columns]) for at in range(0, len(cells), columns)]


def _name(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str:
    try:
        return TypeAdapter(Name).validate_python(text) if text is not None else ""
    except ValidationError as error:
        raise click.BadParameter("lower case letters, digits, '.', '_' and '-' only, 64 at most") from error


@click.group()
def lab() -> None:
    """Run a VIRTUAL bench: no hardware, modelled time and energy."""


lab.add_command(map_problem)


@lab.command()
@click.argument("kind", type=click.Choice(get_args(Kind)))
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--truth", type=click.Path(path_type=Path, file_okay=False), help="Folder for the true energies.")
@click.option("--name", callback=_name, help="Name of the bench and of its truth log; the kind if not given.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws the analyser's errors.")
@click.option("--fault", "faults", multiple=True, help="A fault of the analyser, such as die:2.5 or mute.")
@click.option("--chips", default=1, show_default=True, type=click.IntRange(1, CHIPS_MAX), help="virtual-loihi.")
@click.option("--baud", default=921_600, show_default=True, help="Speed of the serial port (virtual-serial).")
@click.option(
    "--sanafe-python",
    "python",
    default="var/env/sanafe/bin/python",
    show_default=True,
    envvar="NEURORIG_SANAFE_PYTHON",
    help="Python of `make sanafe-env` (sanafe).",
)
@click.option("--architecture", default="loihi", show_default=True, help="loihi or a YAML file (sanafe).")
@click.option("--until-stdin-closes", is_flag=True, help="End as well when standard input is closed.")
def start(
    *,
    kind: Kind,
    folder: Path,
    truth: Path | None,
    name: str,
    seed: int,
    faults: tuple[str, ...],
    chips: int,
    baud: int,
    python: str,
    architecture: str,
    until_stdin_closes: bool,
) -> None:
    """Start the virtual bench KIND and run it until told to stop.

    Writes DIR/bench.toml for an agent and prints one JSON line when everything answers.
    """
    from neurorig_lab.lab import LabOptions

    options = LabOptions(
        kind=kind,
        folder=folder,
        truth=truth,
        name=name,
        seed=seed,
        faults=faults,
        chips=chips,
        baud=baud,
        python=python,
        architecture=architecture,
    )
    _run(options, until_stdin_closes=until_stdin_closes)


def _run(options: LabOptions, *, until_stdin_closes: bool) -> None:
    from neurorig_lab.device_process import announce, stop_signals
    from neurorig_lab.lab import Stopped, reasons_to_end, running, watch
    from neurorig_protocols.errors import NeurorigError

    parent_pid = os.getppid()
    stdin = sys.stdin.fileno() if until_stdin_closes else None
    try:
        # SIGCHLD is caught too, so that the death of a part is seen at once.
        with (
            stop_signals(signal.SIGCHLD) as wait,
            contextlib.suppress(Stopped),
            running(options, reasons_to_end(wait, parent_pid, stdin)) as parts,
        ):
            pids = {part: process.pid for part, process in parts.processes.items()}
            announce(bench=str(parts.bench_file), kind=options.kind, name=options.bench, parts=pids)
            watch(parts)
    except NeurorigError as error:
        raise click.ClickException(error.message) from error
    except OSError as error:
        raise click.ClickException(f"the virtual lab could not be started: {error}") from error
