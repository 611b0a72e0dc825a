"""The agent's loop against a server on loopback that fails in every way it knows."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neurorig_agents.attempt_control import Stop
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.daemon import Daemon
from neurorig_agents.server_client import ServerClient, ServerRefused
from neurorig_agents.spool import Spool
from neurorig_protocols.lease import Lease

MakeLease = Callable[..., Lease]
Serve = Callable[..., list[str]]


@pytest.fixture
def spool_folder(tmp_path: Path) -> Path:
    """Return where the agent of this test spools."""
    return tmp_path / "spool"


@pytest.fixture
def serve(server: Any, spool_folder: Path) -> Serve:
    """Return a function that runs an agent until the server has seen something, and returns the steps taken."""

    def run(bench: LiveBench, until: Callable[[], Any], on: dict[str, Callable[[], object]] | None = None) -> list[str]:
        seen: list[str] = []

        def on_step(step: str) -> None:
            seen.append(step)
            if on and step in on:
                on[step]()

        stop = Stop()
        with (
            stop.on_signals(),
            Spool(spool_folder) as spool,
            ServerClient(server.url, "t", patience_s=0.2, wait=stop.wait) as client,
            ServerClient(server.url, "t", patience_s=0) as beats,
            terminated_when(server, until),
        ):
            Daemon(bench, client, beats, spool, stop, on_step=on_step).run()
        stop.close()
        return seen

    return run


@contextlib.contextmanager
def terminated_when(server: Any, condition: Callable[[], Any]) -> Iterator[None]:
    """Send SIGTERM to this process once the server has seen something, at the latest after half a minute."""
    over = threading.Event()
    late: list[BaseException] = []

    def watch() -> None:
        try:
            server.wait_for(lambda: condition() or over.is_set(), 30)
        except AssertionError as error:
            late.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        with server.changed:
            server.changed.notify_all()
        watcher.join()
    assert not late, late


def left(spool_folder: Path) -> list[str]:
    """Return the attempts that still lie in the spool."""
    return sorted(path.name for path in (spool_folder / "attempts").iterdir())


def test_a_job_is_done_from_lease_to_report(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease, spool_folder: Path
) -> None:
    """The bench is registered, the job leased and started, its trace and its report delivered, the spool empty."""
    server.give(make_lease(1))
    serve(trial_bench, lambda: server.reports)

    assert server.benches["trial"]["board"]["serial_number"] == "T-1"
    assert server.started == ["lease-1"]
    report = server.reports["attempt-1"]
    assert report["outcome"] == "succeeded"
    (reference,) = report["traces"]
    assert len(server.uploads[reference["digest"].removeprefix("sha256:")]) == reference["size"]
    routes = [path for method, path in server.log if method in {"PATCH", "POST"} and "attempts" in path]
    assert routes[-1] == "/attempts/attempt-1/report"
    assert left(spool_folder) == []


def test_job_after_job(server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease) -> None:
    """The agent takes the next job when one is done, on the same warm drivers."""
    pid = trial_bench.board.pid
    server.give(make_lease(1), make_lease(2), make_lease(3))
    serve(trial_bench, lambda: len(server.reports) == 3)

    assert {r["outcome"] for r in server.reports.values()} == {"succeeded"}
    assert trial_bench.board.pid == pid


ROUTES = [("PUT", "benches"), ("POST", "start"), ("PATCH", "traces"), ("POST", "report")]


@pytest.mark.parametrize("fault", list(itertools.product(ROUTES, ["drop", "deafen", 503])), ids=str)
def test_a_faulty_server_costs_nothing(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease, fault: tuple[tuple[str, str], str | int]
) -> None:
    """A request that fails at any step is made again, and the job gets its one report."""
    (method, path), how = fault
    server.fail(method, path, how)
    server.give(make_lease(1))
    serve(trial_bench, lambda: server.reports)

    assert server.reports["attempt-1"]["outcome"] == "succeeded"


def test_a_dead_server_gets_the_report_when_it_is_back(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease, spool_folder: Path
) -> None:
    """A server that dies during the attempt and comes back later receives trace and report."""
    server.give(make_lease(1))
    back = threading.Timer(1.0, server.restart)

    def die() -> None:
        server.stop()
        back.start()

    serve(trial_bench, lambda: server.reports, {"idle 0": die})
    back.join()

    assert server.reports["attempt-1"]["outcome"] == "succeeded"
    assert left(spool_folder) == []


def test_a_stopped_agent_reports_before_it_goes(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease, spool_folder: Path
) -> None:
    """SIGTERM inside a window finishes the window and delivers an attempt that failed for another try."""
    server.give(make_lease(1))
    serve(trial_bench, lambda: server.reports, {"warmup 0": lambda: os.kill(os.getpid(), signal.SIGTERM)})

    report = server.reports["attempt-1"]
    assert (report["outcome"], report["error"]["code"]) == ("failed", "agent_stopped")
    assert [w["phase"] for w in report["windows"]] == ["idle", "warmup"]
    assert left(spool_folder) == []


def test_a_lost_lease_leaves_evidence(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease, spool_folder: Path
) -> None:
    """An attempt whose lease is gone still sends its report, once, and is forgotten."""
    server.give(make_lease(1, ttl_s=0.03))
    server.lost = True
    serve(trial_bench, lambda: ("POST", "/attempts/attempt-1/report") in server.log)

    assert server.log.count(("POST", "/attempts/attempt-1/report")) == 1
    assert left(spool_folder) == []


def test_an_attempt_lost_before_it_began_is_dropped(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease, spool_folder: Path
) -> None:
    """A start that is refused for the fence runs nothing."""
    server.fail("POST", "start", {"status": 409, "code": "lease_lost", "detail": "gone"})
    server.give(make_lease(1), make_lease(2))
    seen = serve(trial_bench, lambda: server.reports)

    assert list(server.reports) == ["attempt-2"]
    assert seen.count("compile") == 1
    assert left(spool_folder) == []


def test_a_refused_report_is_kept_for_a_person(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease, spool_folder: Path
) -> None:
    """A report that the server will never take is set aside, and the agent goes on."""
    server.fail("POST", "report", {"status": 422, "code": "invalid_request", "detail": "no"})
    server.give(make_lease(1), make_lease(2))
    serve(trial_bench, lambda: server.reports)

    assert list(server.reports) == ["attempt-2"]
    assert [path.name for path in (spool_folder / "refused").iterdir()] == ["attempt-1"]
    assert (spool_folder / "refused" / "attempt-1" / "report.json").exists()


def test_a_server_that_forgot_the_bench_is_told_again(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease
) -> None:
    """A 404 for a lease registers the bench anew."""
    server.fail("POST", "leases", {"status": 404, "code": "not_found", "detail": "no such bench"})
    server.give(make_lease(1))
    serve(trial_bench, lambda: server.reports)

    assert [path for method, path in server.log if method == "PUT"] == ["/benches/trial"] * 2


@pytest.mark.parametrize(
    "problem",
    [
        {"status": 401, "code": "unauthorised", "detail": "who?"},
        {"status": 409, "code": "protocol_mismatch", "detail": "old"},
    ],
)
def test_what_only_the_operator_can_mend_ends_the_agent(
    server: Any, serve: Serve, trial_bench: LiveBench, problem: dict[str, Any]
) -> None:
    """A refused token or another protocol ends the agent with the server's own words."""
    server.fail("PUT", "benches", problem)
    with pytest.raises(ServerRefused, match=problem["detail"]):
        serve(trial_bench, lambda: ("PUT", "/benches/trial") in server.log)


def test_no_job_is_taken_without_a_board(
    server: Any,
    serve: Serve,
    open_bench: Callable[..., LiveBench],
    make_lease: MakeLease,
    tmp_path: Path,
) -> None:
    """While the board does not answer nothing is leased; when it is back the job is done."""
    bench = open_bench(board={"open": "lost", "once": str(tmp_path / "lost")})
    server.give(make_lease(1))
    serve(bench, lambda: server.reports)

    assert (tmp_path / "lost").exists()
    assert server.reports["attempt-1"]["outcome"] == "succeeded"


def test_a_full_spool_takes_no_job(
    server: Any, serve: Serve, trial_bench: LiveBench, make_lease: MakeLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room on the disk no job is leased."""
    rounds = []

    def full(_: Spool) -> None:
        rounds.append(1)
        if len(rounds) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "check_room", full)
    server.give(make_lease(1))
    serve(trial_bench, lambda: rounds)

    assert server.log == []
