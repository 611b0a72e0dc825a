"""Uploaded problems, read from the object store and kept in memory for the next one who asks. One per process."""

from __future__ import annotations

import threading
from collections import OrderedDict

from neurorig_protocols.benchmarks.qubo import Problem
from neurorig_protocols.benchmarks.qubo_file import from_bytes
from neurorig_server.file_store import FileStore

CACHE_BYTES = 256 << 20
"""Problems in memory; the one that was asked for last stays whatever its size."""


class StoredProblems:
    """Problems by digest."""

    def __init__(self, location: str, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._files = FileStore(location)
        self._cache_bytes = cache_bytes
        self._held: OrderedDict[str, Problem] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> Problem:
        """Return a problem by the digest that jobs name; FileNotFoundError, and InvalidProblem for other files."""
        with self._lock:
            if digest in self._held:
                self._held.move_to_end(digest)
                return self._held[digest]
        problem = from_bytes(self._files.read(digest.removeprefix("sha256:")))
        with self._lock:
            self._held[digest] = problem
            self._held.move_to_end(digest)
            while len(self._held) > 1 and sum(map(_bytes, self._held.values())) > self._cache_bytes:
                self._held.popitem(last=False)
        return problem


def _bytes(problem: Problem) -> int:
    return 8 * (problem.n + 3 * len(problem.rows))
