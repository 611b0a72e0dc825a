"""The demo's processes: each with a log file, all ended with the demo, whichever way it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Self, TypeVar

from neurorig.errors import ClientError

T = TypeVar("T")

STOP_S = 5.0
"""How long a kind of process may take to end before it is killed; an agent ends after the window it measures."""

TAIL_LINES = 15

_PR_SET_PDEATHSIG = 1
# Loaded before any fork, after which only async-signal-safe work is allowed.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildFailed(ClientError):
    """A process of the demo ended or never became ready; the message holds the end of its log."""

    code = "child_failed"


class Children:
    """Starts `neurorig` subcommands as processes and ends them in reverse order; a context.

    logs: folder of their output. inherited: descriptors that they keep open, such as the lock of the demo's folder.
    """

    def __init__(self, logs: Path, inherited: Sequence[int] = ()) -> None:
        self._logs = logs
        self._inherited = tuple(inherited)
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start `neurorig ARGUMENTS`; its output goes to LOGS/NAME.log."""
        log = self.log(name).open("wb")
        self._files.append(log)
        # The caller's own settings of server and token must not reach the demo's.
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NEURORIG_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "neurorig", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**clean, "PYTHONUNBUFFERED": "1"},
            pass_fds=self._inherited,
            # Ctrl-C reaches the demo alone, which ends the others in order; a killed demo takes them along.
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - called before any thread of ours runs
        )
        self._running.append((name, process))

    def log(self, name: str) -> Path:
        """Return where the output of a process goes."""
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Raise ChildFailed when a process has ended."""
        for name, process in self._running:
            if process.poll() is not None:
                raise self._failure(name, f"ended with code {process.returncode}")

    def ready(self, name: str, found: Callable[[str], T | None], deadline_s: float) -> T:
        """Wait until a line of a process's output says what is looked for, and return that."""
        return self.until(lambda: _first(self.log(name), found), name, deadline_s)

    def until(self, found: Callable[[], T | None], name: str, deadline_s: float) -> T:
        """Wait until `found` returns something, and return that; ChildFailed when a process ends or time is up."""
        end = time.monotonic() + deadline_s
        while (answer := found()) is None:
            self.check()
            if time.monotonic() > end:
                raise self._failure(name, f"was not ready within {deadline_s:g} s")
            time.sleep(0.05)
        return answer

    def stop(self) -> None:
        """End all processes, kind by kind, the last one first: agents before the lab, the lab before the server."""
        started, self._running = self._running[::-1], []
        for _, group in groupby(started, key=lambda item: item[0].partition("-")[0]):
            _end([process for _, process in group])
        while self._files:
            self._files.pop().close()

    def _failure(self, name: str, what: str) -> ChildFailed:
        log = self.log(name)
        tail = "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-TAIL_LINES:]) if log.exists() else ""
        return ChildFailed(f"'{name}' {what}; its log ends:\n{tail}", next_step=f"see {log}")


def _first(log: Path, found: Callable[[str], T | None]) -> T | None:
    # Only whole lines: the last one may still be in the writing.
    lines = log.read_text("utf-8", errors="replace").split("\n")[:-1]
    return next((answer for line in lines if (answer := found(line)) is not None), None)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    end = time.monotonic() + STOP_S
    for process in processes:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
