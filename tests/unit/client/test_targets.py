"""`neurorig targets`: tables, files, checks without a server, proposals."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner
from whole_answers import record

from neurorig.cli import target_commands
from neurorig.cli import target_commands as module
from neurorig.cli.main import cli
from neurorig.plain_console import PlainConsole
from neurorig_protocols.api import targets as server
from neurorig_protocols.api.targets import HeldTarget, OfficialTarget, TargetDetail, TargetList
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.qubo import targets_shipped
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, Proposal, SolutionFile

FILE = SolutionFile(
    problem=MisProblem(n=10, density=0.01, seed=0),
    cost=-10,
    solution="/8A=",
    found_by="somebody",
    found_on="paper",
    found_at="2026-11-21",
    comment="by hand",
)
HELD = {"cost": -75, "found_by": "somebody", "found_on": "paper", "found_at": "2026-11-21", "shipped": True}
VIEW = {
    "key": "qubo-mis-250-1562-0",
    "problem": {"workload": "qubo-mis", "n": 250, "density": 0.05, "seed": 0},
    "n": 250,
    "edges": 1562,
    "official": {"cost": -67, "source": "the benchmark", "version": "1"},
    "best": HELD,
    "improvement": 8,
    "bound": -75,
    "proof": "a proof",
    "optimal": True,
    "solution": "AAAA",
    "history": [{**HELD, "cost": -70}, HELD],
}
OTHER = {"workload": "qubo", "problem": "sha256:" + "a" * 64}
UPLOADED = {**VIEW, "key": "qubo-" + "a" * 64, "problem": OTHER, "official": None, "edges": None}


@pytest.fixture
def run(stand_in):
    """Run the command against the stand-in server."""

    def invoke(*arguments):
        settings = {"NEURORIG_SERVER": stand_in.url, "NEURORIG_TOKEN": "nrg_test"}
        return CliRunner().invoke(cli, ["targets", *arguments], env=settings)

    return invoke


@pytest.fixture
def file(tmp_path):
    """A solution file."""
    path = tmp_path / "solution.json"
    path.write_text(FILE.model_dump_json())
    return path


def test_list_shows_both_targets(run, stand_in):
    """Each problem is a line with its key, both costs, the proof and the finder; filters go to the server."""
    unproven = {**UPLOADED, "optimal": False, "bound": None, "improvement": None}
    stand_in.answers["GET /api/v1/targets"] = (200, {"items": [VIEW, unproven], "more": True})
    result = run("list", "--n", "250", "--density", "0.05")

    assert result.exit_code == 0, result.output
    for part in ("qubo-mis-250-1562-0", "5 %", "−67", "−75", "optimal", "somebody", f"\nqubo-{'a' * 64}\n"):
        assert part in result.output
    assert "narrow the list" in result.output
    assert stand_in.requests[-1]["query"] == {"n": "250", "density": "0.05"}
    stand_in.answers["GET /api/v1/targets"] = (200, {"items": []})
    assert "no target matches" in run("list").output


@pytest.mark.parametrize("width", [80, 100])
def test_list_keeps_keys_and_costs_whole_on_narrow_terminals(width):
    """The largest problems and a long name of a finder fit; only that name is broken, between its words."""
    finder = "neurorig maintainers of a bench"
    held = {**HELD, "cost": -31_999_123, "found_by": finder}
    problem = {"workload": "qubo-mis", "n": 5000, "density": 0.25, "seed": 4}
    large = {**VIEW, "key": "qubo-mis-5000-3124375-4", "problem": problem, "best": held, "optimal": False, "bound": -76}
    found = [record(TargetDetail, view) for view in (VIEW, large, UPLOADED)]
    console = PlainConsole(width=width, file=io.StringIO())
    for part in (target_commands.targets_table(found), *target_commands.whole_keys(found)):
        console.print(part)
    lines = console.file.getvalue().splitlines()

    assert max(map(len, lines)) <= width
    assert any("−31 999 123" in line for line in lines)
    for part in ("qubo-mis-5000-3124375-4", "qubo-aaaaaaaaaaaa…", "–", UPLOADED["key"]):
        assert any(part in line.split() for line in lines), part
    assert all(any(word in line for line in lines) for word in finder.split())


def test_list_answers_programs_in_json(run, stand_in):
    """With --json each target is an object."""
    stand_in.answers["GET /api/v1/targets"] = (200, {"items": [VIEW]})

    assert json.loads(run("list", "--json").output)[0]["best"]["cost"] == -75


def test_show_has_the_history_and_can_keep_the_solution(run, stand_in, tmp_path):
    """A target is shown with its proof and who held the record; its solution is written where asked."""
    path = f"/api/v1/targets/{VIEW['key']}"
    stand_in.answers[f"GET {path}"] = (200, {**VIEW, "optimal": False, "bound": -76})
    stand_in.answers[f"GET {path}/solution"] = (200, b"{}")
    result = run("show", VIEW["key"], "--solution", str(tmp_path / "kept.json"))

    assert result.exit_code == 0, result.output
    for part in ("−67 (the benchmark, 1)", "−75, by somebody on paper", "at least −76", "a proof", "−70", "shipped"):
        assert part in result.output
    assert (tmp_path / "kept.json").read_bytes() == b"{}"
    (tmp_path / "kept.json").write_bytes(b"mine")
    assert run("show", VIEW["key"], "--solution", str(tmp_path / "kept.json")).exit_code == 2
    assert run("show", VIEW["key"], "--solution", str(tmp_path / "no" / "folder")).exit_code == 2
    assert (tmp_path / "kept.json").read_bytes() == b"mine"


def test_check_recomputes_without_a_server(run, stand_in, file, tmp_path):
    """The cost comes from the bits; plain bits need their problem; nothing is asked of a server."""
    plain = tmp_path / "bits.txt"
    plain.write_text("1" * 10)
    checked = run("check", str(file))
    bits = run("check", str(plain), "--n", "10", "--density", "0.01", "--json")

    assert checked.exit_code == 0, checked.output
    assert "qubo-mis-10-0-0: cost -10, recomputed, proven optimal (official -10, shipped -10)" in checked.output
    assert json.loads(bits.output)["cost"] == -10
    assert stand_in.requests == []


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("1" * 9, ["--n", "10", "--density", "0.01"], "has 10 variables, the solution 9"),
        ("1" * 10, [], "do not say their problem"),
        ("1" * 10, ["--n", "10", "--density", "1"], "not_independent"),
        ("1" * 10, ["--n", "0", "--density", "0.1"], "n:"),
        ("1" * 10, ["--n", "10"], "density"),
        ("nonsense", [], "JSON or a text of 0 and 1"),
        (FILE.model_copy(update={"cost": -11}).model_dump_json(), [], "claims a cost of -11"),
        (FILE.model_dump_json(), ["--n", "11", "--density", "0.1"], "not of qubo-mis-11"),
        (FILE.model_copy(update={"solution": "AA=="}).model_dump_json(), [], "wrong_length"),
        (FILE.model_copy(update={"problem": {"workload": "qubo", "problem": "sha256:" + "0" * 64}}).model_dump_json(
            warnings=False), [], "known to its server only"),
    ],
)  # fmt: skip
def test_check_refuses_what_is_no_solution(run, tmp_path, text, options, message):
    """A wrong length, an edge inside, a false claim and an unknown problem are usage errors that say what is wrong."""
    path = tmp_path / "solution"
    path.write_text(text)
    result = run("check", str(path), *options)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_files_that_cannot_be_read_are_usage_errors(run, tmp_path):
    """A file that is not there, one that is not text, and one that is too large are named."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(5 << 20)

    for name, message in (("nowhere", "cannot read"), ("bytes", "can't decode"), ("huge", "larger than")):
        result = run("check", str(tmp_path / name))
        assert (result.exit_code, message in result.output) == (2, True)


