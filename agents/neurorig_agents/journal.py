"""The steps of one attempt as lines on disk, and what is to be done with an attempt found after a restart.

A line is written when its step begins. The operating system keeps lines when the process is killed; a power cut may
take the last ones, which changes nothing that `recover` decides.
"""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path

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
