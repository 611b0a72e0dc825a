"""`neurorig qubo from-graph`: a question about a graph of one's own becomes a problem file, here, without a server."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from neurorig.problem_options import reading_errors
from neurorig.table_parts import named_values
from neurorig.terminal import Terminal, with_terminal
from neurorig_protocols.benchmarks.graph_formats import GRAPH_FORMATS, read_graph
from neurorig_protocols.benchmarks.graph_problems import PROBLEMS, Graph
from neurorig_protocols.benchmarks.qubo import Problem
from neurorig_protocols.benchmarks.qubo_file import to_bytes
from neurorig_protocols.benchmarks.qubo_terms import build

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
