"""Waiting lease requests are woken, from any thread, and only those that should be."""

from __future__ import annotations

import asyncio
import threading

import pytest

from neurorig_server.store.wake import DEAF_POLL_S, Wake, benches_in


def test_notification_from_a_thread_wakes_the_named_bench_only() -> None:
    """The event of a bench is set when its name is called."""

    async def scene() -> tuple[bool, bool]:
        wake = Wake(poll_s=5)
        wake.bind()
        with wake.ticket("a") as a, wake.ticket("b") as b:
            thread = threading.Thread(target=wake.notify, args=(frozenset({"a", "unknown"}),))
            thread.start()
            await asyncio.wait_for(a.wait(), 5)
            thread.join()
            return a.is_set(), b.is_set()

    assert asyncio.run(scene()) == (True, False)


def test_empty_set_and_stop_wake_everyone() -> None:
    """When names do not fit, and at the end, every request looks."""

    async def scene() -> None:
        wake = Wake(poll_s=5)
        wake.bind()
        with wake.ticket("a") as a, wake.ticket("b") as b:
            wake.notify(frozenset())
            await asyncio.wait_for(asyncio.gather(a.wait(), b.wait()), 5)
            a.clear()
            wake.stop()
            assert a.is_set()
            assert wake.stopping

    asyncio.run(scene())


def test_nobody_is_kept_after_waiting() -> None:
    """A ticket ends with its request, also when others wait for the same bench."""

    async def scene() -> None:
        wake = Wake(poll_s=5)
        with wake.ticket("a") as first:
            with wake.ticket("a"):
                pass
            wake.stop()
            assert first.is_set()
        assert vars(wake)["_waiting"] == {}

    asyncio.run(scene())


def test_notification_without_a_loop_is_no_error() -> None:
    """Commands that write to the database serve nobody."""
    Wake(poll_s=5).notify(frozenset({"a"}))


def test_server_that_cannot_hear_others_looks_more_often() -> None:
    """While deaf, a waiting request sleeps a quarter of a second at most."""
    wake = Wake(poll_s=5)
    assert wake.sleep_s == 5

    wake.hear(deaf=True)
    assert wake.sleep_s == DEAF_POLL_S

    wake.hear(deaf=False)
    assert wake.sleep_s == 5


@pytest.mark.parametrize(
    ("payload", "benches"),
    [('["a","b"]', {"a", "b"}), ("[]", set()), ("", set()), ("no json", set()), ('{"a": 1}', set()), ("7", set())],
)
def test_foreign_notification_wakes_everyone(payload: str, benches: set[str]) -> None:
    """What cannot be read costs a look, not the listener."""
    assert benches_in(payload) == benches
