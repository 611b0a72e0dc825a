"""The command `neurorig lab`: a bench without hardware, for trying things out and for tests. Everything is VIRTUAL."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from pydantic import TypeAdapter, ValidationError

from neurorig_drivers.virtual.chip.constants import CHIPS_MAX
from neurorig_drivers.virtual.lab_benches import Kind
from neurorig_drivers.virtual.map_command import map_problem
from neurorig_protocols.records import Name

if TYPE_CHECKING:
    from neurorig_drivers.virtual.lab import LabOptions


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
    from neurorig_drivers.virtual.lab import LabOptions

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
    from neurorig_drivers.virtual.lab import Stopped, reasons_to_end, running, watch
    from neurorig_drivers.virtual.process import announce, stop_signals
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
