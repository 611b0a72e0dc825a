"""A lab starts as one, says when it is ready, and leaves nobody behind however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neurorig_drivers.conformance.board_checks import qubo_sample
from neurorig_drivers.interface import MarkerLog
from neurorig_lab.chip.virtual_loihi import VirtualLoihi
from neurorig_protocols.bench import BenchProfile

START = [sys.executable, "-c", "from neurorig_lab.lab_commands import lab; lab()", "start"]
# A parent that starts a lab, hands its announcement on and can be killed.
PARENT = """
import subprocess, sys
lab = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
sys.stdout.buffer.write(lab.stdout.readline())
sys.stdout.flush()
sys.stdin.read()
"""


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start a command that announces a lab; all its processes are ended afterwards, even when a test fails."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        facts: dict[str, Any] = {}
        try:
            facts = json.loads(process.stdout.readline() or "{}")
            yield process, facts
        finally:
            process.kill()
            for pid in (facts.get("pid"), *facts.get("parts", {}).values()):
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.kill(pid, signal.SIGKILL)


def lab(kind: str, folder: Path, *more: str) -> list[str]:
    """Return the command that starts a lab."""
    return [*START, kind, "--dir", str(folder), "--truth", str(folder / "truth"), *more]


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(holds: Callable[[], bool], limit_s: float = 30.0) -> bool:
    """Wait until something holds; False when it does not in time."""
    tick = threading.Event()
    for _ in range(int(limit_s / 0.02)):
        if holds():
            return True
        tick.wait(0.02)
    return False


def all_gone(facts: dict[str, Any]) -> bool:
    """Whether neither the lab nor any of its parts is left, within the time limit."""
    pids = [facts["pid"], *facts["parts"].values()]
    return until(lambda: not any(is_running(pid) for pid in pids))


def test_a_lab_announces_a_bench_that_works(tmp_path: Path) -> None:
    """The bench file is complete, its board answers, and what happens there gets a truth of its own."""
    with started(lab("virtual-loihi", tmp_path, "--name", "bench-3", "--chips", "3")) as (process, facts):
        profile = BenchProfile.model_validate(tomllib.loads(Path(facts["bench"]).read_text()))
        board = VirtualLoihi(profile.board)
        board.close()
        process.terminate()

        assert profile.name == facts["name"] == "bench-3"
        assert board.info.family.startswith("VIRTUAL")
        assert "3 chip(s)" in board.info.notes
        assert process.wait(30) == 0
        assert all_gone(facts)


def test_the_serial_lab_writes_its_bench_and_its_port(tmp_path: Path) -> None:
    """The port of the bench file exists while the lab runs and vanishes with it."""
    with started(lab("virtual-serial", tmp_path, "--baud", "115200")) as (process, facts):
        profile = BenchProfile.model_validate(tomllib.loads(Path(facts["bench"]).read_text()))
        port = Path(str(profile.board.options["port"]))

        assert port.exists()
        assert profile.board.options["baud"] == 115_200
        assert profile.marker.mode == "pulse"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert all_gone(facts)
        assert not port.exists()


def test_a_killed_lab_leaves_no_orphan(tmp_path: Path) -> None:
    """After kill -9 of the supervisor the kernel ends every part."""
    with started(lab("virtual-loihi", tmp_path)) as (process, facts):
        process.kill()

        assert all_gone(facts)


def test_a_lab_ends_with_its_parent(tmp_path: Path) -> None:
    """When whoever started the lab is killed, the lab and its parts end."""
    with started([sys.executable, "-c", PARENT, *lab("virtual-loihi", tmp_path)]) as (parent, facts):
        assert is_running(facts["pid"])
        parent.kill()

        assert all_gone(facts)


def test_a_lab_ends_when_its_input_is_closed_if_asked(tmp_path: Path) -> None:
    """With --until-stdin-closes a closed pipe is enough."""
    with started(lab("virtual-loihi", tmp_path, "--until-stdin-closes")) as (process, facts):
        assert process.stdin is not None
        process.stdin.close()

        assert process.wait(30) == 0
        assert all_gone(facts)


def test_the_death_of_the_world_ends_the_lab_and_is_named(tmp_path: Path) -> None:
    """A bench goes on without its chip, as a real one does; without its world it ends, and says both."""
    with started(lab("virtual-loihi", tmp_path)) as (process, facts):
        os.kill(facts["parts"]["chip"], signal.SIGKILL)
        assert process.stderr is not None
        told = process.stderr.readline()
        assert process.poll() is None
        os.kill(facts["parts"]["world"], signal.SIGKILL)

        assert "the chip of the virtual lab has ended with exit code -9" in told
        assert process.wait(30) == 1
        assert "the world of the virtual lab has ended" in process.stderr.read()
        assert all_gone(facts)


def test_a_lab_that_is_told_to_end_while_it_starts_ends(tmp_path: Path) -> None:
    """SIGTERM before the announcement is not forgotten until everything is ready."""
    command = lab("virtual-loihi", tmp_path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert until(lambda: bool(children(process.pid)))
        parts = children(process.pid)
        process.terminate()
        output, _ = process.communicate(timeout=30)

    assert output == ""
    assert process.returncode == 0
    assert until(lambda: not any(is_running(pid) for pid in parts))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "gremlins"], "gremlins"),
        (["--name", "../up"], "lower case"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_wrong_options_end_the_lab_with_a_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    """Nothing is announced, nothing is left behind, and the words say what was wrong."""
    with started(lab("virtual-loihi", tmp_path, *arguments)) as (process, facts):
        _, errors = process.communicate(timeout=60)

        assert facts == {}
        assert process.returncode != 0
        assert words in errors
        assert "Traceback" not in errors


def test_a_fault_reaches_the_analyser(tmp_path: Path) -> None:
    """The analyser of the bench answers with the identity that the fault gives it."""
    with started(lab("virtual-loihi", tmp_path, "--fault", "idn:someone else")) as (process, facts):
        arguments = Path(f"/proc/{facts['parts']['analyser']}/cmdline").read_bytes().split(b"\0")
        process.terminate()

        assert arguments[arguments.index(b"--fault") + 1] == b"idn:someone else"
        assert process.wait(30) == 0


def test_a_marked_idle_is_written_to_the_truth_of_the_bench(tmp_path: Path) -> None:
    """The truth log carries the name of the bench and lies in the truth folder only."""
    with started(lab("virtual-loihi", tmp_path)) as (process, facts):
        profile = BenchProfile.model_validate(tomllib.loads(Path(facts["bench"]).read_text()))
        board = VirtualLoihi(profile.board)
        board.load(board.map(board.compile(qubo_sample().artifact)))
        board.idle(0.01, 0, MarkerLog())
        board.close()
        process.terminate()
        process.wait(30)
    (line,) = (tmp_path / "truth" / "virtual-loihi.jsonl").read_text().splitlines()

    assert json.loads(line)["energy_j"]["supply"] == pytest.approx(1.694e-3)