def test_propose_sends_the_solution_with_its_provenance(run, stand_in, file):
    """What the file says of its finder goes along unless options say otherwise."""
    stand_in.answers["POST /api/v1/targets"] = (201, VIEW)
    result = run("propose", str(file), "--found-by", "another")
    sent = Proposal.model_validate(stand_in.requests[-1]["body"])

    assert result.exit_code == 0, result.output
    assert (sent.found_by, sent.found_on, sent.comment, sent.solution) == ("another", "paper", "by hand", "/8A=")
    assert sent.problem == FILE.problem


def test_propose_of_plain_bits_needs_a_finder(run, stand_in, tmp_path):
    """Bits alone do not say who found them; an uploaded problem is named by its digest."""
    stand_in.answers["POST /api/v1/targets"] = (201, UPLOADED)
    path = tmp_path / "bits"
    path.write_text("0110")
    problem = ["--problem", "sha256:" + "a" * 64]

    assert "--found-by and --found-on" in run("propose", str(path), *problem).output
    assert run("propose", str(path), *problem, "--found-by", "x", "--found-on", "y").exit_code == 0
    assert stand_in.requests[-1]["body"]["problem"] == {"workload": "qubo", "problem": "sha256:" + "a" * 64}
    assert run("propose", str(path), *problem, "--found-by", "x" * 201, "--found-on", "y").exit_code == 2


