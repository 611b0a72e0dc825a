"""The worker's life: it is killed, hangs, talks too much, loses its driver, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lava_kit import NO_LIMIT_S, START_LIMIT_S, artifact, batch, load, mis_network

from neurorig_drivers.annealing.schedule import schedule_for
from neurorig_drivers.boards.loihi.cpu import prepare_qubo
from neurorig_drivers.boards.loihi.lava_child import LavaChild
from neurorig_drivers.boards.loihi.loihi_driver import LoihiBoard
from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.process.framing import encode
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.errors import DriverCrashed, DriverMissing, DriverTimeout

GRACE_S = 10.0


@pytest.fixture
def own(interpreter: Path) -> Iterator[LavaChild]:
    """Return a worker that the test may end, with a network prepared."""
    child = LavaChild(interpreter, start_limit_s=START_LIMIT_S)
    prepare(child)
    yield child
    child.kill()


def prepare(child: LavaChild) -> None:
    """Build a network in the worker."""
    network = mis_network(40, 0.1, 0)
    body, arrays = prepare_qubo(network, schedule_for(40, 0.1, {}), seed=1)
    child.call("prepare", body, arrays, limit_s=START_LIMIT_S)


def group_of(leader: int) -> set[int]:
    """Return the processes of a group that have not ended."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


def shared_memory(group: set[int]) -> set[Path]:
    """Return the shared memory that processes have mapped; Lava's channels lie there."""
    found = set()
    for pid in group:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
            found |= {Path(line.split()[5]) for line in lines if "/psm_" in line}
    return found


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + GRACE_S
    while not holds():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.01)


def test_a_network_is_several_processes_and_they_end_with_the_worker(interpreter: Path) -> None:
    """Lava forks; closing and killing both leave no process and no shared memory."""
    for end in (LavaChild.close, LavaChild.kill):
        child = LavaChild(interpreter, start_limit_s=START_LIMIT_S)
        prepare(child)
        group = group_of(child.pid)
        channels = shared_memory(group)
        assert len(group) > 4
        assert channels

        end(child)

        assert group_of(child.pid) == set()
        assert not [path for path in channels if path.exists()]


def test_a_worker_killed_in_mid_run_is_a_crash(own: LavaChild) -> None:
    """The call fails at once as DriverCrashed, and the processes of the network die too."""
    before = group_of(own.pid)
    killer = threading.Timer(0.3, os.kill, (own.pid, signal.SIGKILL))
    killer.start()

    with pytest.raises(DriverCrashed, match="signal 9") as caught:
        own.call("run", {"limit_s": NO_LIMIT_S}, limit_s=START_LIMIT_S)

    killer.join()
    assert caught.value.retryable
    assert not own.alive
    until(lambda: not before & group_of(own.pid), "the network's processes live on")


def test_a_process_of_the_network_that_dies_hangs_the_run_until_the_limit(own: LavaChild) -> None:
    """Lava waits for ever for a dead neuron; the time limit ends it as DriverTimeout and takes everything."""
    victim = max(group_of(own.pid) - {own.pid})
    os.kill(victim, signal.SIGKILL)

    with pytest.raises((DriverTimeout, DriverCrashed)):
        own.call("run", {"limit_s": NO_LIMIT_S}, limit_s=1.0)

    until(lambda: group_of(own.pid) == set(), "something lives on")


def test_a_worker_that_stands_still_is_killed_at_the_limit(own: LavaChild) -> None:
    """A stopped worker is a DriverTimeout, and is ended though it cannot act."""
    os.kill(own.pid, signal.SIGSTOP)

    with pytest.raises(DriverTimeout, match=r"longer than 0\.5 s"):
        own.call("run", {"limit_s": 1.0}, limit_s=0.5)

    until(lambda: group_of(own.pid) == set(), "something lives on")


def test_a_failure_inside_lava_comes_with_its_last_lines(own: LavaChild) -> None:
    """What the worker wrote to standard error is part of the record."""
    with pytest.raises(DriverCrashed, match="exit status 1") as caught:
        own.call("prepare", {"kind": "qubo"}, {}, limit_s=START_LIMIT_S)

    assert any("KeyError" in line for line in caught.value.detail["stderr"])


