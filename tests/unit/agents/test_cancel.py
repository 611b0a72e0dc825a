"""A cancel while a run is under way: where the board can stop, where it cannot, and what is left of the attempt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neurorig_agents.attempt_control import Control, Ended, Stop
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.executor import execute
from neurorig_agents.spool import Spool
from neurorig_protocols.errors import DriverCrashed, RunStopped
from neurorig_protocols.lease import Lease
from neurorig_protocols.report import AttemptReport

OpenBench = Callable[..., LiveBench]
MakeLease = Callable[..., Lease]

PLAN: dict[str, Any] = {"trials": 3, "idle_s": 0.02, "settle_s": 0.005, "warmup": False, "ranging": False}
FOREVER_S = 60.0


@pytest.fixture
def control() -> Iterator[Control]:
    """What an agent's heartbeat and executor share."""
    stop = Stop()
    yield Control(stop, 600.0)
    stop.close()


@pytest.fixture
def cancelled(tmp_path: Path, control: Control, open_bench: OpenBench, make_lease: MakeLease) -> Iterator[Any]:
    """Run attempts that are cancelled as soon as the first window of a run has begun."""

    def run(trials: int = 3, **board: Any) -> tuple[AttemptReport, LiveBench]:
        begun = tmp_path / "begun"
        bench = open_bench(board={"begun": str(begun), **board})
        bench.board.ensure_running()
        lease = make_lease(1, plan={**PLAN, "trials": trials})
        owner = threading.Thread(target=_cancel_when, args=(begun, control))
        owner.start()
        try:
            return execute(lease, bench, spool.begin(lease), control), bench
        finally:
            owner.join()

    with Spool(tmp_path / "spool") as spool:
        yield run


def _cancel_when(begun: Path, control: Control) -> None:
    for _ in range(2000):
        if begun.exists():
            break
        threading.Event().wait(0.01)
    control.cancel()


@pytest.mark.timeout(30)
def test_a_board_that_can_stop_is_stopped_inside_its_window(cancelled: Any) -> None:
    """A window of a minute is cut at once: the attempt ends cancelled, without an answer, a time or a trace."""
    report, bench = cancelled(run_s=FOREVER_S, run_may_be_killed=True)

    assert (report.outcome, report.error, report.answer, report.traces) == ("cancelled", None, None, ())
    assert not [time for time in report.times if time.phase == "run"]
    assert not bench.board.running


def test_a_stopped_board_takes_the_next_job(
    cancelled: Any, tmp_path: Path, make_lease: MakeLease, open_bench: OpenBench
) -> None:
    """The driver that was ended for a cancel is started anew, and the next attempt succeeds."""
    _, bench = cancelled(run_s=0.2, run_may_be_killed=True)
    stop = Stop()
    with Spool(tmp_path / "next") as spool:
        bench.board.ensure_running()
        lease = make_lease(2, plan={**PLAN, "trials": 1})
        report = execute(lease, bench, spool.begin(lease), Control(stop, 600.0))
    stop.close()

    assert report.outcome == "succeeded"


def test_another_board_finishes_its_window_and_no_trial_follows(cancelled: Any) -> None:
    """The driver goes on living, the window in progress has its time, and the two other trials do not begin."""
    report, bench = cancelled(run_s=0.3)

    assert (report.outcome, report.answer) == ("cancelled", None)
    assert [(time.phase, time.index) for time in report.times if time.phase == "run"] == [("run", 0)]
    assert bench.board.running


def test_no_further_window_of_a_batch_begins(cancelled: Any) -> None:
    """A batch of a thousand windows in one call of the driver ends after the window that is being measured."""
    report, bench = cancelled(trials=1, run_s=0.1, windows=1000)

    assert (report.outcome, report.error, report.answer) == ("cancelled", None, None)
    assert bench.board.running


def test_a_result_that_is_complete_is_kept(cancelled: Any) -> None:
    """Where the window in progress was the last one, everything is measured and the attempt succeeds."""
    report, _ = cancelled(trials=1, run_s=0.3)

    assert report.outcome == "succeeded"


def test_a_wish_that_came_too_late_is_not_for_the_next_job(
    tmp_path: Path, open_bench: OpenBench, make_lease: MakeLease
) -> None:
    """A stop that reaches a driver after its run does not end the run of the job that follows."""
    bench = open_bench()
    bench.board.ensure_running()
    bench.board.stop_run()
    stop = Stop()
    with Spool(tmp_path / "spool") as spool:
        lease = make_lease(1, plan=PLAN)
        report = execute(lease, bench, spool.begin(lease), Control(stop, 600.0))
    stop.close()

    assert report.outcome == "succeeded"


def test_a_cancel_before_a_run_keeps_it_from_beginning(control: Control) -> None:
    """Nothing is stopped where nothing has begun."""
    stopped: list[str] = []
    control.cancel()
    with pytest.raises(Ended) as ended, control.stoppable(lambda: stopped.append("run")):
        pytest.fail("the run has begun")

    assert (ended.value.outcome, stopped) == ("cancelled", [])


def test_a_run_is_stopped_once(control: Control) -> None:
    """Every renewal repeats the owner's wish; the driver gets one signal, and none after its run."""
    stopped: list[str] = []
    with control.stoppable(lambda: stopped.append("first")):
        control.cancel()
        control.cancel()
    control.cancel()

    assert stopped == ["first"]


@pytest.mark.parametrize("error", [DriverCrashed, RunStopped])
def test_without_a_cancel_a_dead_driver_is_reported_as_such(control: Control, error: type[DriverCrashed]) -> None:
    """A driver that dies by itself is a failure of the bench, not an end that somebody wanted."""
    with pytest.raises(error), control.stoppable(lambda: None):
        raise error("it died")
