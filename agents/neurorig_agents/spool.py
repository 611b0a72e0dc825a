"""What an attempt has given, kept on disk until the server has it; the steps of an attempt as a journal."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from enum import StrEnum
from pathlib import Path
from typing import Self, TypeVar

from pydantic import ValidationError

from neurorig_protocols.errors import InfraError, InvalidConfig
from neurorig_protocols.lease import Lease
from neurorig_protocols.records import Record
from neurorig_protocols.report import AttemptReport, TraceRef
from neurorig_protocols.trace import Trace, digest_of, to_parquet


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that its name never stands for a part of it: aside, to the disk, then renamed."""
    aside = path.with_name(f".{path.name}.part")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk, so that a rename outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


LEASE = "lease.json"
JOURNAL = "journal.jsonl"
REPORT = "report.json"

ACCEPTED = "accepted"
"""The step after the server took the report: nothing is left to do."""


class Recovery(StrEnum):
    """What an agent does with the folder of an attempt that is not being executed."""

    REMOVE = "remove"
    """Everything is with the server, or nothing ever began."""
    UPLOAD = "upload"
    """The report is complete: it and its traces are brought to the server, days later too."""
    CLOSE = "close"
    """It was cut off: closed as failed. An interrupted window never becomes a number."""


def recover(folder: Path) -> Recovery:
    """Decide by what is on the disk alone: the lease, a complete report, an accepted report."""
    if not (folder / LEASE).is_file() or ACCEPTED in steps(folder):
        return Recovery.REMOVE
    return Recovery.UPLOAD if (folder / REPORT).is_file() else Recovery.CLOSE


def note(folder: Path, step: str) -> None:
    """Append one step."""
    line = json.dumps({"step": step, "at_ns": time.time_ns()}) + "\n"
    with (folder / JOURNAL).open("a", encoding="utf-8") as file:
        file.write(line)


def steps(folder: Path) -> list[str]:
    """Return the steps noted so far; a line that was cut off counts as never written."""
    try:
        lines = (folder / JOURNAL).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found = [_step(line) for line in lines[:-1]]
    return [step for step in found if step is not None]


def _step(line: bytes) -> str | None:
    try:
        step = json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return None
    return step if isinstance(step, str) else None


Message = TypeVar("Message", bound=Record)

MIN_FREE_BYTES = 512 << 20
"""Blocks and Parquet of the longest acquisition lie side by side for a moment."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NEW = ".new-"
_DONE = ".done-"


class AttemptFolder:
    """One attempt on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lease(self) -> Lease:
        """The lease that the attempt runs under; InfraError when it cannot be read."""
        return _read(Lease, self.path / LEASE)

    @property
    def report(self) -> AttemptReport:
        """The report that closes the attempt; InfraError when it cannot be read."""
        return _read(AttemptReport, self.path / REPORT)

    def step(self, name: str) -> None:
        """Note that a step begins."""
        note(self.path, name)

    def blocks_path(self, monitor: str) -> Path:
        """Where the samples of a monitor go as they arrive."""
        return self.path / f"{monitor}.blocks"

    def trace_path(self, monitor: str) -> Path:
        """Where the finished trace of a monitor lies."""
        return self.path / f"{monitor}.parquet"

    def keep_trace(self, trace: Trace) -> TraceRef:
        """Write a finished trace; its blocks are not needed any more."""
        monitor, data = trace.head.monitor, to_parquet(trace)
        write_whole(self.trace_path(monitor), data)
        self.blocks_path(monitor).unlink(missing_ok=True)
        return TraceRef(monitor=monitor, digest=digest_of(data), size=len(data), samples=len(trace))

    def keep_report(self, report: AttemptReport) -> None:
        """Write the report, the last file of an attempt: from here on the attempt is finished."""
        self.step("report")
        write_whole(self.path / REPORT, report.model_dump_json().encode())


class Spool:
    """The folder of one agent; a second agent on it is refused."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._attempts = root / "attempts"
        self._refused = root / "refused"
        self._attempts.mkdir(parents=True, exist_ok=True)
        self._refused.mkdir(exist_ok=True)
        self._lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise InvalidConfig(
                f"another agent uses the spool folder {root.name}",
                where="--spool",
                next_step="Stop the other agent or name another folder.",
            ) from None
        self._tidy()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another agent use the folder."""
        os.close(self._lock)

    def check_room(self) -> None:
        """Raise InfraError when the disk has no room for another attempt."""
        free = shutil.disk_usage(self.root).free
        if free < MIN_FREE_BYTES:
            raise InfraError(
                f"the spool's disk has {free >> 20} MiB left, {MIN_FREE_BYTES >> 20} MiB are needed for an attempt",
                where="--spool",
                next_step="Make room; finished attempts are removed once the server has them.",
            )

    def begin(self, lease: Lease) -> AttemptFolder:
        """Make the folder of a new attempt, complete with its lease."""
        if not _ID.fullmatch(lease.attempt_id):
            raise InfraError(f"'{lease.attempt_id[:64]}' cannot be the name of an attempt", where="lease")
        aside, path = self._attempts / (_NEW + lease.attempt_id), self._attempts / lease.attempt_id
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        write_whole(aside / LEASE, lease.model_dump_json().encode())
        aside.rename(path)
        sync_folder(self._attempts)
        folder = AttemptFolder(path)
        folder.step("leased")
        return folder

    def waiting(self) -> list[AttemptFolder]:
        """Return the attempts that are not yet with the server, oldest lease first."""
        return [AttemptFolder(path) for path in sorted(self._attempts.iterdir(), key=_leased_at_ns)]

    def remove(self, folder: AttemptFolder) -> None:
        """Forget an attempt; renamed first, so that a half-removed one is never taken for a cut-off one."""
        done = self._attempts / (_DONE + folder.path.name)
        folder.path.rename(done)
        shutil.rmtree(done)

    def set_aside(self, folder: AttemptFolder) -> Path:
        """Keep an attempt that the server refused, out of the way; returns where."""
        kept = self._refused / folder.path.name
        shutil.rmtree(kept, ignore_errors=True)
        folder.path.rename(kept)
        return kept

    def refused(self) -> list[str]:
        """Return the ids of the attempts that were set aside."""
        return sorted(path.name for path in self._refused.iterdir())

    def _tidy(self) -> None:
        for path in self._attempts.iterdir():
            if path.name.startswith((_NEW, _DONE)):
                shutil.rmtree(path)


def _leased_at_ns(path: Path) -> int:
    lease = path / LEASE
    return lease.stat().st_mtime_ns if lease.exists() else 0


def _read(model: type[Message], path: Path) -> Message:
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InfraError(f"{path.name} of attempt {path.parent.name} cannot be read: {error}", where="spool") from error
