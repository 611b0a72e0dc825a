"""A lease that arrives while the agent stops is handed back: whatever the instant, its job waits for nobody."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from house import until
from server_kit import Server, job, launch

from neurorig_agents.attempt_control import Stop
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.daemon import Daemon
from neurorig_agents.server_client import ServerClient
from neurorig_agents.spool import Spool
from neurorig_protocols.lease import Lease

MakeLease = Callable[..., Lease]
Instant = Callable[[Any, pytest.MonkeyPatch], None]


def terminate() -> None:
    """Send SIGTERM to this process."""
    os.kill(os.getpid(), signal.SIGTERM)


def run_daemon(bench: LiveBench, url: str, spool_folder: Path, token: str = "t") -> None:  # noqa: S107 - no secret
    """Run an agent in this thread until SIGTERM."""
    stop = Stop()
    with (
        contextlib.closing(stop),
        stop.on_signals(),
        Spool(spool_folder) as spool,
        ServerClient(url, token, patience_s=0.2, wait=stop.wait) as client,
        ServerClient(url, token, patience_s=0) as beats,
    ):
        Daemon(bench, client, beats, spool, stop).run()


def while_the_answer_is_on_its_way(server: Any, patch: pytest.MonkeyPatch) -> None:
    """The server has given the lease and has not answered yet."""
    answer = server.handler._answer

    def late(self: Any, *args: Any, **options: Any) -> None:
        if self.path.endswith("/leases"):
            terminate()
        with contextlib.suppress(ConnectionError):
            answer(self, *args, **options)

    patch.setattr(server.handler, "_answer", late)


def when_the_answer_has_been_read(_: Any, patch: pytest.MonkeyPatch) -> None:
    """The lease is in the agent's hands, and nobody has looked at it."""
    ask = ServerClient.lease

    def then_stop(*args: Any) -> Lease | None:
        found = ask(*args)
        terminate()
        return found

    patch.setattr(ServerClient, "lease", then_stop)


def behind_the_wait(_: Any, patch: pytest.MonkeyPatch) -> None:
    """The signal raises nothing any more: it only sets the flag."""
    wait = Stop.interruptible

    @contextlib.contextmanager
    def then_stop(self: Stop) -> Iterator[None]:
        with wait(self):
            yield
        terminate()

    patch.setattr(Stop, "interruptible", then_stop)


INSTANTS = [while_the_answer_is_on_its_way, when_the_answer_has_been_read, behind_the_wait]


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_lease_that_arrives_while_stopping_is_handed_back(
    *,
    server: Any,
    trial_bench: LiveBench,
    make_lease: MakeLease,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    instant: Instant,
) -> None:
    """Under the id that it was asked for with; nothing was begun, nothing lies in the spool."""
    instant(server, monkeypatch)
    server.give(make_lease(1))

    run_daemon(trial_bench, server.url, tmp_path)

    assert len(server.asked) == 1
    assert server.returned == server.asked
    assert (server.started, server.reports) == ([], {})
    assert list((tmp_path / "attempts").iterdir()) == []


def test_an_agent_that_only_waits_says_that_it_goes(server: Any, trial_bench: LiveBench, tmp_path: Path) -> None:
    """The server may be giving it a lease at that instant."""
    with stopped_when(server, lambda: server.asked):
        run_daemon(trial_bench, server.url, tmp_path)

    assert server.returned == server.asked[-1:]


@contextlib.contextmanager
def stopped_when(server: Any, condition: Callable[[], Any]) -> Iterator[None]:
    """Send SIGTERM once the server has seen something."""
    act = server.handler._act

    def then_stop(self: Any, *args: Any) -> Any:
        answer = act(self, *args)
        if condition():
            terminate()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server.handler, "_act", then_stop)
        yield


def test_an_agent_that_never_asked_hands_nothing_back(server: Any, trial_bench: LiveBench, tmp_path: Path) -> None:
    """A signal before the first request for work."""
    with stopped_when(server, lambda: server.benches):
        run_daemon(trial_bench, server.url, tmp_path)

    assert (server.asked, server.returned) == ([], [])


def test_a_lost_answer_is_asked_for_again_under_its_id(server: Any, trial_bench: LiveBench, tmp_path: Path) -> None:
    """The server may have given a lease: the same question gives the same lease. A new question has a new id."""
    server.fail("POST", "leases$", "deafen")
    with stopped_when(server, lambda: len(server.asked) == 3):
        run_daemon(trial_bench, server.url, tmp_path)

    assert server.asked[0] == server.asked[1] != server.asked[2]


