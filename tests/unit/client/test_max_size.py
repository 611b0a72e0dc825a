"""`neurorig benchmark max-size`: probes as jobs, a record that a broken search goes on from."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from whole_answers import record

from neurorig.cli.main import cli
from neurorig.cli.max_size import verdict_of
from neurorig_protocols.api.jobs import JobView

TOO_SMALL = {"code": "does_not_fit", "message": "200 synapses are needed, the chip has 100", "fault": "job"}


@pytest.fixture
def chip(stand_in, bodies):
    """A stand-in server in front of a chip that takes problems up to `chip.limit` variables."""

    class Chip:
        limit = 100
        sizes: tuple[int, ...] = ()
        cost = -3

    found = Chip()
    plain = stand_in.answer

    def answer(method, path, query):
        if (method, path) == ("POST", "/api/v1/jobs"):
            n = stand_in.requests[-1]["body"]["workload"]["n"]
            found.sizes += (n,)
            fits = n <= found.limit
            stand_in.add_job(f"j{n}", "succeeded" if fits else "failed", **({} if fits else {"error": TOO_SMALL}))
            if fits:
                attempt = {"id": f"a{n}", "number": 1, "bench": "chip-0", "state": "succeeded"}
                stand_in.jobs[f"j{n}"][0]["attempts"] = [attempt]
            return 201, bodies.job(f"j{n}")
        if path.startswith("/api/v1/attempts/"):
            body = bodies.attempt(path.rsplit("/", 1)[1])
            body["answer"]["verified"]["cost"] = found.cost
            return 200, body
        return plain(method, path, query)

    stand_in.answer = answer
    return found


@pytest.fixture
def run(stand_in, tmp_path):
    """Run the command with a record in a fresh folder."""

    def invoke(*more):
        arguments = ("benchmark", "max-size", "--board", "virtual-loihi", "--file", str(tmp_path / "m.json"), *more)
        return CliRunner().invoke(cli, arguments, env={"NEURORIG_SERVER": stand_in.url, "NEURORIG_TOKEN": "nrg_test"})

    return invoke


def test_search_brackets_the_limit_with_real_jobs(run, chip, stand_in, tmp_path):
    """Sizes double, then halve; the record keeps every probe, its job and the limit that ended it."""
    result = run("--density", "1.0", "--resolution", "0")
    record = json.loads((tmp_path / "m.json").read_text())
    (search,) = record["searches"]
    workload = next(r["body"] for r in stand_in.requests if r["method"] == "POST")["workload"]

    assert result.exit_code == 0, result.output
    assert chip.sizes[:3] == (64, 128, 96)
    assert (workload["seed"], workload["density"]) == (0, 1.0)
    assert search["found"]["largest"] == 100
    assert search["found"]["not_above"] == 101
    assert search["found"]["limit"] == TOO_SMALL["message"]
    assert search["probes"][0] == {"n": 64, "verdict": "solved", "limit": "", "job": "j64", "cost": -3}
    for part in ("100 %", "101", "does not fit", TOO_SMALL["message"]):
        assert part in result.output


def test_search_goes_on_from_its_file(run, chip, tmp_path):
    """A finished search asks for nothing again; one with fewer probes asks for the next one only."""
    run("--density", "1.0")
    path = tmp_path / "m.json"
    record = json.loads(path.read_text())
    asked, record["searches"][0]["probes"] = chip.sizes, record["searches"][0]["probes"][:2]
    path.write_text(json.dumps(record))
    chip.sizes = ()

    assert run("--density", "1.0").exit_code == 0
    assert chip.sizes == asked[2:]
    chip.sizes = ()
    assert run("--density", "1.0").exit_code == 0
    assert chip.sizes == ()


def test_file_of_another_search_is_refused(run, chip, tmp_path):
    """A record with another timeout, or no record at all, is not overwritten."""
    run("--density", "1.0")
    assert run("--density", "1.0", "--timeout", "5").exit_code == 2
    (tmp_path / "m.json").write_text("nonsense")
    result = run("--density", "1.0")

    assert result.exit_code == 2
    assert "no record of a search" in result.output
    assert (tmp_path / "m.json").read_text() == "nonsense"


def test_answers_that_do_not_beat_zero_end_the_search(run, chip):
    """A board that runs everything and finds nothing has no largest size."""
    chip.cost = 0
    result = run("--density", "1.0")

    assert result.exit_code == 0, result.output
    assert "not below zero" in result.output
    assert "the answer costs 0" in result.output


def test_bench_that_never_works_is_no_verdict(run, chip, stand_in, bodies):
    """After three failures of the infrastructure the search gives up with exit code 1."""
    lost = {"code": "board_lost", "message": "no answer", "fault": "infra"}
    stand_in.answers["POST /api/v1/jobs"] = 201, bodies.job("j1")
    plain = stand_in.answer
    stand_in.answer = lambda method, path, query: (
        (201, bodies.job("j1")) if (method, path) == ("POST", "/api/v1/jobs") else plain(method, path, query)
    )
    stand_in.add_job("j1", "failed", error=lost)
    result = run("--density", "1.0")

    assert result.exit_code == 1
    assert "failed" in result.output
    assert sum(r["method"] == "POST" for r in stand_in.requests) == 3


def test_a_board_must_be_named(stand_in):
    """A search on whatever bench is free would mix machines."""
    result = CliRunner().invoke(cli, ("benchmark", "max-size"), env={"NEURORIG_SERVER": stand_in.url})

    assert result.exit_code == 2


def test_succeeded_job_without_an_answer_is_no_verdict(bodies):
    """What was not recomputed neither fits nor does not fit."""
    view = record(JobView, bodies.job("j1", "succeeded"))

    assert verdict_of(64, view, None).verdict == "failed"
