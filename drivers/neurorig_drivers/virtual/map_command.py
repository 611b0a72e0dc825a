"""The command `neurorig lab map`: how a problem lies on the virtual board, and what that is worth. No bench needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from neurorig_drivers.virtual.chip.constants import CHIPS_MAX

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
    from neurorig_drivers.virtual.chip.ablation import compare
    from neurorig_drivers.virtual.chip.mapping import place
    from neurorig_drivers.virtual.chip.network import from_arrays
    from neurorig_drivers.virtual.chip.quantise import quantise
    from neurorig_drivers.virtual.chip.report import qubo_placement
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
    from neurorig_protocols.benchmarks import qubo_formats, qubo_mis

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
