"""`neurorig benchmark`, `neurorig compare` and `--baseline`: what is sent, what is printed."""

from __future__ import annotations

import csv
import io
import json

import click
import pytest
from click.testing import CliRunner

from neurorig.cli import benchmark_commands
from neurorig.cli.baseline import baseline_of
from neurorig.cli.main import cli
from neurorig_protocols.job import JobSpec

POWER = {"value": 2.0, "unit": "W", "u": 0.01, "k": 2.0, "n": 5, "grade": "metered"}
ABSENT = {"reason_code": "not_measured", "reason": "RAPL needs root"}
GAP = {"value": 0.0321, "unit": "1", "u": 0.0055, "k": 2.0, "n": 5, "grade": "derived"}
SECONDS = {"value": 0.5, "unit": "s", "u": 0.1, "k": 2.0, "n": 5, "grade": "derived"}
HOST_BENCH = {
    "name": "host-0", "reality": "physical", "board": "host-cpu", "profile": {}, "board_info": {},
    "last_seen_at": "2026-11-21T08:00:00Z", "state": "online",
}  # fmt: skip
BOUNDARY = {"components": ["core"], "rails": ["vdd"], "omitted": [{"component": "host", "reason": "no channel"}]}


def row(**more):
    """A row as a server sends it."""
    return {
        "board": "virtual-loihi", "bench": "chip-0", "reality": "virtual", "solver": "nebm", "params": {"k": 2},
        "tuning": None, "n": 50, "density": 0.05, "scenario": {"kind": "fixed-timeout", "timeout_s": 0.01},
        "seeds": [0, 1, 2, 3, 4], "missing": [], "complete": True, "infeasible": [], "refused": None,
        "start_event": "problem loaded", "clock": "dut", "requested_s": 0.01, "solve": SECONDS, "gap_official": GAP,
        "gap_best": GAP, "power": POWER, "energy": POWER, "boundary": BOUNDARY, "to_gaps": [], "jobs": ["j1"], **more,
    }  # fmt: skip


def to_gap(median, reached):
    """Time and energy to the gap 0.01 over five seeds."""
    latency = {"runs": 5, "reached": reached, "censored": 5 - reached, "limit_s": 2.0, "median": median}
    energy = {"reason_code": "censored", "reason": "two did not"} if reached < 5 else {**POWER, "unit": "J"}
    return {"gap": 0.01, "latency": {**latency, "restricted_mean": SECONDS, "steps": []}, "energy": energy, "runs": []}


def summary(*rows, pending=0):
    """A campaign's summary as a server sends it."""
    rules = {"start_rule": "The clock starts.", "stop_rule": "It stops."}
    found = {"rows": list(rows), "jobs": 5, "pending": pending, "left_out": 0, **rules}
    return {"id": "c1", "name": "all", "created_at": "2026-11-21T08:00:00Z", "complete": 1.0, "summary": found}


def comparison(*totals, pairs=()):
    """A comparison as a server sends it."""
    chip = {"bench": "chip-0", "board": "virtual-loihi", "reality": "virtual", "solver": "nebm"}
    lonely = {"side": "left", "job": "j9", "refusal": {"kind": "refusal", "code": "no_result", "sentence": "None."}}
    result = {"left": [chip], "right": [], "pairs": list(pairs), "totals": list(totals), "unpaired": [lonely]}
    sides = {"left": {"campaign": "c1"}, "right": {"job": "j2"}}
    return {"id": "k1", "name": "", "created_at": "2026-11-21T08:00:00Z", **sides, "result": {**result, "pending": 1}}


@pytest.fixture
def run(stand_in):
    """Run the command against the stand-in server and return click's result."""

    def invoke(*arguments):
        return CliRunner().invoke(cli, arguments, env={"NEURORIG_SERVER": stand_in.url, "NEURORIG_TOKEN": "nrg_test"})

    return invoke


