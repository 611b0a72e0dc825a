"""What holds for every test: nothing that it started is left behind."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

GRACE_S = 3.0

# Limits of time fail on a busy machine and say nothing of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def children() -> set[int]:
    """Return our direct children but zombies and multiprocessing's own tracker, which lives as long as we do."""
    found: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        # A thread may end between the look and the reading; its children go over to another one's list.
        with contextlib.suppress(OSError):
            found |= {int(pid) for pid in listing.read_text().split()}
    return {pid for pid in found if not _is_zombie(pid) and "resource_tracker" not in _command(pid)}


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def _threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.is_alive() and not t.name.startswith("pytest_timeout")}


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or a child process running."""
    threads, processes = _threads(), children()
    yield
    deadline = time.monotonic() + GRACE_S
    for thread in _threads() - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    while (late := children() - processes) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    left = sorted(t.name for t in _threads() - threads)
    assert not left, f"threads left running: {left}"
    assert not late, f"child processes left running: {[_command(pid) for pid in late]}"


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return str(pid)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees no NEURORIG_ variable of whoever runs it."""
    for name in [n for n in os.environ if n.startswith("NEURORIG_")]:
        monkeypatch.delenv(name)
