"""The `neurorig` command: commands, tables and JSON, exit codes, interruption."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint

import click
import pytest
from click.testing import CliRunner

from neurorig.cli import main as cli_module
from neurorig.cli.main import cli
from neurorig_protocols.job import JobSpec

BENCH = {
    "name": "virtual-loihi",
    "reality": "virtual",
    "board": "virtual-loihi",
    "profile": {},
    "board_info": {"family": "VIRTUAL Loihi"},
    "last_seen_at": "2026-11-21T08:00:00Z",
    "state": "busy",
    "lease": {"attempt_id": "a1", "job_id": "j9", "expires_at": "2026-11-21T08:00:00Z", "phase": "run"},
}


@pytest.fixture
def run(stand_in):
    """Run the command against the stand-in server and return click's result."""

    def invoke(*arguments, server=stand_in.url, **environment):
        settings = {"NEURORIG_SERVER": server, "NEURORIG_TOKEN": "nrg_test", **environment}
        return CliRunner().invoke(cli, arguments, env=settings)

    return invoke


def sent_job(stand_in):
    """Return the job that was submitted last."""
    return JobSpec.model_validate(next(r["body"] for r in reversed(stand_in.requests) if r["method"] == "POST"))


def test_help_lists_every_command_without_importing():
    """The help page names our commands and the other packages', and loads none of them."""
    program = (
        "import sys; from click.testing import CliRunner; from neurorig.cli.main import cli;"
        "print(CliRunner().invoke(cli, ['--help']).output);"
        "print([m for m in sys.modules if m in ('httpx', 'fastapi', 'neurorig_server', 'neurorig_agents', 'rich')])"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    for name in ("submit", "jobs", "show", "energy", "benches", "watch", "cancel", "demo", "doctor", "serve", "agent"):
        assert f"\n  {name} " in output.stdout
    assert "130 interrupted" in output.stdout
    assert output.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", sorted(cli_module._OWN))
def test_every_own_command_loads(name):
    """Each of our commands can be imported, says what it does and answers in JSON on request."""
    command = cli.get_command(click.Context(cli), name)

    own = [command, *command.commands.values()] if isinstance(command, click.Group) else [command]
    answering = [one for one in own if not isinstance(one, click.Group) or one.invoke_without_command]

    assert all(one.help for one in own)
    assert all(any("--json" in parameter.opts for parameter in one.params) for one in answering)
    assert command.name == name


def test_unknown_commands_are_usage_errors(run):
    """A command that does not exist ends with 2, and names the closest one and all."""
    result = run("submut")

    assert result.exit_code == 2
    assert "Did you mean 'submit'" in result.output
    assert "benches" in result.output


def test_a_command_without_its_libraries_says_what_to_install(monkeypatch):
    """An entry point that cannot be imported becomes a command that names the extra."""
    point = EntryPoint("serve", "neurorig_server.nowhere:serve", "neurorig.commands")
    monkeypatch.setattr(cli_module, "_others", lambda: {"serve": point})
    result = CliRunner().invoke(cli, ["serve", "--port", "0"])

    assert result.exit_code == 1
    assert "pip install 'neurorig[server]'" in result.output


def test_submit_qubo_mis(run, stand_in, bodies):
    """The options of a QUBO job reach the server as the job they describe."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))
    result = run(
        *("submit", "qubo-mis", "--n", "250", "--density", "0.05", "--seed", "3", "--tts", "0.5", "--gap", "0.1"),
        *("--board", "virtual-loihi", "--reality", "virtual", "--metered", "--solver", "dwave-sa"),
        *("--solver-seed", "7", "--param", "num_sweeps=10", "--param", "beta_hot=0.5", "--trials", "2"),
        *("--idle", "0.1", "--priority", "80", "--tag", "a", "--tag", "b", "--comment", "hello"),
    )
    job = sent_job(stand_in)

    assert result.exit_code == 0, result.output
    assert "neurorig watch j1" in result.output
    assert (job.workload.n, job.workload.density, job.workload.seed) == (250, 0.05, 3)
    assert (job.workload.scenario.limit_s, job.workload.scenario.gaps) == (0.5, (0.1,))
    assert (job.needs.board, job.needs.reality, job.needs.metered) == ("virtual-loihi", "virtual", True)
    assert (job.solver.name, job.solver.seed, job.solver.params) == (
        "dwave-sa",
        7,
        {"num_sweeps": 10, "beta_hot": 0.5},
    )
    assert (job.plan.trials, job.plan.idle_s, job.priority, job.tags) == (2, 0.1, 80, ("a", "b"))


def test_submit_leaves_defaults_to_the_protocol(run, stand_in, bodies):
    """Options that are not given are the protocol's defaults."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))
    run("submit", "qubo-mis", "--n", "10", "--density", "0.1", "--timeout", "0.01")
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    workload = {"name": "qubo-mis", "n": 10, "density": 0.1, "seed": 0, "scenario": scenario}

    assert sent_job(stand_in) == JobSpec.model_validate({"workload": workload})


def test_submit_digits_and_file(run, stand_in, bodies, tmp_path):
    """Digits by options and any job by file are submitted; the key and the wish to wait go along."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))
    assert run("submit", "mnist-digits", "--count", "200", "--idempotency-key", "k").exit_code == 0
    assert stand_in.requests[-1]["headers"]["Idempotency-Key"] == "k"
    by_options = sent_job(stand_in)
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"workload": {"name": "mnist-digits", "count": 200}}))
    assert run("submit", "--file", str(path), "--wait-for-bench").exit_code == 0

    assert stand_in.requests[-1]["query"] == {"wait_for_bench": "true"}
    assert sent_job(stand_in) == by_options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submit"], "name a workload"),
        (["submit", "--wait", "qubo-mis"], "behind 'qubo-mis'"),
        (["submit", "qubo-mis", "--n", "10", "--density", "0.1"], "either --timeout or --tts"),
        (["submit", "qubo-mis", "--n", "10", "--density", "0.1", "--timeout", "1", "--tts", "1"], "either"),
        (["submit", "qubo-mis", "--n", "10", "--density", "0.1", "--timeout", "1", "--gap", "1"], "--gap"),
        (["submit", "qubo-mis", "--n", "0", "--density", "2", "--timeout", "-1"], "density"),
        (["submit", "qubo-mis", "--n", "x", "--density", "2", "--timeout", "1"], "not a valid integer"),
        (["submit", "mnist-digits", "--param", "x"], "NAME=VALUE"),
        (["submit", "mnist-digits", "--tag", ""], "tags"),
        (["submit", "--file", "/nowhere/job.json"], "No such file"),
        (["jobs", "--state", "lost"], "lost"),
        (["jobs", "--limit", "0"], "limit"),
        (["watch"], "Missing argument"),
        (["jobs", "--token-file", "/nowhere/token"], "cannot read"),
        (["jobs", "--server", "nowhere"], "not a server address"),
    ],
)
def test_wrong_usage_ends_with_two(run, stand_in, arguments, message):
    """Wrong options and invalid jobs are named, end with 2 and never reach the server."""
    result = run(*arguments)

    assert (result.exit_code, stand_in.requests) == (2, [])
    assert message in result.output


def test_an_empty_token_file_is_refused(run, tmp_path):
    """A token file without a token is a usage error."""
    (tmp_path / "token").write_text("\n")

    assert run("jobs", "--token-file", str(tmp_path / "token")).exit_code == 2


def test_the_token_file_wins(run, stand_in, tmp_path):
    """The token of a named file is sent, not the environment's."""
    (tmp_path / "token").write_text("nrg_file\n")
    run("jobs", "--token-file", str(tmp_path / "token"))

    assert stand_in.requests[0]["headers"]["Authorization"] == "Bearer nrg_file"


def test_no_server_ends_with_three(run, stand_in):
    """Without a server the command says so, says what to do, and ends with 3; in JSON too."""
    stand_in.stop()
    result, for_programs = run("jobs"), run("jobs", "--json")

    assert (result.exit_code, for_programs.exit_code) == (3, 3)
    assert "no answer from" in result.stderr
    assert "Next: start one with `neurorig serve`" in result.stderr
    assert json.loads(for_programs.stdout)["error"]["code"] == "unreachable"


def test_a_refusal_ends_with_four(run, stand_in):
    """A refusal shows message, fields and next step and ends with 4; in JSON with its code."""
    errors = [{"field": "loihi-1", "message": "bench is offline", "code": "unmet"}]
    problem = {"detail": "no bench could run it", "code": "infeasible", "next_step": "ask for less", "errors": errors}
    stand_in.answers["POST /api/v1/jobs"] = (422, problem)
    result = run("submit", "mnist-digits")

    assert result.exit_code == 4
    assert result.stderr.splitlines() == [
        "neurorig: no bench could run it",
        "  loihi-1: bench is offline",
        "Next: ask for less",
    ]
    for_programs = run("submit", "mnist-digits", "--json")
    assert for_programs.exit_code == 4
    assert json.loads(for_programs.stdout)["error"]["code"] == "infeasible"


def test_jobs_lists_and_limits(run, stand_in):
    """Jobs are a table for people and JSON for programs; the limit is kept; markup in messages stays text."""
    for k in range(5):
        stand_in.add_job(f"job{k}", "queued", reason="[red]waits[/red] for a bench")
    table, listed = run("jobs", "--limit", "3"), run("jobs", "--json", "--tag", "x")

    assert "job2" in table.stdout
    assert "job3" not in table.stdout
    assert "[red]waits[/red] for a bench" in table.stdout
    assert "qubo-mis, n = 250, density 5 %, seed 0, fixed timeout 10 ms" in table.stdout
    assert [job["id"] for job in json.loads(listed.stdout)] == [f"job{k}" for k in range(5)]
    assert stand_in.requests[-1]["query"]["tag"] == "x"


def test_empty_lists_say_so(run, stand_in):
    """No jobs, no benches and no energies are said in words."""
    stand_in.answers |= {"GET /api/v1/benches": (200, []), "GET /api/v1/energy": (200, {"rows": []})}

    assert run("jobs").stdout == "no jobs\n"
    assert run("benches").stdout == "no benches are registered\n"
    assert run("energy").stdout == "no attempt with energy matches\n"


def test_show_a_job_with_its_attempt(run, stand_in, bodies):
    """A job shows its state, attempts, recomputed answer, what was not reached and why energy is absent."""
    attempt = {"id": "a1", "number": 1, "bench": "host-cpu", "state": "succeeded", "quality": "valid"}
    stand_in.add_job("j1", "succeeded", attempts=[attempt])
    stand_in.answers["GET /api/v1/attempts/a1"] = (200, bodies.attempt("a1"))
    shown = run("show", "j1").stdout

    for text in (
        "−63 (xᵀQx, recomputed by the server)",
        "5.97 %",
        "host-cpu (host-cpu, physical)",
        "not reached",
        "12.30 ± 0.20 mJ, metered",
    ):
        assert text in shown
    assert "absent: no power monitor is configured on this bench" in shown
    assert json.loads(run("show", "j1", "--json").stdout)["attempt"]["id"] == "a1"


def test_show_tells_the_cost_of_a_board_that_rounds(run, stand_in, bodies):
    """Its own cost stands beside the exact one, with how far the two may be apart; other boards have no such line."""
    attempt = bodies.attempt("a1")
    stand_in.answers["GET /api/v1/attempts/a1"] = (200, attempt)
    assert "within" not in run("show", "a1").stdout
    attempt["answer"] |= {"solver_cost": -61, "cost_error_bound": 4}

    assert "−61, within 4: the board's weights are rounded" in run("show", "a1").stdout


def test_show_an_attempt_or_a_waiting_job(run, stand_in, bodies):
    """An attempt is shown by its own id; a job without attempts shows why it waits."""
    stand_in.answers["GET /api/v1/attempts/a1"] = (200, bodies.attempt("a1"))
    stand_in.add_job("j2", "queued", reason="every bench that fits is busy", position=3)

    assert "best cost" in run("show", "a1").stdout
    assert "every bench that fits is busy" in run("show", "j2").stdout
    assert json.loads(run("show", "j2", "--json").stdout)["attempt"] is None
    assert run("show", "nowhere").exit_code == 4


def test_benches_show_reality_and_lease(run, stand_in):
    """Each bench shows its reality, its board and what it is running."""
    stand_in.answers["GET /api/v1/benches"] = (200, [BENCH])
    shown = run("benches").stdout

    for text in ("virtual-loihi", "virtual", "busy", "VIRTUAL Loihi", "j9 run"):
        assert text in shown
    assert json.loads(run("benches", "--json").stdout)[0]["name"] == "virtual-loihi"


def test_energies_of_other_sizes_share_no_row_by_default(run, stand_in):
    """Without --group-by the server is asked for means per size, timeout and board, and the table shows them."""
    row = {"component": "memory", "phase": "run", "reality": "virtual", "n": 2, "mean_j": 0.0123, "u_j": 0.0001}
    group = {"variables": 250, "density": 0.05, "scenario": "fixed-timeout", "timeout_s": 0.01, "workload": "qubo-mis"}
    rows = [{**row, **group, "grade": "metered"}, {**row, **group, "variables": 50, "grade": "metered"}]
    stand_in.answers["GET /api/v1/energy"] = (200, {"rows": rows})
    shown = run("energy").stdout.splitlines()
    asked = stand_in.requests[0]["query"]["group_by"].split(",")

    assert {"variables", "density", "scenario", "timeout_s", "problem", "count", "board", "workload"} <= set(asked)
    assert shown[0].split()[:5] == ["workload", "n", "density", "scenario", "timeout"]
    assert shown[1].split()[:7] == ["qubo-mis", "250", "5", "%", "fixed-timeout", "10", "ms"]
    assert len(shown) == 3


def test_energy_groups_are_called_as_in_submit(run, stand_in):
    """The words of the command line become those of the REST interface."""
    stand_in.answers["GET /api/v1/energy"] = (200, {"rows": []})
    run("energy", "--group-by", "n", "--group-by", "timeout")

    assert stand_in.requests[0]["query"]["group_by"] == "variables,timeout_s"


def test_energy_of_an_attempt_a_job_and_over_attempts(run, stand_in):
    """Energy is shown as a matrix, as the reason of its absence, or as grouped means; each with its reality."""
    row = {"component": "memory", "phase": "run", "reality": "virtual", "n": 2, "mean_j": 0.0123, "u_j": 0.0001}
    stand_in.answers |= {
        "GET /api/v1/energy": (200, {"rows": [{**row, "grade": "metered", "spread_j": None}]}),
        "GET /api/v1/attempts/a1/energy": (200, {"absent": "no monitor"}),
    }
    attempt = {"id": "a1", "number": 1, "bench": "b", "state": "succeeded"}
    stand_in.add_job("j1", "succeeded", attempts=[attempt])
    stand_in.add_job("j2", "queued")
    means = run("energy", "--workload", "qubo-mis", "--group-by", "component").stdout

    for text in ("memory", "virtual", "12.30 ± 0.20 mJ", "metered", "n = 1, spread unknown"):
        assert text in means
    assert stand_in.requests[0]["query"] == {"workload": "qubo-mis", "group_by": "component"}
    assert run("energy", "j1").stdout == run("energy", "a1").stdout == "absent: no monitor\n"
    assert run("energy", "j2").exit_code == 2
    assert run("energy", "a1", "--phase", "run").exit_code == 2


def test_cancel(run, stand_in, bodies):
    """Cancelling shows the job's new state."""
    stand_in.answers["POST /api/v1/jobs/j1/cancel"] = (202, bodies.job("j1", "cancelling"))

    assert "cancelling" in run("cancel", "j1").stdout


def test_watch_tells_changes_and_ends_with_the_outcome(run, stand_in):
    """Changes go to the error stream, the outcome to the output; a failed job ends with 1."""
    error = {"code": "board_lost", "message": "the board stopped answering", "fault": "infra", "retryable": True}
    stand_in.add_job("j1", "queued", "running", "succeeded")
    stand_in.add_job("j2", "running", "failed", error=error)
    good, bad = run("watch", "j1", "--json"), run("watch", "j2")

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert good.stderr.splitlines() == ["j1: queued", "j1: running", "j1: succeeded"]
    assert [job["state"] for job in json.loads(good.stdout)] == ["succeeded"]
    assert "the board stopped answering" in bad.stdout


def test_watch_says_each_reason_for_waiting_once_and_where_the_answer_is(run, stand_in, bodies):
    """Reasons that come and go are not repeated; the outcome is followed by the commands that show more."""
    stand_in.add_job("j1", *["queued"] * 4, "succeeded")
    for step, why in zip(stand_in.jobs["j1"], ("busy", "its turn", "busy", "its turn"), strict=False):
        step["reason"] = why
    shown = run("watch", "j1")

    assert shown.stderr.splitlines() == ["j1: queued (busy)", "j1: queued (its turn)", "j1: succeeded"]
    assert shown.stdout.splitlines()[-2:] == ["its answer: neurorig show j1", "its energy: neurorig energy j1"]


def test_submit_and_wait(run, stand_in, bodies):
    """With --wait, submitting ends with the job's outcome."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))
    stand_in.add_job("j1", "cancelled")

    assert run("submit", "mnist-digits", "--wait").exit_code == 1


@pytest.fixture
def command(stand_in):
    """Start the command as a process of its own; it is killed at the end if it still runs."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "neurorig", *arguments, "--server", stand_in.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_ctrl_c_leaves_the_job_running(stand_in, command):
    """Interrupting a wait ends with 130, says how to come back and cancels nothing."""
    stand_in.add_job("j1", "running")
    process = command("watch", "j1")
    # It waits once it has said how the job stands.
    for line in process.stderr:
        if "running" in line:
            break
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Come back with: neurorig watch j1" in told
    assert {r["method"] for r in stand_in.requests} == {"GET"}


def test_a_wait_survives_a_restart_of_the_server(stand_in, command):
    """The command waits out a server that goes away and comes back, and reports the end."""
    stand_in.add_job("j1", "running")
    process = command("watch", "j1")
    stand_in.wait_for_request("/api/v1/jobs/j1")
    stand_in.stop()
    for line in process.stderr:
        if "waiting for the server" in line:
            break
    stand_in.add_job("j1", "succeeded")
    stand_in.start()
    shown, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "succeeded" in shown
