"""The wish to stop, as signals tell it. Not the end itself: a measuring window is finished first.

A handler may run between any two bytecodes of the main thread, so it takes no lock: a flag, and a byte in a pipe for
whoever waits.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from types import FrameType


class Stopped(BaseException):
    """Raised inside `interruptible` when the agent is asked to stop; no `except Exception` holds it up."""


class Stop:
    """Set once, by SIGTERM, SIGINT or a call; never unset."""

    def __init__(self) -> None:
        self._set = False
        self._interruptible = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    @property
    def is_set(self) -> bool:
        """Whether the agent was asked to stop."""
        return self._set

    def set(self) -> None:
        """Ask to stop. Safe in a signal handler and in any thread."""
        self._set = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> bool:
        """Wait until asked to stop, at most so long; return whether asked."""
        if not self._set:
            select.select([self._read], [], [], max(seconds, 0.0))
        return self._set

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal break off what happens inside by raising Stopped: for waiting, never for measuring."""
        self._interruptible = True
        try:
            if self._set:
                raise Stopped
            yield
        finally:
            self._interruptible = False

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as the wish to stop, in the main thread; a second SIGINT breaks off at once."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._read)
        os.close(self._write)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._interruptible:
            self._interruptible = False
            raise Stopped