def test_a_proposal_that_is_not_better_ends_with_four(run, stand_in, file):
    """The server's refusal is shown with its next step."""
    problem = {"status": 409, "detail": "does not beat -10", "code": "target_not_better", "next_step": "Go lower."}
    stand_in.answers["POST /api/v1/targets"] = (409, problem)
    result = run("propose", str(file))

    assert result.exit_code == 4
    assert "does not beat -10" in result.output
    assert "Go lower." in result.output


def test_other_packages_add_their_subcommands(run):
    """Improving and exporting are found by entry point, and load only when they are called."""
    page = run("--help").output

    for name in ("list", "show", "check", "propose", "improve", "export"):
        assert f"\n  {name} " in page
    assert "--seconds" in run("improve", "--help").output
    assert run("nonsense").exit_code == 2


def test_a_subcommand_without_its_libraries_says_what_to_install(run, monkeypatch):
    """An entry point that cannot be imported names the extra."""

    class Broken:
        def load(self):
            raise ImportError("no numba")

    monkeypatch.setattr(module, "_others", lambda: {"improve": Broken()})

    assert "pip install 'neurorig[agent]'" in run("improve").output


def test_submit_names_the_reference(stand_in, bodies):
    """A job may be measured from the best verified target, or from a cost of its own."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))
    settings = {"NEURORIG_SERVER": stand_in.url}

    def submit(*options):
        known = ["submit", "qubo-mis", "--n", "250", "--density", "0.05", *options]
        return CliRunner().invoke(cli, known, env=settings)

    assert submit("--tts", "1", "--reference", "best-verified").exit_code == 0
    sent = JobSpec.model_validate(stand_in.requests[-1]["body"]).workload.scenario
    assert (sent.reference, sent.target_cost) == ("best-verified", None)
    assert submit("--tts", "1", "--reference", "given", "--target-cost", "-60").exit_code == 0
    assert JobSpec.model_validate(stand_in.requests[-1]["body"]).workload.scenario.target_cost == -60
    for wrong in (["--timeout", "1", "--reference", "official"], ["--tts", "1", "--target-cost", "-60"]):
        assert submit(*wrong).exit_code == 2
    assert submit("--tts", "1", "--reference", "given").exit_code == 2


def test_an_attempt_shows_both_gaps(stand_in, bodies):
    """The gap to the best verified target stands below the official one, with who held it."""
    body = bodies.attempt("a1")
    body["answer"]["verified"] |= {"best_target": -75, "best_source": "somebody, paper, 2026-11-21", "best_gap": 0.16}
    stand_in.answers["GET /api/v1/attempts/a1"] = (200, body)
    result = CliRunner().invoke(cli, ["show", "a1"], env={"NEURORIG_SERVER": stand_in.url})

    assert "somebody, paper, 2026-11-21" in result.output
    assert "16 %" in result.output
    assert "gap to the official target" in result.output


def test_the_server_s_answers_are_read():
    """Every field of the client's views is one that the server sends."""
    pairs = [
        (TargetDetail, server.TargetDetail),
        (TargetList, server.TargetList),
        (HeldTarget, server.HeldTarget),
        (OfficialTarget, server.OfficialTarget),
    ]
    for mine, theirs in pairs:
        assert set(mine.model_fields) <= set(theirs.model_fields)


def test_shipped_targets_are_known_without_a_server():
    """The client checks against the file that it came with."""
    assert targets_shipped.best(FILE.problem.key).cost == -10
