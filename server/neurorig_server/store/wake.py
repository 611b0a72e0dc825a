"""Wakes lease requests that wait for work: in this process at once, from other servers by PostgreSQL's NOTIFY.

A lost wake-up costs time, never work: every waiting request looks again by itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from neurorig_server.store.database import WAKE_CHANNEL

log = logging.getLogger(__name__)

DEAF_POLL_S = 0.25
"""Sleep of a waiting request while nobody listens to PostgreSQL."""
RETRY_S = 1.0
LISTEN_S = 1.0


class Wake:
    """One event per waiting lease request, set from any thread. `poll_s`: longest sleep of a request."""

    def __init__(self, *, poll_s: float) -> None:
        self.stopping = False
        self._poll_s = poll_s
        self._deaf = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def bind(self) -> None:
        """Tie the events to the running loop."""
        self._loop = asyncio.get_running_loop()

    @property
    def sleep_s(self) -> float:
        """How long a request may sleep before it looks again."""
        return min(DEAF_POLL_S, self._poll_s) if self._deaf else self._poll_s

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(len(events) for events in self._waiting.values())

    @contextmanager
    def ticket(self, bench: str) -> Iterator[asyncio.Event]:
        """Yield the event of one waiting request; clear it before each look, so that no wake-up falls between."""
        event = asyncio.Event()
        self._waiting.setdefault(bench, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[bench].discard(event)
            if not self._waiting[bench]:
                del self._waiting[bench]

    def notify(self, benches: frozenset[str]) -> None:
        """Wake the requests of these benches, all of them for an empty set. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._set, benches)

    def stop(self) -> None:
        """Send every waiting request home. From the loop's thread."""
        self.stopping = True
        self._set(frozenset())

    def hear(self, *, deaf: bool) -> None:
        """Note whether other servers can be heard."""
        self._deaf = deaf

    def _set(self, benches: frozenset[str]) -> None:
        for bench in benches or list(self._waiting):
            for event in self._waiting.get(bench, ()):
                event.set()


class Listener:
    """A thread that hears what other servers on the same PostgreSQL commit."""

    def __init__(self, url: str, wake: Wake) -> None:
        self._url = url
        self._wake = wake
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neurorig-listen", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._wake.hear(deaf=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        # Only a server on PostgreSQL listens, and only it has the library.
        import psycopg

        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error:
                self._wake.hear(deaf=True)
                log.warning("not listening to PostgreSQL, lease requests poll", exc_info=True)
                self._stop.wait(RETRY_S)

    def _listen(self) -> None:
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"LISTEN {WAKE_CHANNEL}")
            self._wake.hear(deaf=False)
            # What was committed while nobody listened was not heard.
            self._wake.notify(frozenset())
            while not self._stop.is_set():
                for heard in connection.notifies(timeout=LISTEN_S, stop_after=1):
                    self._wake.notify(benches_in(heard.payload))


def benches_in(payload: str) -> frozenset[str]:
    """Return the benches that a notification names; the empty set, which stands for all, for any other text."""
    try:
        found = json.loads(payload)
    except ValueError:
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()
