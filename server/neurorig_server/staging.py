"""Parts of file uploads on the disk, each locked by the process that writes it. Not for traces: theirs are resumed.

The lock ends with its process, however that ends, so whoever can take it knows that nobody goes on with the part.
Several servers may share the folder; every path is made of a random id of our own.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from neurorig_server.ids import new_id

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