@pytest.fixture
def campaigns(stand_in):
    """A stand-in server that takes campaigns and comparisons and has finished them at once."""
    stand_in.answers["POST /api/v1/campaigns"] = 201, {"id": "c1", "jobs": ["j1"], "count": 1}
    done = {"id": "c1", "name": "all", "states": {"succeeded": 1}, "complete": 1.0}
    stand_in.answers["GET /api/v1/campaigns/c1"] = 200, done
    stand_in.answers["GET /api/v1/campaigns/c1/summary"] = 200, summary(row())
    stand_in.answers["POST /api/v1/comparisons"] = 201, comparison()
    stand_in.answers["GET /api/v1/comparisons/k1"] = 200, comparison()
    return stand_in


def printed(result, name):
    """Return the value that is printed beside a name."""
    (line,) = [line for line in result.output.splitlines() if line.startswith(f"{name}  ")]
    return line.removeprefix(name).strip()


def posted(stand_in, path):
    """Return the bodies that were posted to a path."""
    return [r["body"] for r in stand_in.requests if (r["method"], r["path"]) == ("POST", path)]


def test_whole_benchmark_is_one_grid(run, campaigns):
    """Sizes, densities, six timeouts, time to solution and five seeds become one campaign, seeds fastest."""
    result = run("benchmark", "qubo-mis", "--board", "virtual-loihi", "--no-wait")
    (body,) = posted(campaigns, "/api/v1/campaigns")
    axes = body["grid"]

    assert result.exit_code == 0, result.output
    assert axes["workload.n"] == [10, 25, 50, 100, 250, 500, 1000, 2500, 5000]
    assert axes["workload.density"] == [0.01, 0.05, 0.1, 0.25]
    assert [s.get("timeout_s") for s in axes["workload.scenario"]] == [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, None]
    assert axes["workload.scenario"][-1]["gaps"] == [0.1, 0.05, 0.01]
    assert list(axes)[-1] == "workload.seed"
    assert axes["workload.seed"] == [0, 1, 2, 3, 4]
    assert JobSpec.model_validate(body["base"]).plan.max_attempt_s == 6000
    assert "neurorig benchmark summary c1" in result.output


def test_benchmark_waits_and_prints_its_tables(run, campaigns, tmp_path):
    """After the campaign the table, its boundary and the rules are printed, and written as CSV."""
    path = tmp_path / "table.csv"
    result = run("benchmark", "qubo-mis", "--board", "virtual-loihi", "--quick", "--csv", str(path))

    assert result.exit_code == 0, result.output
    for part in ("chip-0 (virtual-loihi, VIRTUAL)", "k = 2", "3.2 ± 1.1 %", "2.000 ± 0.020 W"):
        assert part in result.output
    assert printed(result, "they leave out") == "host (no channel)"
    assert "The clock starts. It stops." in result.output
    (line,) = csv.DictReader(io.StringIO(path.read_text()))
    assert (line["n"], line["seeds"], line["power_w"], line["grade"]) == ("50", "0 1 2 3 4", "2.0", "metered")


def test_benchmark_with_baseline_submits_both_and_compares(run, campaigns):
    """The same grid goes to the baseline's bench with its own solver, and a comparison joins both."""
    result = run(
        "benchmark", "qubo-mis", "--board", "virtual-loihi", "--quick", "--param", "k=2", "--solver", "nebm",
        "--baseline", "board=host-cpu", "--baseline-solver", "tabu",
    )  # fmt: skip
    left, right = posted(campaigns, "/api/v1/campaigns")
    (joined,) = posted(campaigns, "/api/v1/comparisons")

    assert result.exit_code == 0, result.output
    assert left["grid"] == right["grid"]
    assert (left["base"]["solver"]["params"], right["base"]["solver"]["params"]) == ({"k": 2}, {})
    assert (right["base"]["needs"]["board"], right["base"]["solver"]["name"]) == ("host-cpu", "tabu")
    assert left["base"]["plan"] == right["base"]["plan"]
    assert joined["left"] == {"campaign": "c1"}
    assert printed(result, "left") == "campaign c1, chip-0 (virtual-loihi, VIRTUAL), solver nebm"
    as_json = run("benchmark", "qubo-mis", "--board", "virtual-loihi", "--quick", "--baseline", "host-0", "--json")
    assert set(json.loads(as_json.stdout)) == {"campaign", "comparison"}


