"""`neurorig qubo show | from-graph`: problem files, read and made here, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurorig import file_tables
from neurorig.commands.submit import with_options
from neurorig.graph_command import from_graph
from neurorig.problem_options import READING, read_problem
from neurorig.terminal import Terminal, with_terminal


@click.group()
def qubo() -> None:
    """Problem files."""


@qubo.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@with_options(READING)
@with_terminal
def show(terminal: Terminal, path: Path, **reading: Any) -> None:
    """Show size, density, scale and rounding of a problem file; `problem` is the digest that jobs name."""
    found = read_problem(path, **reading)
    facts = found.facts()
    terminal.show(facts, file_tables.problem_facts(facts))


qubo.add_command(from_graph)
