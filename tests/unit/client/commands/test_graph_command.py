"""`neurorig qubo from-graph`: from a graph's file to a problem file, and nothing is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from neurorig.cli.main import cli
from neurorig_protocols.workloads.qubo.problem_file import digest_of, from_bytes

FRIENDS = "ada bob 2\nbob cyd 1\nada cyd 4\ncyd dan 1\n"


def run(*arguments: str) -> Result:
    """Run the command; no server is there."""
    return CliRunner().invoke(cli, ["qubo", "from-graph", *arguments])


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """An edge list with names and weights."""
    path = tmp_path / "friends.txt"
    path.write_text(FRIENDS)
    return path


def test_a_problem_is_made_and_described(graph: Path, tmp_path: Path) -> None:
    """The file holds the problem, the digest is the one that jobs name, the labels say who is who."""
    out, labels = tmp_path / "out.nq", tmp_path / "names"

    result = run(
        str(graph), str(out), "--problem", "maxcut", "--format", "edge-list", "--labels", str(labels), "--json"
    )

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    problem = from_bytes(out.read_bytes())
    assert (told["vertices"], told["edges"], told["weights"], told["digest"]) == (4, 4, "given", digest_of(problem))
    assert problem.value(problem.cost(np.array([1, 0, 0, 1]))) == 2 + 4 + 1
    assert labels.read_text() == "ada\nbob\ncyd\ndan\n"
    shown = CliRunner().invoke(cli, ["qubo", "show", str(out), "--json"])
    assert json.loads(shown.stdout)["problem"] == told["digest"]


def test_weights_that_are_not_used_are_said(graph: Path, tmp_path: Path) -> None:
    """An independent set does not look at them."""
    result = run(str(graph), str(tmp_path / "out"), "--problem", "mis", "--format", "edge-list")

    assert "only maxcut looks at weights" in result.output


def test_nothing_is_overwritten(graph: Path, tmp_path: Path) -> None:
    """Neither the problem nor the labels, and then nothing at all is written."""
    out = tmp_path / "out"

    kept = run(str(graph), str(out), "--problem", "mis", "--format", "edge-list", "--labels", str(graph))

    assert kept.exit_code == 2
    assert "exists" in kept.output
    assert not out.exists()
    assert graph.read_text() == FRIENDS
    assert run(str(graph), str(graph), "--problem", "mis", "--format", "edge-list").exit_code == 2


def test_what_is_wrong_is_said_with_its_line(graph: Path, tmp_path: Path) -> None:
    """As for problem files; a file or folder that is not there is wrong usage."""
    graph.write_text(FRIENDS + "dan dan 1\n")
    out = tmp_path / "out"

    bad = run(str(graph), str(out), "--problem", "mis", "--format", "edge-list")
    unsaid = run(str(graph), str(out), "--problem", "mis")

    assert (bad.exit_code, unsaid.exit_code) == (2, 2)
    assert "friends.txt, line 5: a vertex has an edge to itself" in bad.output
    assert "'edge-list'" in unsaid.output
    assert run(str(tmp_path / "none"), str(out), "--problem", "mis").exit_code == 2
    graph.write_text(FRIENDS)
    nowhere = run(str(graph), str(tmp_path / "none" / "out"), "--problem", "mis", "--format", "edge-list")
    assert nowhere.exit_code == 2
    assert "cannot write" in nowhere.output
    assert not out.exists()