def test_failed_jobs_are_an_exit_code(run, campaigns):
    """A campaign with a failed job prints its table and leaves with 1."""
    done = {"id": "c1", "name": "all", "states": {"failed": 1, "succeeded": 4}, "complete": 1.0}
    campaigns.answers["GET /api/v1/campaigns/c1"] = 200, done

    assert run("benchmark", "qubo-mis", "--board", "virtual-loihi", "--quick").exit_code == 1


def test_summary_names_what_is_missing(run, campaigns):
    """Incomplete rows, refused rows, infeasible answers and unmeasured powers say so."""
    missing = [{"seed": 3, "code": "does_not_fit", "reason": "the chip is too small"}]
    refused = {"reason_code": "per_instance_tuning", "reason": "'k' differs between graphs"}
    tts = {"scenario": {"kind": "time-to-solution", "limit_s": 2.0, "gaps": [0.01]}, "requested_s": 2.0}
    not_reached = {"reason_code": "not_reached", "reason": "3 of 5 runs did not reach it"}
    campaigns.answers["GET /api/v1/campaigns/c1/summary"] = (
        200,
        summary(
            row(seeds=[0, 1, 2, 4], missing=missing, complete=False, infeasible=[2], power=ABSENT),
            row(refused=refused, gap_official=refused, gap_best=refused),
            row(**tts, to_gaps=[to_gap(not_reached, 2), to_gap(0.25, 5)]),
            row(**tts, refused=refused),
            pending=1,
        ),
    )
    result = run("benchmark", "summary", "c1")

    for part in (
        "4 of 5 seeds, incomplete (not a set: seed 2)",
        "! No result (does_not_fit): the chip is too small. n = 50, 5 %, 10 ms, seed 3.",
        "! Power and energy are not measured: RAPL needs root.",
        "Refused (per_instance_tuning)", "'k' differs between graphs",
        "2 of 5", "not reached", "not all reached", "250.0 ms", "4 of 5 jobs have ended",
    ):  # fmt: skip
        assert part in result.output, part
    assert json.loads(run("benchmark", "summary", "c1", "--json").output)["summary"]["pending"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ("--sizes", "ten"), ("--sizes", "6..9"), ("--densities", "0.1;0.2"), ("--seeds", "4-0"),
        ("--no-fixed", "--no-tts"), ("--timeouts", "-1"),
    ],
)  # fmt: skip
def test_wrong_grid_is_a_usage_error(run, campaigns, wrong):
    """A list that cannot be read, or selects nothing, is refused before anything is sent."""
    result = run("benchmark", "qubo-mis", "--board", "virtual-loihi", *wrong)

    assert result.exit_code == 2, result.output
    assert posted(campaigns, "/api/v1/campaigns") == []


def test_numbers_are_read():
    """Lists, ranges of seeds, ranges over the benchmark's sizes."""
    assert benchmark_commands.whole_numbers("0-4") == (0, 1, 2, 3, 4)
    assert benchmark_commands.whole_numbers("20..300") == (25, 50, 100, 250)
    assert benchmark_commands.whole_numbers("7,3,7") == (7, 3)
    assert benchmark_commands.numbers("1e-3,0.5") == (0.001, 0.5)
    with pytest.raises(click.UsageError):
        benchmark_commands.scenarios_of((), None, ())


