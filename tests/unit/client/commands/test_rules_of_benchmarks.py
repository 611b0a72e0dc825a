"""`neurorig tuning`, `neurorig evaluation` and `neurorig rules` against a stand-in server."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from neurorig import Client
from neurorig.cli.main import cli
from neurorig_protocols.api import evaluations, tunings
from neurorig_protocols.api.evaluations import EvaluationPage, EvaluationView, RoundCount
from neurorig_protocols.api.tunings import TuningPage, TuningView
from neurorig_protocols.benchmarks import evaluation, tuning
from neurorig_protocols.benchmarks.tuning import TuningDeclaration

AT = "2026-11-21T08:00:00Z"
ROUND = "0123456789ab"
SECRET = bytes(range(32))
TOML = """
benchmark = "qubo-mis"
board = "virtual-loihi"
solver = "annealing"
[params]
schedule = "geometric"
steps = { expression = "100 * n" }
[params.refract]
steps = [{ n = 100, value = 1 }, { value = 2.5 }]
"""
DECLARATION = TuningDeclaration.model_validate(
    {
        "benchmark": "qubo-mis",
        "board": "virtual-loihi",
        "solver": "annealing",
        "params": {
            "schedule": "geometric",
            "steps": {"expression": "100 * n"},
            "refract": {"steps": [{"n": 100, "value": 1}, {"value": 2.5}]},
        },
    }
)
DIGEST = tuning.digest(DECLARATION)
TUNING = {
    "digest": DIGEST,
    "declaration": DECLARATION.model_dump(mode="json"),
    "owner": "me",
    "created_at": AT,
    "rounds": 1,
    "from_a_newer_server": True,
}
OPEN = {
    "id": ROUND,
    "benchmark": "qubo-mis",
    "state": "open",
    "owner": "me",
    "comment": "first",
    "opened_at": AT,
    "commitment": evaluation.commitment(SECRET, "qubo-mis", ROUND),
    "jobs": 0,
    "from_a_newer_server": True,
}
REVEALED = {
    **OPEN,
    "state": "revealed",
    "frozen_at": AT,
    "tuning": DIGEST,
    "nonce": "00ff",
    "secret": SECRET.hex(),
    "seeds": evaluation.derive(SECRET, DIGEST, ROUND, "00ff"),
}


@pytest.fixture
def run(stand_in):
    """Run the command against the stand-in server and return click's result."""
    stand_in.answers |= {
        "POST /api/v1/tunings": (201, TUNING),
        f"GET /api/v1/tunings/{quote(DIGEST, safe='')}": (200, TUNING),
        "GET /api/v1/tunings": (200, {"items": [TUNING], "next": None}),
        "POST /api/v1/evaluations": (201, OPEN),
        f"POST /api/v1/evaluations/{ROUND}/freeze": (200, REVEALED),
        f"GET /api/v1/evaluations/{ROUND}": (200, REVEALED),
        f"POST /api/v1/evaluations/{ROUND}/jobs": (201, {"id": "c1", "jobs": ["j1"], "count": 1}),
    }

    def invoke(*arguments):
        settings = {"NEURORIG_SERVER": stand_in.url, "NEURORIG_TOKEN": "nrg_test"}
        return CliRunner().invoke(cli, arguments, env=settings)

    return invoke


@pytest.fixture
def toml(tmp_path):
    """A declaration in a file."""
    path = tmp_path / "tuning.toml"
    path.write_text(TOML)
    return path


