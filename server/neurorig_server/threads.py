"""Heavy calls in threads of their own, a limited number at a time; Python's cycle collector held off meanwhile."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import anyio

P = ParamSpec("P")
T = TypeVar("T")


class Slots:
    """Room for so many calls. A call that waits for room holds no thread, so that other requests are answered."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function in a thread as soon as there is room, and return what it returns."""
        # Made in the event loop that uses it.
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._count)
        return await anyio.to_thread.run_sync(lambda: function(*args, **kwargs), limiter=self._limiter)


_lock = threading.Lock()
_holders = 0
_was_enabled = True


@contextlib.contextmanager
def held_off() -> Iterator[None]:
    """Keep the collector off until the last thread leaves; it is then as it was before the first one came."""
    global _holders, _was_enabled  # noqa: PLW0603 - the collector itself is one per process
    with _lock:
        if _holders == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0 and _was_enabled:
                gc.enable()
