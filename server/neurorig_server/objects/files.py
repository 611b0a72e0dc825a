"""Uploaded files by digest: staged in locked parts, kept as bytes, and problems read back for whoever asks next."""

from __future__ import annotations

import fcntl
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import obstore

from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.problem_file import from_bytes
from neurorig_server.ids import new_id
from neurorig_server.objects.traces import STREAM_BYTES, open_store, trace_location
from neurorig_server.settings import Settings

PART, KEPT = ".part", ".kept"


@dataclass(frozen=True)
class Part:
    """An open staged file, and the path where its check writes what is to be kept instead."""

    path: Path
    kept: Path
    file: BinaryIO


class Staging:
    """The folder of staged parts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def part(self) -> Iterator[Part]:
        """Make a part; both files are removed at the end of the block."""
        while True:
            path = self._folder / f"file-{new_id()}{PART}"
            with path.open("xb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Another server that cleans at this instant may have found it before it was locked.
                if not os.fstat(file.fileno()).st_nlink:
                    continue
                kept = path.with_suffix(KEPT)
                try:
                    yield Part(path, kept, file)
                finally:
                    kept.unlink(missing_ok=True)
                    path.unlink(missing_ok=True)
                return

    def clean(self) -> int:
        """Remove what processes that have ended left behind; returns how many files."""
        removed = sum(_remove_if_left(path) for path in self._folder.glob(f"file-*{PART}"))
        # A check outlives its killed server for a while and may write its result late.
        for kept in self._folder.glob(f"file-*{KEPT}"):
            if not kept.with_suffix(PART).exists():
                kept.unlink(missing_ok=True)
                removed += 1
        return removed


def _remove_if_left(path: Path) -> bool:
    with suppress(FileNotFoundError, BlockingIOError), path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    return False


class FileStore:
    """Uploaded files by digest (64 hex digits) at a location: a folder, or a URL such as s3://bucket/prefix."""

    def __init__(self, location: str) -> None:
        self._store = open_store(location)

    @classmethod
    def of(cls, settings: Settings) -> FileStore:
        """Return the store that the settings name."""
        return cls(trace_location(settings))

    def put(self, digest: str, file: Path) -> None:
        """Keep a file; the same digest again changes nothing."""
        obstore.put(self._store, _key(digest), file)

    def has(self, digest: str) -> bool:
        """Say whether a file is here."""
        try:
            obstore.head(self._store, _key(digest))
        except FileNotFoundError:
            return False
        return True

    def remove(self, digest: str) -> None:
        """Remove a file; one that is not here is removed already."""
        with suppress(FileNotFoundError):
            obstore.delete(self._store, _key(digest))

    def read(self, digest: str) -> bytes:
        """Return a whole file; FileNotFoundError when it is not here."""
        return bytes(obstore.get(self._store, _key(digest)).bytes())

    def stream(self, digest: str) -> Iterator[bytes]:
        """Yield a file's bytes; FileNotFoundError when it is not here."""
        found = obstore.get(self._store, _key(digest))
        return (bytes(chunk) for chunk in found.stream(min_chunk_size=STREAM_BYTES))


def _key(digest: str) -> str:
    return f"files/{digest[:2]}/{digest}"


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
