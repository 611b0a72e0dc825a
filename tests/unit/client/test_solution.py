"""The solution of a QUBO by the submitter's own names: client, command, and what does not fit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from neurorig import AsyncClient, Client, ClientError
from neurorig.cli.main import cli
from neurorig_protocols.api.attempts import SolutionView

SOLUTION = "GET /api/v1/attempts/a1/solution"
HOSTILE = ["<b>a</b>", 'b, "c"', "π" * 10_000]


@pytest.fixture
def solved(stand_in: Any) -> Any:
    """A server with a job of an uploaded problem of three variables, solved as 1, 0, 1."""
    stand_in.add_job("j1", "succeeded", attempts=[{"id": "a1", "number": 1}])
    answer_with(stand_in, ["0", "1", "2"], "numbers")
    return stand_in


def answer_with(stand_in: Any, names: list[str], names_from: str = "file") -> None:
    """Let the server answer with these names."""
    solution = dict(zip(names, (1, 0, 1), strict=True))
    body = {"attempt": "a1", "job": "j1", "names_from": names_from, "cost": -63, "value": -31.5, "solution": solution}
    stand_in.answers[SOLUTION] = (200, body)


def run(stand_in: Any, *arguments: str) -> Result:
    """Run `neurorig solution`."""
    return CliRunner().invoke(cli, ["solution", *arguments], env={"NEURORIG_SERVER": stand_in.url})


def test_the_servers_names_are_used(solved: Any) -> None:
    """Names, order, cost and value are those of the answer, whatever characters the names have."""
    answer_with(solved, HOSTILE)
    with Client(solved.url) as client:
        found = client.solution("a1")

    assert found.solution == dict(zip(HOSTILE, (1, 0, 1), strict=True))
    assert (found.ones, found.cost, found.value, found.names_from) == ([HOSTILE[0], HOSTILE[2]], -63, -31.5, "file")


def test_both_clients_take_names(solved: Any) -> None:
    """Names that are given replace those of the server, in both clients."""

    async def ask() -> SolutionView:
        async with AsyncClient(solved.url) as client:
            return await client.solution("a1", names=["x", "y", "z"])

    with Client(solved.url) as client:
        found = client.solution("a1", names=["x", "y", "z"])

    assert (found.ones, found.names_from) == (["x", "z"], "given")
    assert asyncio.run(ask()) == found


@pytest.mark.parametrize(
    ("names", "why"), [(["a"], "1 names"), (["a", "b", "c", "d"], "4 names"), (["a", "b", "a"], "'a'")]
)
def test_names_that_do_not_fit_are_refused(solved: Any, names: list[str], why: str) -> None:
    """Too few, too many and equal names cannot tell the variables apart."""
    with Client(solved.url) as client, pytest.raises(ClientError, match=why):
        client.solution("a1", names=names)


def test_the_command_shows_names_and_cost(solved: Any, tmp_path: Path) -> None:
    """A job's last attempt, its recomputed cost, and the names of a labels file."""
    labels = tmp_path / "labels"
    labels.write_text("x\ny\u2028y\nz\n", encoding="utf-8")
    result = run(solved, "j1", "--labels", str(labels))

    assert result.exit_code == 0, result.output
    assert "x, z" in result.output
    assert "−63, recomputed by the server" in result.output
    found = json.loads(run(solved, "a1", "--labels", str(labels), "--json").output)
    assert (found["ones"], found["solution"]) == (["x", "z"], {"x": 1, "y\u2028y": 0, "z": 1})
    assert (found["cost"], found["names_from"]) == (-63, "given")


def test_long_names_do_not_fill_the_terminal(solved: Any) -> None:
    """A name of 10 000 characters is shortened; the JSON has all of it."""
    answer_with(solved, HOSTILE)

    assert len(run(solved, "a1").output) < 1000
    assert json.loads(run(solved, "a1", "--json").output)["ones"] == [HOSTILE[0], HOSTILE[2]]


def test_the_command_reads_names_from_the_problem(solved: Any, tmp_path: Path) -> None:
    """The file that was uploaded names or numbers the variables; nothing is overwritten."""
    model = {
        "version": {"bqm_schema": "3.0.0"}, "use_bytes": False, "variable_type": "BINARY", "num_variables": 3,
        "num_interactions": 0, "variable_labels": ["left", ["a", 1], 7], "linear_biases": [1, 1, 1],
        "quadratic_biases": [], "quadratic_head": [], "quadratic_tail": [], "offset": 0,
    }  # fmt: skip
    (tmp_path / "bqm.json").write_text(json.dumps(model))
    (tmp_path / "plain.qubo").write_text("p qubo 0 3 0 1\n0 1 1\n")
    (tmp_path / "q.mtx").write_text("%%MatrixMarket matrix coordinate real symmetric\n3 3 1\n2 1 1\n")
    (tmp_path / "small.mtx").write_text("%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n2 1 1\n")
    csv = tmp_path / "answer.csv"

    assert "left, 7" in run(solved, "a1", "--problem", str(tmp_path / "bqm.json"), "--csv", str(csv)).output
    assert csv.read_text() == 'name,value\nleft,1\n"(a, 1)",0\n7,1\n'
    assert run(solved, "a1", "--problem", str(tmp_path / "bqm.json"), "--csv", str(csv)).exit_code == 2
    assert "0, 2" in run(solved, "a1", "--problem", str(tmp_path / "plain.qubo")).output
    assert "1, 3" in run(solved, "a1", "--problem", str(tmp_path / "q.mtx")).output
    assert run(solved, "a1", "--problem", str(tmp_path / "small.mtx")).exit_code == 2
    assert run(solved, "a1", "--problem", str(tmp_path / "q.mtx"), "--labels", str(csv)).exit_code == 2


def test_an_answer_without_a_solution_is_an_error(solved: Any) -> None:
    """A refusal of the server is shown, and a job without an attempt has no solution yet."""
    refusal = {"title": "not found", "status": 404, "code": "not_found", "detail": "attempt 'a1' has no solution"}
    solved.answers[SOLUTION] = (404, refusal)
    solved.add_job("j2", "queued")

    assert run(solved, "a1").exit_code == 4
    assert "no attempt yet" in run(solved, "j2").output
