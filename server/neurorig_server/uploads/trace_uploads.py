"""Receives traces in chunks: each at the offset where its upload stands, the whole checked by its digest."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.refusals import DigestMismatch, Invalid, OffsetMismatch, TooLarge
from neurorig_server.objects.traces import TraceStore
from neurorig_server.settings import Settings
from neurorig_server.store.tokens import Principal
from neurorig_server.store.uploads import Upload, Uploads

SECONDS_PER_DAY = 86400


class TraceUploads:
    """Receives traces in chunks: each chunk at the offset where the upload stands, the whole checked by its digest."""

    def __init__(self, settings: Settings, uploads: Uploads, traces: TraceStore) -> None:
        self._staging = settings.data_dir / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)
        self._max_bytes = settings.max_trace_bytes
        self._keep_s = settings.staging_days * SECONDS_PER_DAY
        self._uploads = uploads
        self._traces = traces

    def offset(self, attempt_id: str, digest: str, who: Principal) -> int:
        """Return how many bytes are held.

        When the server died between the last byte and the check of the digest, it is one byte less: the agent sends
        that byte again and the upload ends as any other.
        """
        upload = self._uploads.find(attempt_id, digest, who)
        if upload is None:
            return 0
        if upload.complete:
            return upload.size
        path = self._path(upload)
        return min(path.stat().st_size, upload.size - 1) if path.exists() else 0

    def append(
        self, attempt_id: str, digest: str, who: Principal, *, fence: int, offset: int, size: int, chunk: bytes
    ) -> int:
        """Add a chunk at `offset` of a trace of `size` bytes and return the new offset.

        Raises TooLarge, Invalid, StaleFence, OffsetMismatch, and DigestMismatch once all bytes are here.
        """
        self._check(offset, size, chunk)
        upload = self._uploads.begin(attempt_id, digest, size, fence, who)
        with self._locked(upload) as file:
            if self._is_complete(attempt_id, digest, who):
                return _at(offset, size, size)
            _at(offset, self.offset(attempt_id, digest, who), size)
            file.seek(offset)
            file.write(chunk)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
            if offset + len(chunk) == size:
                self._finish(upload, attempt_id, who, fence)
        return offset + len(chunk)

    def clean(self) -> None:
        """Delete staged files that nobody has added to for the time that the settings give."""
        for path in self._staging.iterdir():
            # An upload that ends meanwhile takes its file away.
            with suppress(FileNotFoundError):
                if time() - path.stat().st_mtime > self._keep_s:
                    path.unlink()

    def _check(self, offset: int, size: int, chunk: bytes) -> None:
        if size > self._max_bytes:
            raise TooLarge(f"the trace has {size} bytes, the limit of this server is {self._max_bytes}")
        if offset + len(chunk) > size:
            message = f"the chunk ends at byte {offset + len(chunk)}, the trace at {size}"
            raise Invalid(message, problems=[FieldProblem(field="body", message=message, code="too_long")])

    def _is_complete(self, attempt_id: str, digest: str, who: Principal) -> bool:
        found = self._uploads.find(attempt_id, digest, who)
        return found is not None and found.complete

    def _finish(self, upload: Upload, attempt_id: str, who: Principal, fence: int) -> None:
        path = self._path(upload)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != upload.digest:
            path.unlink()
            raise DigestMismatch(
                f"the uploaded bytes have the digest {digest}",
                next_step="Upload the trace again from offset 0.",
                headers={"Upload-Offset": "0"},
            )
        self._traces.put(digest, path)
        self._uploads.complete(attempt_id, digest, fence, who)
        path.unlink()

    @contextmanager
    def _locked(self, upload: Upload) -> Iterator[io.BufferedRandom]:
        """Open the staged file; a second chunk for the same trace waits until the first is written."""
        path = self._path(upload)
        while True:
            path.touch()
            with path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # The one we waited for may have finished the upload and removed the file.
                if os.fstat(file.fileno()).st_nlink:
                    yield file
                    return

    def _path(self, upload: Upload) -> Path:
        return self._staging / f"{upload.attempt_seq}-{upload.digest}.part"


def _at(offset: int, held: int, size: int) -> int:
    """Return the offset if the upload stands there, otherwise raise OffsetMismatch."""
    if offset != held:
        raise OffsetMismatch(
            f"the chunk begins at byte {offset}, the upload stands at {held} of {size}",
            headers={"Upload-Offset": str(held)},
        )
    return offset
