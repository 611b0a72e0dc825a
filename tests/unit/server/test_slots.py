"""Heavy calls: so many at a time, and what waits holds no thread of the server."""

from __future__ import annotations

import threading

import anyio
import pytest

from neurorig_server.threads import Slots

MORE_THAN_THE_POOL = 60


def test_waiting_calls_hold_no_thread() -> None:
    """While one call runs and more wait than the pool has threads, another request's thread is there at once."""
    release, running = threading.Event(), threading.Semaphore(0)
    results: list[int] = []

    def heavy(number: int) -> int:
        running.release()
        release.wait(30)
        return number

    async def ask(slots: Slots, number: int) -> None:
        results.append(await slots.run(heavy, number))

    async def main() -> None:
        slots = Slots(1)
        async with anyio.create_task_group() as group:
            for number in range(MORE_THAN_THE_POOL):
                group.start_soon(ask, slots, number)
            try:
                with anyio.fail_after(10):
                    assert await anyio.to_thread.run_sync(running.acquire, True, 5)
                assert not running.acquire(blocking=False)
            finally:
                release.set()

    anyio.run(main)
    assert sorted(results) == list(range(MORE_THAN_THE_POOL))


def test_a_failure_frees_the_slot() -> None:
    """What a call raises comes back to its caller, and the next call has the room."""

    async def main() -> int:
        slots = Slots(1)
        with pytest.raises(ValueError, match="nonsense"):
            await slots.run(int, "nonsense")
        return await slots.run(int, "7")

    assert anyio.run(main) == 7
