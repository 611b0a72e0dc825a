"""What tests of the store share: a clock that moves when told to, the administrator, a bench."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from neurorig_protocols.job import BenchRecord
from neurorig_server.store.tokens import IMPLIED, Principal

ADMIN = Principal(id="admin", name="admin", scopes=IMPLIED["admin"])


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the present instant."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


class Shelf:
    """Bytes of files, by digest."""

    def __init__(self, *digests: str) -> None:
        self.held = set(digests)

    def has(self, digest: str) -> bool:
        """Say whether the bytes are here."""
        return digest in self.held

    def remove(self, digest: str) -> None:
        """Take the bytes away."""
        self.held.discard(digest)


def bench_record(name: str = "bench-a", board: str = "virtual-loihi", **profile: Any) -> BenchRecord:
    """Return a virtual bench that runs QUBOs and measures nothing."""
    return BenchRecord.model_validate(
        {
            "profile": {"name": name, "reality": "virtual", "board": {"driver": board}, **profile},
            "board": {"family": "virtual", "kinds": ["qubo"], "solvers": ["annealing"]},
        }
    )
