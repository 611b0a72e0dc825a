"""Drivers in child processes: same interface, contained faults, no orphans. Every child here is a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from neurorig_drivers.interface import MarkerLog, host_ns
from neurorig_drivers.process.host import HostedBoard, HostedMonitor
from neurorig_protocols.bench import BoardConfig, Channel, JsonScalar, MonitorConfig
from neurorig_protocols.board import Artifact, Batch
from neurorig_protocols.errors import (
    BoardLost,
    DoesNotFit,
    DriverCrashed,
    DriverMissing,
    DriverTimeout,
    InfraError,
    InvalidConfig,
    MonitorUnavailable,
)
from neurorig_protocols.trace import AcquisitionPlan, join_blocks

pytestmark = pytest.mark.usefixtures("trial_drivers")

N = 8
PROBLEM = Artifact(
    "qubo",
    {"n": N},
    {
        "diagonal": np.full(N, -1, np.int64),
        "rows": np.zeros(0, np.int64),
        "cols": np.zeros(0, np.int64),
        "weights": np.zeros(0, np.int64),
    },
)


def board(**options: JsonScalar) -> HostedBoard:
    """Return a trial board that has not been started."""
    return HostedBoard(BoardConfig(driver="trial-board", options=options))


def monitor(**options: JsonScalar) -> HostedMonitor:
    """Return a trial monitor of two rails that has not been started."""
    channels = (Channel(channel=1, rail="core"), Channel(channel=2, rail="io"))
    return HostedMonitor(MonitorConfig(id="pm", driver="trial-monitor", channels=channels, options=options))


def batch(phase: str | None = "run", index: int = 0) -> Batch:
    """Return one run of the problem with one gap."""
    return Batch(
        "qubo",
        phase,
        index,
        {"scenario": "fixed-timeout", "limit_s": 0.01, "seed": 0, "solver": "default", "params": {}},
        {"gaps": np.array([0.1]), "target_costs": np.array([-1.0])},
    )


def loaded(hosted: HostedBoard) -> HostedBoard:
    """Bring the problem onto the board."""
    hosted.load(hosted.map(hosted.compile(PROBLEM)))
    return hosted


def gone(pid: int, deadline_s: float = 5.0) -> bool:
    """Wait until no living process has this id."""
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        # While threads of a dead process are still ending it is no zombie to its parent yet.
        if state == "Z" and not _other_threads(pid):
            return True
        threading.Event().wait(0.01)
    return False


def _other_threads(pid: int) -> bool:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except OSError:
        return False


def test_a_hosted_board_gives_what_the_driver_gave() -> None:
    """Records, arrays and the markers' instants cross the process border unchanged."""
    markers = MarkerLog()
    with board(run_s=0.02) as hosted:
        assert hosted.info.serial_number == "T-1"
        before = host_ns()
        output = loaded(hosted).run(batch(index=3), markers)
        after = host_ns()

    assert output.meta["solver_cost"] == -1
    assert output.arrays["solution"].tolist() == [1] + [0] * (N - 1)
    assert output.arrays["solution"].dtype == np.uint8
    begin, end = markers.records
    assert [(m.phase, m.index, m.edge) for m in (begin, end)] == [("run", 3, "begin"), ("run", 3, "end")]
    assert before < begin.t_ns < end.t_ns < after
    assert end.t_ns - begin.t_ns >= 0.02e9


def test_a_hosted_driver_stays_warm() -> None:
    """Job after job is run by the same process."""
    with board() as hosted:
        first = hosted.pid
        loaded(hosted).run(batch(), MarkerLog())
        hosted.ensure_running()
        loaded(hosted).run(batch(), MarkerLog())

        assert hosted.pid == first


def test_prints_do_not_corrupt_the_answers() -> None:
    """Whatever a driver, a library or a program it starts prints, the answers arrive."""
    with board(run="print") as hosted:
        output = loaded(hosted).run(batch(), MarkerLog())

    assert output.meta["solver"] == "count"


