"""Bytes of uploaded files, by digest, in the object store of the traces. Not for what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import obstore

from neurorig_server.settings import Settings
from neurorig_server.traces import STREAM_BYTES, open_store, trace_location


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
