"""Improving and exporting targets: real searches on small problems, a real folder, a stand-in server."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from neurorig_agents.targets import target_commands
from neurorig_agents.targets.search import Finder, Folder, better, checked, improve, rows
from neurorig_protocols.errors import TargetRefused, UserError
from neurorig_protocols.workloads.qubo import mis, targets_shipped
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, SolutionFile, recompute
from neurorig_protocols.workloads.qubo.targets_shipped import Row

PROBLEM = MisProblem(n=60, density=0.1, seed=11)
"""Nobody ships a target of it."""
SMALL = ["--n", "60", "--density", "0.1", "--seed", "11", "--seconds", "0.05"]
FINDER = Finder("somebody", "a machine")


def solution(members: int, problem: MisProblem = PROBLEM) -> SolutionFile:
    """Return a solution of so many members, taken as they come."""
    graph = mis.instance(problem.n, problem.density, problem.seed)
    bits = np.zeros(problem.n, np.uint8)
    for v in range(problem.n):
        bits[v] = 1
        if not graph.is_independent_set(bits) or bits.sum() > members:
            bits[v] = 0
    told = {"found_by": "somebody", "found_on": "paper", "found_at": "2026-11-21"}
    return SolutionFile(problem=problem, cost=-int(bits.sum()), solution=pack_bits(bits), **told)


class Records:
    """A server that knows one best cost and takes what beats it."""

    def __init__(self) -> None:
        self.best: int | None = None
        self.taken: list[dict[str, Any]] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return status and body."""
        if method == "POST":
            proposal = json.loads(body)
            problem = MisProblem.model_validate(proposal["problem"])
            cost = recompute(mis.instance(problem.n, problem.density, problem.seed), proposal["solution"])
            if self.best is not None and cost >= self.best:
                return 409, {"detail": "does not beat the present best", "code": "target_not_better"}
            self.taken.append(proposal)
            return 201, {}
        if self.best is None:
            return 404, {"detail": f"nothing at {path}", "code": "not_found"}
        return 200, {"best": {"cost": self.best}}


@pytest.fixture
def server() -> Iterator[tuple[str, Records]]:
    """A stand-in server: its address, and what it knows."""
    records = Records()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, found = records.answer(self.command, self.path, body)
            raw = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _reply  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            return

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{found.server_address[1]}", records
    found.shutdown()
    found.server_close()
    thread.join()


def test_a_search_gives_a_recomputed_solution_with_its_finder():
    """What is found costs what it says, and carries who, what and when."""
    found = improve(PROBLEM, before=-1, seconds=0.05, solver_seed=1, finder=FINDER)
    graph = mis.instance(PROBLEM.n, PROBLEM.density, PROBLEM.seed)

    assert recompute(graph, found.found.solution) == found.found.cost < -1
    assert (found.better, found.official, found.found.found_by) == (True, None, "somebody")
    assert not improve(PROBLEM, before=-60, seconds=0.02, solver_seed=1, finder=FINDER).better
    assert "neurorig-mis on " in Finder("somebody").place


def test_a_search_ends_where_nothing_better_exists():
    """A proven optimum is found and the rest of the time is not spent."""
    problem = MisProblem(n=50, density=0.05, seed=0)
    found = improve(problem, before=None, seconds=60, solver_seed=0, finder=FINDER)

    assert found.found.cost == targets_shipped.bound(problem.key).cost
    assert found.time_s < 30


def test_a_folder_keeps_the_better_solution(tmp_path):
    """A worse or an equal one changes nothing; what is no solution of the problem is said, not believed."""
    folder = Folder(tmp_path / "best")

    assert folder.get(PROBLEM) is None
    assert [folder.keep(solution(count)) for count in (3, 5, 5, 4)] == [True, True, False, False]
    assert folder.get(PROBLEM) == solution(5)
    (tmp_path / "best" / f"{PROBLEM.key}.json").write_text(
        solution(3).model_copy(update={"problem": MisProblem(n=60, density=0.1, seed=12)}).model_dump_json()
    )
    with pytest.raises(UserError, match="not a solution file"):
        folder.get(PROBLEM)