def test_declare_sends_the_file(run, stand_in, toml):
    """The declaration in a TOML file reaches the server with the same identity, and its digest is shown."""
    result = run("tuning", "declare", str(toml))
    sent = next(r["body"] for r in reversed(stand_in.requests) if r["method"] == "POST")

    assert result.exit_code == 0, result.output
    assert tuning.digest(TuningDeclaration.model_validate(sent)) == DIGEST
    assert f"solver.tuning = {DIGEST}" in result.output
    assert "1 for n up to 100; 2.5 for the rest" in result.output


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("100 * n", "seed", "'seed' is no name here"),
        ("100 * n", "1 / (n - 500)", "has no value for n = 500"),
        ("{ value = 2.5 }", "{ n = 200, value = 2.5 }", "the last step must have a value only"),
        ("[params]", "[params", "cannot read"),
        ('"qubo-mis"', '"asc"', "benchmark: 'asc' is not valid. Valid values: qubo-mis"),
        ("board =", "bord =", "bord: unknown field. Did you mean 'board'"),
    ],
)
def test_wrong_declaration_is_refused_before_it_is_sent(*, run, stand_in, toml, old, new, message):
    """What is wrong with the file is said, with a usage error and without a request."""
    toml.write_text(TOML.replace(old, new, 1))
    result = run("tuning", "declare", str(toml))

    assert result.exit_code == 2
    assert message in result.output
    assert stand_in.requests == []


@pytest.mark.parametrize(
    "arguments", [["tuning", "declare", "/nowhere.toml"], ["evaluation", "verify", "--file", "/no"]]
)
def test_missing_file_is_a_usage_error(run, arguments):
    """A file that cannot be read is named."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert "cannot read '/no" in result.output


def test_file_that_is_too_large_is_refused(run, tmp_path):
    """A file is read up to a limit only."""
    path = tmp_path / "large.json"
    path.write_text(" " * (1 << 20) + "{}")
    result = run("tuning", "declare", str(path))

    assert result.exit_code == 2
    assert "larger than" in result.output


def test_evaluate_by_digest_and_by_file(run, stand_in, toml):
    """A declaration's values are computed here, from the server's record or from a file without a server."""
    by_digest = json.loads(run("tuning", "evaluate", DIGEST, "--n", "250", "--density", "0.05", "--json").output)
    asked = len(stand_in.requests)
    by_file = json.loads(run("tuning", "evaluate", str(toml), "--n", "250", "--density", "0.05", "--json").output)

    assert by_digest == by_file
    assert by_file == {"digest": DIGEST, "params": {"schedule": "geometric", "steps": 25000, "refract": 2.5}}
    assert len(stand_in.requests) == asked


def test_show_and_list_declarations(run):
    """A declaration is shown with each parameter, and listed with its owner."""
    shown, listed = run("tuning", "show", DIGEST), run("tuning", "list")

    assert "100 * n" in shown.output
    assert DIGEST in listed.output
    assert "me" in listed.output


def test_submit_names_a_declaration(run, stand_in, bodies):
    """A job is submitted with the declaration's digest and without parameters of its own."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))
    result = run("submit", "qubo-mis", "--n", "10", "--density", "0.1", "--timeout", "0.01", "--tuning", DIGEST)

    assert result.exit_code == 0, result.output
    solver = stand_in.requests[-1]["body"]["solver"]
    assert (solver["tuning"], solver["params"]) == (DIGEST, {})


def test_open_and_freeze(run, stand_in):
    """Opening shows the commitment; freezing sends the digest and random bytes of this computer."""
    opened = run("evaluation", "open", "--comment", "first")
    nonces = []
    for _ in range(2):
        frozen = run("evaluation", "freeze", ROUND, DIGEST)
        nonces.append(stand_in.requests[-1]["body"]["nonce"])

    assert OPEN["commitment"] in opened.output
    assert "sealed until a declaration is frozen" in opened.output
    assert stand_in.requests[-1]["body"]["tuning"] == DIGEST
    assert [len(bytes.fromhex(nonce)) for nonce in nonces] == [16, 16]
    assert nonces[0] != nonces[1]
    assert str(REVEALED["seeds"][0]) in frozen.output


def test_evaluation_commands_take_a_key(run, stand_in):
    """What a key makes is made once; a freeze with a key needs its own nonce, since another one is another request."""
    given = ("--idempotency-key", "mine")
    ends = [
        run("evaluation", "open", *given).exit_code,
        run("evaluation", "freeze", ROUND, DIGEST, "--nonce", "00ff", *given).exit_code,
        run("evaluation", "submit", ROUND, "--timeout", "0.01", *given).exit_code,
    ]
    without_nonce = run("evaluation", "freeze", ROUND, DIGEST, *given)

    assert ends == [0, 0, 0]
    assert [request["headers"]["Idempotency-Key"] for request in stand_in.requests] == ["mine"] * 3
    assert (without_nonce.exit_code, "--nonce" in without_nonce.output) == (2, True)


