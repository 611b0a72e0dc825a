"""Files that jobs name, fetched from the server and kept for the next job that names them.

    SPOOL/inputs/DIGEST   a file's bytes, under its digest in 64 hex digits

Only whole files with the right digest get their name. Not for what the files mean: that is the workloads'.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from neurorig_agents.server_client import ServerClient, ServerRefused
from neurorig_protocols.errors import InfraError
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.contract import NeededFile
from neurorig_protocols.workloads.registry import needed_files

CACHE_BYTES = 2 << 30
"""Beyond this, the files that were used least recently go. A job's own files always stay."""

MAX_FILE_BYTES = 1 << 30
"""Larger files are not fetched."""

_TRIES = 2


class InputMissing(InfraError):
    """The server does not have a file that the job names, or no longer."""

    code = "input_missing"
    retryable = False


class InputDamaged(InfraError):
    """A fetched file has another digest than the job names, or is too large."""

    code = "input_damaged"


class Inputs:
    """The files of one agent's jobs."""

    def __init__(self, root: Path, client: ServerClient, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._folder = root / "inputs"
        self._client = client
        self._cache_bytes = cache_bytes

    def fetch(self, job: JobSpec) -> Mapping[str, Path]:
        """Return the job's files by digest; InputMissing, InputDamaged, ServerUnreachable."""
        needed = needed_files(job.workload)
        if not needed:
            return {}
        self._folder.mkdir(parents=True, exist_ok=True)
        found = {file.digest: self._one(file) for file in needed}
        self._evict(keep=found.values())
        return found

    def _one(self, file: NeededFile) -> Path:
        path = self._folder / file.digest.removeprefix("sha256:")
        if path.exists() and _digest(path) == file.digest:
            os.utime(path)
            return path
        for _ in range(_TRIES):
            self._download(file, path)
            if _digest(path) == file.digest:
                return path
            path.unlink()
        raise InputDamaged(
            f"the file arrives with another digest than {file.digest}",
            where=file.field,
            next_step="Look at the server's object store: the stored bytes are not those that were uploaded.",
        )

    def _download(self, file: NeededFile, path: Path) -> None:
        aside = path.with_suffix(".part")
        try:
            self._client.fetch_file(file.digest, aside, max_bytes=MAX_FILE_BYTES)
            aside.replace(path)
        except ServerRefused as refused:
            raise InputMissing(
                f"the server does not give the file {file.digest}: {refused.message}",
                where=file.field,
                next_step="Upload the file again and submit the job anew.",
            ) from refused
        finally:
            aside.unlink(missing_ok=True)

    def _evict(self, keep: Iterable[Path]) -> None:
        kept = set(keep)
        others = sorted(
            (path for path in self._folder.iterdir() if path not in kept), key=lambda path: path.stat().st_mtime_ns
        )
        total = sum(path.stat().st_size for path in [*kept, *others])
        for path in others:
            if total <= self._cache_bytes:
                return
            total -= path.stat().st_size
            path.unlink()


def no_inputs(job: JobSpec) -> Mapping[str, Path]:  # noqa: ARG001 - stands for Inputs.fetch
    """Stand for `Inputs.fetch` where no job names files."""
    return {}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
