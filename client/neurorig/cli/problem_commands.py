"""`neurorig qubo show | from-graph`: problem files read and made here, without a server."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from neurorig.cli import file_commands
from neurorig.cli.problem_options import READING, read_problem, reading_errors
from neurorig.cli.tables import named_values
from neurorig.cli.terminal import Terminal, with_options, with_terminal
from neurorig_protocols.workloads.qubo.coefficients import build
from neurorig_protocols.workloads.qubo.graph_problems import PROBLEMS, Graph
from neurorig_protocols.workloads.qubo.graphs import GRAPH_FORMATS, read_graph
from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.problem_file import to_bytes

UNWEIGHTED = "not used: only maxcut looks at weights"


@click.command("from-graph")
@click.argument("graph", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--problem", required=True, type=click.Choice([*PROBLEMS]), help="What is asked of the graph.")
@click.option("--format", "form", type=click.Choice([*GRAPH_FORMATS]), help="Without it the content must tell.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what the graph calls its vertices, one on a line: line k is variable k − 1.",
)
@with_terminal
def from_graph(
    terminal: Terminal, graph: Path, out: Path, *, problem: str, form: str | None, labels: Path | None
) -> None:
    """Make a problem of a graph: maximum independent set, vertex cover, clique or cut. Nothing is overwritten."""
    for path in (out, labels):
        if path is not None and path.exists():
            raise click.UsageError(f"'{path}' exists")
    with reading_errors(graph):
        read = read_graph(graph.read_bytes(), form=form)
        made = build(PROBLEMS[problem](read), name=graph.name)
    content = to_bytes(made)
    try:
        out.write_bytes(content)
        if labels is not None:
            labels.write_text("".join(f"{label}\n" for label in read.labels), encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot write '{error.filename}': {error.strerror}") from error
    facts = _facts(read, made, problem, "sha256:" + hashlib.sha256(content).hexdigest())
    terminal.show({**facts, "path": str(out)}, named_values({name: str(value) for name, value in facts.items()}))


def _facts(graph: Graph, problem: Problem, asked: str, digest: str) -> Mapping[str, Any]:
    used = asked == "maxcut" or not graph.weighted
    return {
        "problem": asked,
        "vertices": graph.n,
        "edges": len(graph.u),
        "weights": ("given" if graph.weighted else "all 1") if used else UNWEIGHTED,
        "couplings": len(problem.rows),
        "scale": problem.scale,
        "offset": problem.offset,
        "digest": digest,
    }


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
    terminal.show(facts, file_commands.problem_facts(facts))


qubo.add_command(from_graph)