def test_verify_recomputes_here(run):
    """An honest round is well, with every check named; the noted commitment is compared."""
    result = run("evaluation", "verify", ROUND, "--commitment", OPEN["commitment"], "--json")

    assert result.exit_code == 0, result.output
    checks = json.loads(result.output)["checks"]
    assert [c["name"] for c in checks] == ["commitment", "seeds", "order", "declaration", "noted"]
    assert all(c["well"] for c in checks)


@pytest.mark.parametrize(
    "wrong", [{"seeds": [7, 8, 9, 10, 11]}, {"secret": "00" * 32}, {"commitment": "sha256:" + "0" * 64}, OPEN]
)
def test_verify_ends_with_1_when_something_is_wrong(run, stand_in, wrong):
    """A record that was changed, or a round that is not revealed, is never called well."""
    found = OPEN if wrong is OPEN else {**REVEALED, **wrong}
    stand_in.answers[f"GET /api/v1/evaluations/{ROUND}"] = (200, found)
    result = run("evaluation", "verify", ROUND)

    assert result.exit_code == 1
    assert "wrong" in result.output


def test_noted_commitment_that_differs_is_found(run):
    """A server that replaced its commitment after the opening is found by who noted the first one."""
    result = run("evaluation", "verify", ROUND, "--commitment", "sha256:" + "0" * 64)

    assert result.exit_code == 1
    assert "noted" in result.output


def test_verify_of_a_saved_record_needs_no_server(run, stand_in, tmp_path):
    """What `show --json` printed can be checked later, anywhere."""
    path = tmp_path / "round.json"
    path.write_text(run("evaluation", "show", ROUND, "--json").output)
    stand_in.requests.clear()
    result = run("evaluation", "verify", "--file", str(path))

    assert result.exit_code == 0, result.output
    assert stand_in.requests == []


@pytest.mark.parametrize("text", ["[]", "{}", '{"evaluation": 3}', '{"evaluation": {"id": 3}, "declaration": 4}'])
def test_saved_record_that_is_none_is_a_usage_error(run, tmp_path, text):
    """A file of another kind is refused with what is missing."""
    path = tmp_path / "round.json"
    path.write_text(text)
    result = run("evaluation", "verify", "--file", str(path))

    assert result.exit_code == 2
    assert "not an evaluation round" in result.output or "not a tuning declaration" in result.output


@pytest.mark.parametrize("arguments", [[], [ROUND, "--file", "x"]])
def test_verify_wants_one_record(run, arguments):
    """Either a round of the server or a file, not both and not neither."""
    assert run("evaluation", "verify", *arguments).exit_code == 2


def test_submit_describes_the_jobs(run, stand_in):
    """Options become the request; seeds and parameters are nobody's to give."""
    result = run(
        *("evaluation", "submit", ROUND, "--n", "250", "--n", "500", "--density", "0.05", "--timeout", "0.01"),
        *("--reality", "virtual", "--metered", "--trials", "2", "--tag", "a", "--wait-for-bench"),
    )

    assert result.exit_code == 0, result.output
    assert stand_in.requests[-1]["query"] == {"wait_for_bench": "true"}
    assert stand_in.requests[-1]["body"] == {
        "scenario": {"kind": "fixed-timeout", "timeout_s": 0.01},
        "needs": {"reality": "virtual", "metered": True},
        "plan": {"trials": 2},
        "sizes": [250, 500],
        "densities": [0.05],
        "tags": ["a"],
    }
    assert "campaign c1 with 1 jobs" in result.output
    assert run("evaluation", "submit", ROUND).exit_code == 2


