"""Who holds the lock of a HiSLIP instrument: one session alone, or several that know the same key."""

from __future__ import annotations

from typing import Literal

Released = Literal["exclusive", "shared"]


class LockTable:
    """Sessions are numbers. A session may hold the exclusive lock, a share of the shared one, or both."""

    def __init__(self) -> None:
        self.exclusive: int | None = None
        self._key = b""
        self._sharers: set[int] = set()

    @property
    def holders(self) -> int:
        """Number of sessions that hold a lock."""
        return len(self._sharers | ({self.exclusive} if self.exclusive is not None else set()))

    def holds(self, session: int, key: bytes) -> bool:
        """Whether the session holds the lock it asks for: an empty key means the exclusive one."""
        return session in self._sharers if key else session == self.exclusive

    def keeps_out(self, session: int) -> bool:
        """Whether the session must wait until others release."""
        if self.exclusive is not None:
            return self.exclusive != session
        return bool(self._sharers) and session not in self._sharers

    def request(self, session: int, key: bytes) -> bool:
        """Grant a lock if it is free for this session; says whether it did."""
        if self.keeps_out(session) and not self._may_join(session, key):
            return False
        if key:
            self._key = key
            self._sharers.add(session)
        else:
            self.exclusive = session
        return True

    def release(self, session: int) -> Released | None:
        """Give back the exclusive lock if the session holds it, else its share; None when it holds neither."""
        if self.exclusive == session:
            self.exclusive = None
            return "exclusive"
        if session in self._sharers:
            self._sharers.discard(session)
            return "shared"
        return None

    def _may_join(self, session: int, key: bytes) -> bool:
        free_of_others = self.exclusive in (None, session)
        return free_of_others and bool(key) and key == self._key
