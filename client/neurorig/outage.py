"""A server that does not answer: how long to bear it, and which request may be sent again. No I/O here."""

from __future__ import annotations

from neurorig.errors import Unreachable

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0

MAYBE_DONE = "it may have been done: once the server answers look for it, or repeat it with its idempotency key"
"""What to do when a request was sent and no answer came."""


class Outage:
    """One outage after the other; `patience_s` bounds each of them."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._pause_s = FIRST_PAUSE_S
        self._since_s: float | None = None

    def end(self) -> None:
        """Note that the server answers."""
        self._since_s, self._pause_s = None, FIRST_PAUSE_S

    def pause_s(self, error: Unreachable, now_s: float) -> float:
        """Seconds until the next try, doubling up to 5 s; the error itself once the patience is over."""
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s >= self._patience_s:
            raise error
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return pause_s


class Resend:
    """Sends one request again whose answer was lost, if it is `repeatable`: the server knows it by its key."""

    def __init__(self, patience_s: float, *, repeatable: bool) -> None:
        self._outage = Outage(patience_s)
        self._repeatable = repeatable
        self._was_sent = False

    def pause_s(self, error: Unreachable, now_s: float) -> float:
        """Seconds until the request is sent again; the error itself where it must not be, or in vain."""
        # Where nobody listened from the start nothing was lost, and the caller hears of it at once.
        self._was_sent = self._was_sent or error.was_sent
        if not (self._repeatable and self._was_sent):
            raise error
        error.next_step = MAYBE_DONE
        return self._outage.pause_s(error, now_s)