def test_submit_names_the_target_of_a_time_to_solution(run, stand_in):
    """The reference goes with time to solution and with nothing else."""
    tts = run("evaluation", "submit", ROUND, "--tts", "1", "--gap", "0.1", "--reference", "best-verified")

    assert tts.exit_code == 0, tts.output
    scenario = {"kind": "time-to-solution", "limit_s": 1.0, "gaps": [0.1], "reference": "best-verified"}
    assert stand_in.requests[-1]["body"]["scenario"] == scenario
    assert run("evaluation", "submit", ROUND, "--timeout", "1", "--reference", "official").exit_code == 2


def test_rounds_are_listed_with_their_counts(run, stand_in):
    """The list ends with how often seeds were drawn for each solver on each board."""
    count = {"board": "virtual-loihi", "solver": "annealing", "rounds": 41, "declarations": 17}
    stand_in.answers["GET /api/v1/evaluations"] = (200, {"items": [REVEALED], "next": None, "counts": [count]})
    listed = run("evaluation", "list").output
    stand_in.answers["GET /api/v1/evaluations"] = (200, {"items": [], "next": None})

    assert all(word in listed for word in (ROUND, "41", "17"))
    assert "no rounds" in run("evaluation", "list").output


def _jobs(stand_in, bodies, *params):
    """Script one job per graph seed, with these parameters."""
    for seed, chosen in enumerate(params):
        stand_in.add_job(f"j{seed}", "succeeded")
        (job,) = stand_in.jobs[f"j{seed}"]
        job["spec"]["workload"]["seed"] = seed
        job["spec"]["solver"] = {"name": "dwave-tabu", "params": chosen}
        job["standing"] = {"name": "exploratory", "seed": "tuning", "why": "no declaration"}


def test_rules_check_finds_per_instance_tuning(run, stand_in, bodies):
    """Jobs with a parameter of their own for one graph end with 1 and name it."""
    _jobs(stand_in, bodies, {"t": 1}, {"t": 1}, {"t": 2})
    result = run("rules", "check", "j0", "j1", "j2")

    assert result.exit_code == 1
    assert "'t' differs between graphs: 1 for seeds 0, 1; 2 for seeds 2" in result.output
    well = run("rules", "check", "j0", "j1", "--json")
    assert (well.exit_code, json.loads(well.output)["standings"]) == (0, {"exploratory": 2})


def test_rules_check_takes_a_campaign(run, stand_in, bodies):
    """A campaign stands for all its jobs."""
    _jobs(stand_in, bodies, {"t": 1}, {"t": 2})
    stand_in.answers["GET /api/v1/campaigns/c1"] = (200, {"id": "c1", "name": "c", "states": {}, "complete": 1})
    result = run("rules", "check", "c1")

    assert result.exit_code == 1
    assert run("rules", "check", "nothing").exit_code == 4


def test_standing_is_shown_with_jobs_and_attempts(run, stand_in, bodies):
    """What a job counts as stands in the list and, with the reason, on the job."""
    _jobs(stand_in, bodies, {})

    assert "exploratory" in run("jobs").output
    assert "exploratory: no declaration" in run("show", "j0").output


def test_client_follows_the_pages_of_declarations(stand_in):
    """Declarations are yielded over all pages."""
    stand_in.answers["GET /api/v1/tunings"] = (200, {"items": [TUNING], "next": None})
    with Client(stand_in.url) as client:
        assert [view.digest for view in client.tunings()] == [DIGEST]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (TuningView, tunings.TuningView),
        (TuningPage, tunings.TuningPage),
        (EvaluationView, evaluations.EvaluationView),
        (EvaluationPage, evaluations.EvaluationPage),
        (RoundCount, evaluations.RoundCount),
    ],
)
def test_views_are_those_of_the_server(ours, theirs):
    """Each field that the client reads is sent, and each that it needs is always sent."""
    assert set(ours.model_fields) <= set(theirs.model_fields)
    needed = {name for name, field in ours.model_fields.items() if field.is_required()}
    assert needed <= set(theirs.model_json_schema(mode="serialization").get("required", []))