def test_improve_shows_before_and_after(tmp_path):
    """A dry run prints the table, fills the folder and asks no server."""
    result = CliRunner().invoke(target_commands.improve, [*SMALL, "--solutions", str(tmp_path)])
    again = CliRunner().invoke(target_commands.improve, [*SMALL, "--solutions", str(tmp_path)])

    assert result.exit_code == 0, result.output
    assert re.search(r"n=60 10 % seed 11 +– +– +-\d+ +[\d.]+ s  better", result.output)
    assert "not better" in again.output
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_improve_proposes_what_is_better(tmp_path, server):
    """The server's best is what counts: a better solution is proposed, another one is not sent."""
    url, records = server
    known = [*SMALL, "--solutions", str(tmp_path), "--propose", "--server", url, "--token", "nrg_x"]
    first = CliRunner().invoke(target_commands.improve, [*known, "--found-by", "me"])
    records.best = -60
    second = CliRunner().invoke(target_commands.improve, known)

    assert "better, proposed" in first.output, first.output
    assert "not better" in second.output
    assert [proposal["found_by"] for proposal in records.taken] == ["me"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--propose"], "no server is given"),
        (["--propose", "--server", "http://127.0.0.1:9"], "no token is given"),
        (["--propose", "--server", "http://127.0.0.1:9", "--token-file", "/nowhere/token"], "cannot be read"),
        (["--n", "0"], "not an instance"),
        (["--density", "2"], "not an instance"),
    ],
)
def test_wrong_options_are_said(tmp_path, arguments, message):
    """What is missing or impossible is named, and nothing is searched."""
    result = CliRunner().invoke(target_commands.improve, ["--solutions", str(tmp_path), *arguments])

    assert result.exit_code == 1
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def row(found: SolutionFile, **fields: Any) -> Row:
    """Return a solution as a row of the shipped file."""
    made = better(None, found)
    assert made is not None
    return made.model_copy(update=fields)


def test_an_export_takes_the_better_of_file_and_folder(tmp_path):
    """A better solution brings its provenance and loses the old proof; at equal costs the present row stays."""
    folder = Folder(tmp_path)
    folder.keep(solution(5))
    worse, equal = row(solution(4), proof="an old proof"), row(solution(5), proof="a proof")

    assert [*rows([PROBLEM], [worse], folder, proof_nodes=0)] == [row(solution(5))]
    assert [*rows([PROBLEM], [equal], folder, proof_nodes=0)] == [equal]
    assert [*rows([], [equal], folder, proof_nodes=0)] == [equal]
    assert [*rows([PROBLEM], [], Folder(tmp_path / "empty"), proof_nodes=0)] == []


def test_an_export_proves_optima_only():
    """A best solution is proven; one that can be beaten is not, whatever is spent on it."""
    best = improve(PROBLEM, before=None, seconds=0.1, solver_seed=0, finder=FINDER).found

    assert checked(row(best), 10_000_000).proof
    assert checked(row(best), 0).proof is None
    assert checked(row(solution(3)), 10_000_000).proof is None


def test_an_export_recomputes():
    """A row whose solution costs another cost, or is none, is not written."""
    graph = mis.instance(PROBLEM.n, PROBLEM.density, PROBLEM.seed)
    edge = (int(graph.rows[0]), int(graph.cols[0]))
    with pytest.raises(TargetRefused):
        checked(row(solution(3), cost=-2, vertices=edge), 0)


def test_export_writes_the_file_and_keeps_what_was_not_chosen(tmp_path):
    """The file has the chosen instances anew and all others as they were."""
    output = tmp_path / "best.json"
    chosen = ["--n", "10", "--density", "0.05", "--seed", "0", "--solutions", str(tmp_path), "--output", str(output)]
    result = CliRunner().invoke(target_commands.export, chosen)

    assert result.exit_code == 0, result.output
    assert set(targets_shipped.parse(output.read_text("utf-8"))) == set(targets_shipped.rows())
    assert "180 instances" in result.output