def spec(**more):
    """A metered job on a VIRTUAL chip."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    workload = {"name": "qubo-mis", "n": 10, "density": 0.25, "seed": 0, "scenario": scenario}
    needs = {"board": "virtual-loihi", "reality": "virtual", "metered": True}
    solver = {"name": "nebm", "seed": 7, "params": {"k": 1}}
    return JobSpec.model_validate(
        {"workload": workload, "needs": needs, "solver": solver, "plan": {"trials": 3}, **more}
    )


def test_baseline_keeps_problem_scenario_and_plan():
    """Bench, solver and parameters change, nothing else does."""
    found = baseline_of(spec(), "host-0", "tabu")

    assert (found.workload, found.plan) == (spec().workload, spec().plan)
    assert (found.needs.bench, found.needs.board, found.needs.reality, found.needs.metered) == (
        "host-0", None, None, True,
    )  # fmt: skip
    assert (found.solver.name, found.solver.seed, found.solver.params) == ("tabu", 7, {})


@pytest.mark.parametrize(
    "options",
    [
        ["--baseline"],
        ["--board", "host-cpu", "--baseline"],
        ["--bench", "host-0", "--baseline", "host-0"],
        ["--board", "host-cpu", "--baseline", "host-0"],
    ],
)
def test_a_job_that_may_run_on_its_own_baseline_is_refused(run, stand_in, options):
    """Both sides on one bench would compare it with itself: the command says so and submits nothing."""
    stand_in.answers["GET /api/v1/benches/host-0"] = 200, HOST_BENCH
    result = run("submit", "qubo-mis", "--n", "10", "--density", "0.05", "--timeout", "0.1", *options)

    assert result.exit_code == 2, result.output
    assert "may run on its baseline" in result.output
    assert posted(stand_in, "/api/v1/jobs") == []


def test_a_baseline_that_is_not_registered_yet_is_taken(run, campaigns):
    """A bench that the server does not know may still come."""
    unknown = {"title": "Not Found", "status": 404, "detail": "there is no bench", "code": "not_found"}
    campaigns.answers["GET /api/v1/benches/later"] = 404, unknown
    result = run("benchmark", "qubo-mis", "--board", "host-cpu", "--quick", "--baseline", "later", "--no-wait")

    assert result.exit_code == 0, result.output
    assert len(posted(campaigns, "/api/v1/campaigns")) == 2


def test_submit_with_baseline_joins_two_jobs(run, stand_in, bodies):
    """Without a value the baseline is a host-cpu board; both jobs are joined in a comparison."""
    stand_in.answers["POST /api/v1/jobs"] = 201, bodies.job("j1")
    stand_in.answers["POST /api/v1/comparisons"] = 201, comparison()
    result = run(
        "submit", "qubo-mis", "--n", "10", "--density", "0.25", "--timeout", "0.01", "--board", "virtual-loihi",
        "--idempotency-key", "once", "--baseline",
    )  # fmt: skip
    left, right = posted(stand_in, "/api/v1/jobs")
    keys = [r["headers"].get("Idempotency-Key") for r in stand_in.requests if r["method"] == "POST"]

    assert result.exit_code == 0, result.output
    assert (left["needs"]["board"], right["needs"]["board"]) == ("virtual-loihi", "host-cpu")
    assert left["workload"] == right["workload"]
    assert keys == ["once", "once-baseline", "once-comparison"]
    assert posted(stand_in, "/api/v1/comparisons") == [{"left": {"job": "j1"}, "right": {"job": "j1"}, "name": ""}]
    assert "neurorig compare k1" in result.output


def test_benchmark_with_a_key_makes_nothing_twice(run, campaigns):
    """Campaign, baseline and comparison have keys of their own, the same ones each time the command is repeated."""
    for _ in range(2):
        given = ("--board", "virtual-loihi", "--quick", "--baseline", "--no-wait", "--idempotency-key", "night")
        assert run("benchmark", "qubo-mis", *given).exit_code == 0
    keys = [r["headers"]["Idempotency-Key"] for r in campaigns.requests if r["method"] == "POST"]

    assert keys == ["night", "night-baseline", "night-comparison"] * 2


def test_compare_takes_a_key(run, campaigns):
    """A comparison that is asked for again under its key is the same one."""
    campaigns.add_job("j1", "succeeded")
    result = run("compare", "j1", "c1", "--idempotency-key", "both")

    assert result.exit_code == 0, result.output
    assert campaigns.requests[-1]["headers"]["Idempotency-Key"] == "both"


def test_submit_with_baseline_waits_for_both(run, stand_in, bodies):
    """With --wait the comparison is shown once both jobs have ended."""
    stand_in.add_job("j1", "succeeded")
    stand_in.answers["POST /api/v1/jobs"] = 201, bodies.job("j1")
    stand_in.answers["POST /api/v1/comparisons"] = 201, comparison()
    stand_in.answers["GET /api/v1/comparisons/k1"] = 200, comparison()
    arguments = (
        "--n",
        "10",
        "--density",
        "0.25",
        "--timeout",
        "0.01",
        "--board",
        "virtual-loihi",
        "--baseline",
        "host-0",
        "--wait",
    )

    result = run("submit", "qubo-mis", *arguments)

    assert result.exit_code == 0, result.output
    assert printed(result, "ratios").startswith("left / right")
    stand_in.add_job("j1", "failed")
    as_json = run("submit", "qubo-mis", *arguments, "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["id"] == "k1"


def test_compare_prints_ratios_bounds_and_refusals(run, stand_in):
    """A number with its uncertainty, both kinds of bound, a range, a difference and a refusal."""
    ratio = {"kind": "ratio", "relation": "=", "low": 0.25, "high": 0.25, "u": 0.005}
    found = [
        {"metric": "power", "mean": ratio, "median": {**ratio, "u": None}},
        {"metric": "latency", "to_gap": 0.1, "mean": {"kind": "ratio", "relation": ">=", "low": 50.0, "high": None}},
        {"metric": "latency", "to_gap": 0.05, "mean": {"kind": "ratio", "relation": "<=", "low": None, "high": 0.5}},
        {
            "metric": "latency",
            "to_gap": 0.01,
            "mean": {"kind": "ratio", "relation": "between", "low": 2.0, "high": 3.0},
        },
        {"metric": "gap to official", "mean": {"kind": "difference", "value": 0.0107, "u": 0.002}},
        {"metric": "energy", "mean": {"kind": "refusal", "code": "different_reality", "sentence": "No ratio."}},
    ]
    totals = [{"pairs": 5, "compared": 5, **total} for total in found]
    entry = {"metric": "power", "left": POWER, "right": ABSENT, "result": found[5]["mean"]}
    gaps = {"metric": "gap to official", "left": GAP, "right": GAP, "result": found[4]["mean"]}
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    pair = {"problem": {"name": "qubo-mis", "n": 10, "density": 0.25, "seed": 0}, "scenario": scenario}
    pair |= {"left_job": "j1", "right_job": "j2", "entries": [entry, gaps]}
    uploaded = {**pair, "problem": {"name": "qubo", "problem": "sha256:" + 4 * "0123456789abcdef"}}
    stand_in.answers["GET /api/v1/comparisons/k1"] = 200, comparison(*totals, pairs=[pair, uploaded])

    result = run("compare", "k1", "--pairs")

    for part in (
        "0.250 ± 0.010", "≥ 50", "≤ 0.5", "2 to 3", "+1.07 ± 0.40 % (difference)", "different reality", "No ratio.",
        "! left job j9: None.", "1 job has not ended yet", "n 10, density 25 %, seed 0; fixed timeout 10 ms",
        "problem sha256:0123456789ab…; fixed timeout 10 ms",
        "2.000 ± 0.020 W", "not measured", "job j2, no result yet",
    ):  # fmt: skip
        assert part in result.output, part


def test_compare_makes_a_comparison_of_two_ids(run, campaigns):
    """A job and a campaign are told apart by asking the server; unknown ids are refused."""
    campaigns.add_job("j1", "succeeded")
    result = run("compare", "j1", "c1", "--name", "both")
    (body,) = posted(campaigns, "/api/v1/comparisons")

    assert result.exit_code == 0, result.output
    assert body == {"left": {"job": "j1"}, "right": {"campaign": "c1"}, "name": "both"}
    assert run("compare", "j1", "nobody").exit_code == 4
    assert run("compare", "a", "b", "c").exit_code == 2