def test_failures_cross_as_themselves() -> None:
    """A NeurorigError of the driver is raised with its class, fields and detail, and the driver lives on."""
    with board(run="lost", map="too-large") as hosted:
        compiled = hosted.compile(PROBLEM)
        with pytest.raises(DoesNotFit) as unfit:
            hosted.map(compiled)
        with pytest.raises(InfraError, match="not possible when the board is compiled"):
            hosted.run(batch(), MarkerLog())

        assert unfit.value.detail == {"limit": "neurons", "needed": 2, "available": 1}
        assert hosted.running


def test_a_lost_board_is_told_with_its_next_step() -> None:
    """BoardLost keeps where, next step and detail."""
    with board(run="lost") as hosted, pytest.raises(BoardLost) as lost:
        loaded(hosted).run(batch(), MarkerLog())

    assert (lost.value.where, lost.value.next_step) == ("port", "Plug it in.")
    assert lost.value.detail == {"verb": "run"}


@pytest.mark.parametrize(("fault", "how"), [("crash", "exit status 1"), ("segfault", "signal 11")])
def test_a_dead_process_is_a_crash(fault: str, how: str) -> None:
    """A driver that dies raises DriverCrashed that says how, and the next start gives a fresh process."""
    hosted = board(map=fault)
    with hosted:
        first = hosted.pid
        compiled = hosted.compile(PROBLEM)
        with pytest.raises(DriverCrashed, match=how):
            hosted.map(compiled)
        assert not hosted.running
        with pytest.raises(DriverCrashed):
            hosted.map(compiled)

        hosted.ensure_running()

        assert hosted.pid not in (None, first)


def test_a_crash_tells_the_last_lines() -> None:
    """The last lines on standard error are in the detail of DriverCrashed."""
    with board(compile="crash") as hosted, pytest.raises(DriverCrashed) as crashed:
        hosted.compile(PROBLEM)

    lines = crashed.value.detail["stderr"]
    assert "the last words before compile" in lines
    assert lines[-1] == "RuntimeError: compile went wrong"


def test_a_process_that_dies_between_calls_is_noticed() -> None:
    """A driver killed from outside is not running, and is started anew."""
    with board() as hosted:
        first = hosted.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert gone(first)
        assert not hosted.running

        hosted.ensure_running()

        assert loaded(hosted).run(batch(), MarkerLog()).meta["windows"] == 1


def test_a_call_over_its_limit_is_killed() -> None:
    """A driver that hangs is killed at its limit and raises DriverTimeout."""
    with board(run="hang") as hosted:
        loaded(hosted)
        pid = hosted.pid
        assert pid is not None
        hosted.limit_s = 0.2
        start = time.monotonic()
        with pytest.raises(DriverTimeout, match=r"'run' .* longer than 0.2 s"):
            hosted.run(batch(), MarkerLog())

        assert time.monotonic() - start < 20
        assert gone(pid)


def test_a_kill_takes_the_whole_group(tmp_path: Path) -> None:
    """A program that the driver started ends with the driver, however that ends."""
    pid_file = tmp_path / "pid"
    with board(load="grandchild", run="segfault", pid_file=str(pid_file)) as hosted:
        loaded(hosted)
        with pytest.raises(DriverCrashed):
            hosted.run(batch(), MarkerLog())
    assert gone(int(pid_file.read_text()))

    with board(load="grandchild", pid_file=str(pid_file)) as hosted:
        loaded(hosted)
    assert gone(int(pid_file.read_text()))


def test_a_constructor_that_fails_leaves_no_process() -> None:
    """A driver that cannot open raises what it raised, and nothing runs."""
    hosted = board(open="lost")
    with pytest.raises(BoardLost):
        hosted.ensure_running()

    assert not hosted.running
    hosted.close()


def test_a_library_imported_late_is_missing_too() -> None:
    """A driver that imports its library in the constructor says what to install."""
    with pytest.raises(DriverMissing, match="a_library_that_nobody_has"):
        HostedBoard(BoardConfig(driver="trial-needs-library")).ensure_running()


@pytest.mark.parametrize(
    ("interpreter", "error"), [("/no/such/python", DriverMissing), (3, InvalidConfig), ("/bin/false", DriverCrashed)]
)
def test_a_wrong_interpreter_is_named(interpreter: JsonScalar, error: type[Exception]) -> None:
    """An interpreter that cannot serve the driver is refused with its own error."""
    with pytest.raises(error):
        board(interpreter=interpreter).ensure_running()


