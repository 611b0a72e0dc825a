"""The life of a virtual device's process: say that it is ready, live until told to stop, never outlive the parent."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

_PR_SET_PDEATHSIG = 1


class Wait(Protocol):
    """Waits for a signal, see `stop_signals`."""

    def __call__(self, timeout_s: float | None = None) -> signal.Signals | None:
        """Return the signal, None when the time has passed."""


def announce(**facts: object) -> None:
    """Print the one JSON line that says this process answers."""
    sys.stdout.write(json.dumps({"ready": True, **facts, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def stop_signals(*also: signal.Signals) -> Iterator[Wait]:
    """Catch SIGTERM and SIGINT (and others) within the block; yields a function that waits for one.

    The function takes a time limit in seconds, none by default, and returns None when it has passed. A signal that
    comes early is kept. Blocking and sigwait would not do: a thread of a numeric library that is older than the
    block takes the signal in its default way, and the process is gone. For the main thread only.
    """
    caught = {signal.SIGTERM, signal.SIGINT, *also}
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = {number: signal.signal(number, lambda *_: None) for number in caught}
    before_fd = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield partial(_wait, reader)
    finally:
        signal.set_wakeup_fd(before_fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _wait(reader: int, timeout_s: float | None = None) -> signal.Signals | None:
    ready, _, _ = select.select([reader], [], [], timeout_s)
    return signal.Signals(os.read(reader, 1)[0]) if ready else None


def bound_to(parent_pid: int) -> Callable[[], None]:
    """Return what makes a child die with its parent, for `preexec_fn` (Linux; elsewhere nothing is promised).

    The kernel kills the child when the thread that started it ends, so start it from the main thread.
    """

    def bind() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent_pid:
                # The parent died before the promise was given.
                os._exit(1)

    return bind


# Loaded here and not after a fork, where only async-signal-safe work is allowed.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
