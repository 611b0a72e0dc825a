"""The demo's processes: logs, readiness, death, and their end with the demo."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from neurorig.demo.children import ChildFailed, Children


@pytest.fixture
def children(tmp_path):
    """No processes yet; whatever a test starts is ended."""
    with Children(tmp_path) as found:
        yield found


def say_version(line):
    """Find the version that `neurorig --version` prints."""
    return line.rpartition(" ")[2] if "version" in line else None


def free_server(tmp_path):
    """Return the arguments of a real server on a free port."""
    return ["serve", "--port", "0", "--data-dir", str(tmp_path / "data")]


def serves_on(line):
    """Find the address in a server's output."""
    return line.rpartition(" ")[2] if "serves on" in line else None


def test_output_goes_to_the_log(children):
    """A line of a process's output is found, and stays in its log."""
    children.start("version", ["--version"])

    assert children.ready("version", say_version, 30) == "0.1.0"
    assert "0.1.0" in children.log("version").read_text()


def test_a_dead_process_fails_with_its_log(children):
    """Waiting for a process that has ended fails at once and shows what it said."""
    children.start("wrong", ["no-such-command"])
    with pytest.raises(ChildFailed, match="ended with code 2") as failure:
        children.ready("wrong", lambda _: None, 30)

    assert "no-such-command" in failure.value.message
    assert str(children.log("wrong")) in failure.value.next_step


def test_time_runs_out(children, tmp_path):
    """A process that runs but never says what is waited for fails with the time that was given."""
    children.start("server", free_server(tmp_path))
    with pytest.raises(ChildFailed, match=r"not ready within 0\.1 s"):
        children.ready("server", lambda _: None, 0.1)


def test_stop_ends_what_runs(children, tmp_path):
    """After stop no process is left, and stopping again does nothing."""
    children.start("server", free_server(tmp_path))
    children.ready("server", serves_on, 60)
    children.check()
    children.stop()
    children.stop()

    assert "Finished server process" in children.log("server").read_text()


def test_settings_of_the_caller_do_not_reach_the_children(children, tmp_path, monkeypatch):
    """A NEURORIG_ variable of the caller does not change a process of the demo."""
    monkeypatch.setenv("NEURORIG_PORT", "1")
    monkeypatch.setenv("NEURORIG_LEASE_TTL_S", "not a number")
    children.start("server", free_server(tmp_path))

    assert children.ready("server", serves_on, 60).startswith("http://127.0.0.1:")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_a_killed_demo_takes_its_processes_along(tmp_path):
    """When the demo is killed outright, its processes end too."""
    program = (
        "import sys; from pathlib import Path; from neurorig.demo.children import Children\n"
        "children = Children(Path(sys.argv[1]))\n"
        "children.start('server', ['serve', '--port', '0', '--data-dir', sys.argv[1] + '/data'])\n"
        "children.ready('server', lambda line: 'serves on' in line or None, 60)\n"
        "print(children._running[0][1].pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    deadline = time.monotonic() + 20
    while _runs(child) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert not _runs(child)


def _runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
