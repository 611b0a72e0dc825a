"""The solution of a QUBO by the submitter's own names: client, command, and what does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from neurorig import Client, ClientError
from neurorig.cli.main import cli
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits

DIGEST = "sha256:" + 64 * "d"
FILE = f"GET /api/v1/files/sha256%3A{64 * 'd'}"
HOSTILE = ["<b>a</b>", 'b, "c"', "π" * 100]


@pytest.fixture
def solved(stand_in: Any, bodies: Any) -> Any:
    """A server with a job of an uploaded problem of three variables, solved as 1, 0, 1."""
    workload = {"name": "qubo", "problem": DIGEST, "scenario": {"kind": "fixed-timeout", "timeout_s": 1}}
    stand_in.add_job("j1", "succeeded", spec={"workload": workload}, attempts=[{"id": "a1", "number": 1}])
    attempt = bodies.attempt("a1")
    attempt["answer"] |= {"n": 3, "solution": pack_bits(np.array([1, 0, 1], np.uint8))}
    stand_in.answers["GET /api/v1/attempts/a1"] = (200, attempt)
    stand_in.answers[FILE] = (200, {"digest": DIGEST, "facts": {}})
    return stand_in


def name_variables(stand_in: Any, names: list[str]) -> None:
    """Let the server know what the uploaded file calls its variables."""
    stand_in.answers[FILE] = (200, {"digest": DIGEST, "facts": {"labels": names}})


def run(stand_in: Any, *arguments: str) -> Result:
    """Run `neurorig solution`."""
    return CliRunner().invoke(cli, ["solution", *arguments], env={"NEURORIG_SERVER": stand_in.url})


def test_variables_are_numbered_where_nobody_names_them(solved: Any) -> None:
    """Without names the variables are 0, 1, 2 …, in order."""
    with Client(solved.url) as client:
        assert client.solution("a1") == {"0": 1, "1": 0, "2": 1}


def test_names_of_the_uploaded_file_are_used(solved: Any) -> None:
    """What the file calls its variables stands in the answer, whatever characters the names have."""
    name_variables(solved, HOSTILE)
    with Client(solved.url) as client:
        assert client.solution("a1") == dict(zip(HOSTILE, (1, 0, 1), strict=True))


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c", "d"], ["a", "b", "a"]])
def test_names_that_do_not_fit_are_refused(solved: Any, names: list[str]) -> None:
    """Too few, too many and equal names cannot tell the variables apart."""
    with Client(solved.url) as client, pytest.raises(ClientError, match="cannot be named"):
        client.solution("a1", names=names)


def test_the_command_shows_names_and_cost(solved: Any, tmp_path: Path) -> None:
    """A job's last attempt, its recomputed cost, and the names of a labels file."""
    (tmp_path / "labels").write_text("x\ny\nz\n")
    result = run(solved, "j1", "--labels", str(tmp_path / "labels"))

    assert result.exit_code == 0, result.output
    assert "x, z" in result.output
    assert "−63, recomputed by the server" in result.output
    found = json.loads(run(solved, "a1", "--labels", str(tmp_path / "labels"), "--json").output)
    assert (found["ones"], found["solution"]) == (["x", "z"], {"x": 1, "y": 0, "z": 1})


def test_the_command_reads_names_from_the_problem(solved: Any, tmp_path: Path) -> None:
    """The file that was uploaded names the variables; one whose format does not is a usage error."""
    model = {
        "version": {"bqm_schema": "3.0.0"}, "use_bytes": False, "variable_type": "BINARY", "num_variables": 3,
        "num_interactions": 0, "variable_labels": ["left", ["a", 1], 7], "linear_biases": [1, 1, 1],
        "quadratic_biases": [], "quadratic_head": [], "quadratic_tail": [], "offset": 0,
    }  # fmt: skip
    (tmp_path / "bqm.json").write_text(json.dumps(model))
    (tmp_path / "plain.qubo").write_text("p qubo 0 3 0 1\n0 1 1\n")
    csv = tmp_path / "answer.csv"

    assert "left, 7" in run(solved, "a1", "--problem", str(tmp_path / "bqm.json"), "--csv", str(csv)).output
    assert csv.read_text() == 'name,value\nleft,1\n"(a, 1)",0\n7,1\n'
    assert run(solved, "a1", "--problem", str(tmp_path / "bqm.json"), "--csv", str(csv)).exit_code == 2
    assert run(solved, "a1", "--problem", str(tmp_path / "plain.qubo")).exit_code == 2


def test_an_answer_without_a_solution_is_an_error(solved: Any, bodies: Any) -> None:
    """A classifier has no solution, and a job without an attempt has none yet."""
    attempt = bodies.attempt("a2") | {"answer": {"kind": "classifier", "verified": None}}
    solved.answers["GET /api/v1/attempts/a2"] = (200, attempt)
    solved.add_job("j2", "queued")

    assert run(solved, "a2").exit_code == 2
    assert "no attempt yet" in run(solved, "j2").output
