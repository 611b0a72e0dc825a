"""What a HiSLIP server asks its surroundings to do. The events of one call are carried out in their order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Send:
    """Write these bytes to a connection."""

    connection: int
    data: bytes


@dataclass(frozen=True)
class Close:
    """Close a connection after what was sent to it."""

    connection: int


@dataclass(frozen=True)
class Program:
    """A whole program message for the instrument; answer it with `respond`. `message` None: it was too long."""

    session: int
    message_id: int
    message: bytes | None


@dataclass(frozen=True)
class Cleared:
    """The session asked for a device clear: nothing that it sent before counts any more."""

    session: int


@dataclass(frozen=True)
class Interrupted:
    """The session sent a new message before it had read the answer to the last one: error -410."""

    session: int


@dataclass(frozen=True)
class StatusAsked:
    """The session asked for the status byte; answer with `status`."""

    session: int
    message_available: bool


@dataclass(frozen=True)
class LockWaits:
    """A lock is not free; call `lock_expired` after this time, which does nothing if it was granted by then."""

    session: int
    timeout_s: float


Event = Send | Close | Program | Cleared | Interrupted | StatusAsked | LockWaits