def test_prints_do_not_reach_the_channel(interpreter: Path, tmp_path: Path) -> None:
    """What an import prints, also from C and from children, goes to standard error and the answers stay whole."""
    noisy = tmp_path / "lava" / "utils"
    noisy.mkdir(parents=True)
    (noisy / "loihi2_profiler_api.py").write_text(
        "import os, subprocess\nprint('garbage')\nos.write(1, b'more garbage\\n')\n"
        "subprocess.run(['echo', 'garbage of a child'])\nraise SystemExit('enough')\n"
    )
    child = LavaChild(interpreter, start_limit_s=START_LIMIT_S, extension=str(tmp_path))
    with pytest.raises(DriverCrashed) as caught:
        child.call("onboard", {"steps": 1}, {}, limit_s=START_LIMIT_S)

    assert child.loihi2
    lines = "\n".join(caught.value.detail["stderr"])
    for text in ("garbage", "more garbage", "garbage of a child", "enough"):
        assert text in lines


def test_garbage_on_the_channel_is_a_crash(tmp_path: Path) -> None:
    """A program that is no worker of ours is ended at its first word."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho this is no frame at all\nexec sleep 600\n")
    fake.chmod(0o755)

    with pytest.raises(DriverCrashed, match="the Lava worker"):
        LavaChild(fake, start_limit_s=5.0)


def test_another_protocol_is_refused(interpreter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Driver and worker of different releases do not talk."""
    monkeypatch.setattr("neurorig_drivers.boards.loihi.lava_child.PROTOCOL", 2)

    with pytest.raises(DriverMissing, match="version 1 of its protocol, its driver 2"):
        LavaChild(interpreter, start_limit_s=START_LIMIT_S)


DRIVER = """
import sys, threading
sys.path.insert(0, {support!r})
from lava_kit import artifact, batch, load
from neurorig_drivers.boards.loihi.loihi_driver import LoihiBoard
from neurorig_drivers.process.framing import encode
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.bench import BoardConfig
board = LoihiBoard(BoardConfig(driver="loihi", options={{"lava_python": {python!r}}}))
load(board, artifact())
print(board._worker.pid, flush=True)
board.run(batch(limit_s=600), MarkerLog())
"""


def test_the_worker_dies_with_its_driver(interpreter: Path) -> None:
    """A driver that is killed in mid-run takes the worker and the network's processes with it."""
    code = DRIVER.format(support=str(Path(__file__).parents[4] / "support"), python=str(interpreter))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        leader = int(driver.stdout.readline())
        until(lambda: len(shared_memory(group_of(leader))) > 4, "the network does not run")
        channels = shared_memory(group_of(leader))
        driver.kill()

    until(lambda: group_of(leader) == set(), "the worker outlives its driver")
    until(lambda: not any(path.exists() for path in channels), "shared memory is left behind")


def test_the_board_goes_on_with_another_worker(interpreter: Path) -> None:
    """After a crash the board runs again; nothing has to be opened anew."""
    board = LoihiBoard(BoardConfig(driver="loihi", options={"lava_python": str(interpreter)}))
    try:
        load(board, artifact())
        assert board._worker is not None
        os.kill(board._worker.pid, signal.SIGKILL)
        until(lambda: board._worker is not None and not board._worker.alive, "the worker lives on")

        output = load(board, artifact()).run(batch(limit_s=60, max_steps=50), MarkerLog())

        assert output.meta["steps"] == 50
    finally:
        board.close()


def test_a_worker_whose_driver_hangs_up_ends_in_mid_run(own: LavaChild) -> None:
    """Between two slices the worker sees that nobody listens, and ends with its network."""
    own._peer.sendall(encode({"call": "run", "body": {"limit_s": NO_LIMIT_S}}))
    own._peer.close()

    until(lambda: group_of(own.pid) == set(), "the worker goes on for nobody")
