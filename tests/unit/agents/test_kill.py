"""Real agent processes killed with SIGKILL: nothing is lost, nothing is told twice, no cut window counts."""

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
from typing import Any

import pytest

from neurorig_agents.spool import steps
from neurorig_protocols.lease import Lease

pytestmark = pytest.mark.usefixtures("trial_drivers")

MakeLease = Callable[..., Lease]

BENCH = """
name = "trial"
reality = "virtual"
components = [{{ name = "core" }}]
rails = [{{ name = "core", component = "core" }}]
[board]
driver = "trial-board"
options = {{ {fault} once = "{once}", run_s = 0.02 }}
[[monitors]]
id = "pm"
driver = "trial-monitor"
channels = [{{ channel = 1, rail = "core" }}]
"""


class Agents:
    """Starts agents on one spool, one after the other."""

    def __init__(self, folder: Path, url: str) -> None:
        self.spool = folder / "spool"
        self._bench = folder / "bench.toml"
        self._token = folder / "token"
        self._token.write_text("t\n")
        self._once = folder / "once"
        self._url = url
        self.use()

    def use(self, fault: str = "") -> None:
        """Write the bench file with a fault of the board that happens once."""
        self._bench.write_text(BENCH.format(once=self._once, fault=fault and f"{fault},"))

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run an agent; it is gone at the end of the block, killed if need be."""
        command = [sys.executable, "-c", "from neurorig_agents.agent_commands import agent; agent()", "run"]
        options = {"bench": self._bench, "token-file": self._token, "spool": self.spool, "server": self._url}
        arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        with subprocess.Popen([*command, *arguments]) as process:
            try:
                yield process
            finally:
                process.kill()

    def folder(self, attempt: str) -> Path:
        """Return where an attempt lies in the spool."""
        return self.spool / "attempts" / attempt

    def wait_for_step(self, attempt: str, step: str) -> None:
        """Wait until the journal of an attempt has a step."""
        until = time.monotonic() + 30
        while step not in steps(self.folder(attempt)):
            assert time.monotonic() < until, steps(self.folder(attempt))
            threading.Event().wait(0.005)

    def wait_for_fault(self) -> None:
        """Wait until the board has met its fault, which it will not meet again."""
        until = time.monotonic() + 30
        while not self._once.exists():
            assert time.monotonic() < until, "the fault did not happen"
            threading.Event().wait(0.005)


@pytest.fixture
def agents(tmp_path: Path, server: Any) -> Agents:
    """Return a way to start agents for the trial server."""
    return Agents(tmp_path, server.url)


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ('compile = "hang"', "compile"),
        ('ranging = "hang"', "ranging"),
        ('run = "hang"', "warmup 0"),
        ('idle = "hang"', "arm"),
    ],
)
def test_a_cut_attempt_is_closed_as_failed(
    agents: Agents, server: Any, make_lease: MakeLease, fault: str, step: str
) -> None:
    """An agent killed in the middle reports failure after its restart, never a number, and goes on."""
    agents.use(fault)
    server.give(make_lease(1))
    with agents.running() as process:
        agents.wait_for_step("attempt-1", step)
        agents.wait_for_fault()
        process.kill()
    assert server.reports == {}

    server.give(make_lease(2))
    with agents.running():
        server.wait_for(lambda: len(server.reports) == 2, 30)

    cut = server.reports["attempt-1"]
    assert (cut["outcome"], cut["fence"]) == ("failed", 1)
    assert (cut["error"]["code"], cut["error"]["retryable"]) == ("agent_restarted", True)
    assert cut["traces"] == []
    assert cut["windows"] == []
    assert server.reports["attempt-2"]["outcome"] == "succeeded"
    assert server.log.count(("POST", "/attempts/attempt-1/report")) == 1


@pytest.mark.parametrize(("route", "step"), [(("PATCH", "traces"), "upload pm"), (("POST", "report"), "send report")])
def test_a_finished_attempt_survives_the_kill(
    agents: Agents, server: Any, make_lease: MakeLease, route: tuple[str, str], step: str
) -> None:
    """An agent killed while it delivers delivers the same result after its restart."""
    server.fail(*route, 503, times=1000)
    server.give(make_lease(1))
    with agents.running() as process:
        agents.wait_for_step("attempt-1", step)
        process.kill()
    assert server.reports == {}
    kept = (agents.folder("attempt-1") / "report.json").read_bytes()

    server._faults.clear()
    with agents.running():
        server.wait_for(lambda: server.reports, 30)
        server.wait_for(lambda: server.log[-1] == ("POST", "/leases"), 30)
        assert not agents.folder("attempt-1").exists()

    report = server.reports["attempt-1"]
    assert report["outcome"] == "succeeded"
    assert kept.startswith(b'{"kind":"report"')
    (reference,) = report["traces"]
    assert len(server.uploads[reference["digest"].removeprefix("sha256:")]) == reference["size"]


def test_an_accepted_report_is_not_sent_again(agents: Agents, server: Any, make_lease: MakeLease) -> None:
    """An agent killed after the server took the report, its answer lost, ends with that one result."""
    server.fail("POST", "report", "deafen", times=1)
    server.fail("POST", "report", 503, times=1000)
    server.give(make_lease(1))
    with agents.running() as process:
        server.wait_for(lambda: server.reports, 30)
        process.kill()
    first = dict(server.reports["attempt-1"])

    server._faults.clear()
    with agents.running():
        server.wait_for(lambda: server.log[-1] == ("POST", "/leases"), 30)
        assert not agents.folder("attempt-1").exists()

    assert server.reports == {"attempt-1": first}


def test_the_drivers_die_with_the_agent(agents: Agents, server: Any, make_lease: MakeLease) -> None:
    """After SIGKILL no driver process of the agent is left."""
    agents.use('run = "hang"')
    server.give(make_lease(1))
    with agents.running() as process:
        agents.wait_for_step("attempt-1", "warmup 0")
        drivers = [int(p) for p in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        process.kill()
    assert len(drivers) == 2
    until = time.monotonic() + 5
    while any(_lives(pid) for pid in drivers) and time.monotonic() < until:
        threading.Event().wait(0.01)

    assert not [pid for pid in drivers if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_sigterm_ends_an_idle_agent_at_once(agents: Agents, server: Any) -> None:
    """An agent that waits for work leaves within a moment, with status 0 and nothing behind."""
    with agents.running() as process:
        server.wait_for(lambda: ("POST", "/leases") in server.log, 30)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)

        assert process.wait(15) == 0
    assert time.monotonic() - begin < 10


def test_sigterm_ends_a_busy_agent_after_its_window(agents: Agents, server: Any, make_lease: MakeLease) -> None:
    """An agent inside a window finishes it, reports the attempt for another try, and ends with status 0."""
    server.give(make_lease(1, plan={"idle_s": 1.0}))
    with agents.running() as process:
        agents.wait_for_step("attempt-1", "idle 0")
        os.kill(process.pid, signal.SIGTERM)

        assert process.wait(15) == 0
    report = server.reports["attempt-1"]
    assert report["error"]["code"] == "agent_stopped"
    assert [w["phase"] for w in report["windows"]] == ["idle"]
    begin, end = report["markers"]
    assert end["t_ns"] - begin["t_ns"] >= 1e9