def test_a_lease_that_ended_before_it_was_heard_of_is_not_asked_for_again(
    server: Any, trial_bench: LiveBench, make_lease: MakeLease, tmp_path: Path
) -> None:
    """The next question has another id, and the agent works on."""
    server.fail("POST", "leases$", {"status": 409, "code": "lease_lost", "detail": "it has expired"})
    server.give(make_lease(1))
    with stopped_when(server, lambda: server.reports):
        run_daemon(trial_bench, server.url, tmp_path)

    assert server.reports["attempt-1"]["outcome"] == "succeeded"
    assert server.returned == []


@pytest.mark.parametrize("how", ["drop", 503, {"status": 409, "code": "lease_lost", "detail": "over"}])
def test_a_server_that_takes_nothing_back_holds_no_agent_up(
    server: Any, trial_bench: LiveBench, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: Any
) -> None:
    """The agent says so and ends in order; the lease expires as any other."""
    server.fail("POST", "return", how, times=1000)
    with stopped_when(server, lambda: server.asked):
        run_daemon(trial_bench, server.url, tmp_path)

    assert "could not be handed back" in caplog.text


# --- with the real server


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server whose leases do not expire while these tests run."""
    started = launch(tmp_path_factory.mktemp("server"), NEURORIG_LEASE_TTL_S="3600")
    yield started
    assert started.stop() == 0


@pytest.fixture
def token(real: Server) -> str:
    """The agent's token."""
    with real.client() as api:
        return str(api.post("/tokens", json={"name": "a", "scopes": ["agent"], "bench": "trial"}).json()["token"])


@pytest.mark.parametrize("instant", [when_the_answer_has_been_read, behind_the_wait])
def test_the_real_server_queues_the_job_at_once(
    *,
    real: Server,
    token: str,
    trial_bench: LiveBench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    instant: Instant,
) -> None:
    """Long before the lease would expire, with no attempt counted: the next agent succeeds at the only try."""
    with real.client() as api:
        asked = job("trial", max_attempts=1)
        job_id = api.post("/jobs", json=asked, params={"wait_for_bench": "true"}).json()["id"]
        with monkeypatch.context() as patch:
            instant(real, patch)
            run_daemon(trial_bench, real.url, tmp_path, token)

        view = api.get(f"/jobs/{job_id}").json()
        assert (view["state"], [a["state"] for a in view["attempts"]]) == ("queued", ["returned"])
        api.post(f"/jobs/{job_id}/cancel")


BENCH = """
name = "trial"
reality = "virtual"
components = [{ name = "core" }]
rails = [{ name = "core", component = "core" }]
[board]
driver = "trial-board"
options = { run_s = 0.02 }
[[monitors]]
id = "pm"
driver = "trial-monitor"
channels = [{ channel = 1, rail = "core" }]
"""


@pytest.mark.usefixtures("trial_drivers")
@pytest.mark.parametrize("round_", range(3))
def test_a_real_agent_that_is_stopped_while_a_job_arrives(
    real: Server, token: str, tmp_path: Path, round_: int
) -> None:
    """Job and signal race; behind the agent's end the job is never left leased."""
    (tmp_path / "bench.toml").write_text(BENCH)
    (tmp_path / "token").write_text(token)
    command = [sys.executable, "-c", "from neurorig_agents.agent_commands import agent; agent()", "run"]
    options = {"bench": "bench.toml", "token-file": "token", "spool": "spool"}
    files = [text for name, value in options.items() for text in (f"--{name}", str(tmp_path / value))]
    with real.client() as api, subprocess.Popen([*command, *files, "--server", real.url]) as agent:
        try:
            until(lambda: real.waiting() == 1, what="an agent that waits")
            job_id = api.post("/jobs", json=job("trial", seed=round_)).json()["id"]
            agent.terminate()
            assert agent.wait(60) == 0
        finally:
            agent.kill()
        view = api.get(f"/jobs/{job_id}").json()
        api.post(f"/jobs/{job_id}/cancel")

    states = [attempt["state"] for attempt in view["attempts"]]
    assert view["state"] == "queued", view
    assert states in ([], ["returned"], ["failed"])
