"""Runs heavy calls in threads of their own, so many at a time. Not for what a short query does."""

from __future__ import annotations

from collections.abc import Callable
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