def test_the_host_keeps_its_own_options() -> None:
    """The interpreter of the bench file starts the child."""
    with board(interpreter=sys.executable, optional=True) as hosted:
        assert hosted.info.family == "trial"


def test_close_twice_is_closed() -> None:
    """Closing is idempotent, and a closed driver can be started again."""
    hosted = board()
    hosted.close()
    hosted.ensure_running()
    hosted.close()
    hosted.close()

    assert not hosted.running


def test_an_interrupted_call_does_not_answer_the_next_one() -> None:
    """A call left by an exception ends the process, so that no late answer is taken for another's."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with board(run="hang") as hosted:
            loaded(hosted)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(KeyboardInterrupt):
                hosted.run(batch(), MarkerLog())

            assert not hosted.running
    finally:
        signal.signal(signal.SIGALRM, previous)


ORPHANAGE = """
import sys
from neurorig_drivers.process.host import HostedBoard
from neurorig_protocols.bench import BoardConfig
board = HostedBoard(BoardConfig(driver="trial-board", options={"compile": "hang"}))
board.ensure_running()
print(board.pid, flush=True)
from neurorig_protocols.board import Artifact
board.compile(Artifact("qubo", {"n": 1}))
"""


def test_a_driver_dies_with_its_agent() -> None:
    """A busy driver does not survive the kill of its parent."""
    with subprocess.Popen([sys.executable, "-c", ORPHANAGE], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()

    assert gone(pid)


def test_a_monitor_streams_while_a_board_runs() -> None:
    """Two drivers in two processes: samples come in during a run, and every counted sample arrives."""
    blocks = []
    done = threading.Event()
    with board(run_s=0.3) as hosted, monitor() as meter:
        loaded(hosted)
        meter.arm(AcquisitionPlan(rate_hz=10_000, peak_w={"core": 1.0}))

        def stream() -> None:
            while not done.wait(0.01):
                blocks.extend(meter.stream())

        recorder = threading.Thread(target=stream)
        recorder.start()
        markers = MarkerLog()
        hosted.run(batch(), markers)
        during = len(blocks)
        done.set()
        recorder.join()
        blocks.extend(meter.stream())
        report = meter.disarm()
        trace = join_blocks(meter.head, blocks)

    assert during > 5
    assert len(trace) == report.samples
    assert trace.head.gaps == ()
    assert trace.rail("io")[0] == np.float32(0.2)
    assert meter.channels[0].range_w == 1.0
    begin, end = markers.records
    assert trace.head.t0_ns < begin.t_ns < end.t_ns < trace.head.t0_ns + trace.duration_ns


def test_a_long_stream_arrives_in_parts() -> None:
    """More samples than fit in one answer arrive complete and in order."""
    with monitor() as meter:
        meter.arm(AcquisitionPlan(rate_hz=1e6))
        until = host_ns() + 2_500_000_000
        while host_ns() < until:
            threading.Event().wait(0.1)
        blocks = list(meter.stream())
        report = meter.disarm()
        trace = join_blocks(meter.head, blocks)

    assert sum(b.values.nbytes for b in blocks) > 16 << 20
    assert trace.head.gaps == ()
    assert len(trace) == report.samples


def test_blocks_not_taken_come_next() -> None:
    """A caller that leaves a stream early loses nothing."""
    with monitor() as meter:
        meter.arm(AcquisitionPlan(rate_hz=1e6))
        threading.Event().wait(0.12)
        taken = next(iter(meter.stream()))
        rest = list(meter.stream())
        meter.disarm()

    assert join_blocks(meter.head, [taken, *rest]).head.gaps == ()


def test_a_monitor_that_is_absent_may_come_later(tmp_path: Path) -> None:
    """A monitor that did not open opens when it is there."""
    switch = tmp_path / "on"
    meter = monitor(absent_until=str(switch))
    with pytest.raises(MonitorUnavailable):
        meter.ensure_running()
    switch.touch()

    with meter:
        assert [c.rail for c in meter.channels] == ["core", "io"]
