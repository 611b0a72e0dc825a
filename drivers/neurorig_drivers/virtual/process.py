"""The life of a virtual device's process: say that it is ready, live until told to stop, never outlive the parent."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
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
    """Hold SIGTERM and SIGINT (and others) back within the block; yields a function that waits for one.

    The function takes a time limit in seconds, none by default, and returns None when it has passed. Enter the block
    before starting threads: they inherit the mask, and a signal that comes early is kept, not lost.
    """
    held = {signal.SIGTERM, signal.SIGINT, *also}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield partial(_wait, held)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(held: set[signal.Signals], timeout_s: float | None = None) -> signal.Signals | None:
    if timeout_s is None:
        return signal.Signals(signal.sigwait(held))
    caught = signal.sigtimedwait(held, timeout_s)
    return signal.Signals(caught.si_signo) if caught is not None else None


def bound_to(parent_pid: int) -> Callable[[], None]:
    """Return what makes a child die with its parent, for `preexec_fn` (Linux; elsewhere nothing is promised).

    The kernel kills the child when the thread that started it ends, so start it from the main thread. Signals that
    the parent holds back are let through again.
    """

    def bind() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent_pid:
                # The parent died before the promise was given.
                os._exit(1)

    return bind


# Loaded here and not after a fork, where only async-signal-safe work is allowed.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
