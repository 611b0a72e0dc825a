"""Input events of a spiking network as text: one line `sample,step,input` per spike of an input line.

    sample,step,input        the heading may be left out
    0,0,17
    0,3,2

Numbers count from 0. Lines may stand in any order; the same event twice is refused, for a line spikes once in a step.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import UserError
from neurorig_protocols.workloads.snn.network import Ints

MAX_BYTES = 256 << 20
MAX_EVENTS = 10_000_000
HEADING = "sample,step,input"
_LIMITS = {"sample": 100_000, "step": 1_000_000, "input": 2**31}


@dataclass(frozen=True, eq=False)
class Events:
    """int64 arrays (events,), sorted by sample, step and input."""

    sample: Ints
    step: Ints
    input: Ints

    def __len__(self) -> int:
        return len(self.sample)

    def arrays(self) -> Arrays:
        """Return the arrays of an "snn" batch."""
        return {"event_sample": self.sample, "event_step": self.step, "event_input": self.input}

    def facts(self) -> dict[str, int]:
        """Return how many events there are, and the smallest samples, steps and inputs that hold them."""
        spans = {"samples": self.sample, "steps": self.step, "inputs": self.input}
        return {"events": len(self), **{name: int(values.max(initial=-1)) + 1 for name, values in spans.items()}}


def parse_events(data: bytes) -> Events:
    """Parse a file of events; UserError says what is wrong and where."""
    if len(data) > MAX_BYTES:
        raise _wrong(f"the file is larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("ascii").removeprefix(HEADING)
    except UnicodeDecodeError as error:
        raise _wrong(f"byte {error.start} is no ASCII character") from error
    if not text.strip():
        return _sorted(np.zeros((0, 3), np.int64))
    if stray := set(text) - set("0123456789,\r\n"):
        raise _wrong(f"'{min(stray)}' is neither a digit nor a comma")
    if len(text.split()) > MAX_EVENTS:
        raise _wrong(f"there are more than {MAX_EVENTS} events")
    try:
        rows = np.loadtxt(io.StringIO(text), np.int64, delimiter=",", comments=None, ndmin=2)
    except (ValueError, OverflowError) as error:
        raise _wrong(f"a line is not {HEADING}: {error}") from error
    if rows.shape[1] != 3:
        raise _wrong(f"the lines have {rows.shape[1]} numbers, not 3")
    for (name, limit), values in zip(_LIMITS.items(), rows.T, strict=True):
        if (at := np.flatnonzero((values < 0) | (values >= limit))).size:
            raise _wrong(f"event {at[0] + 1} names {name} {values[at[0]]}, the largest is {limit - 1}")
    return _sorted(rows)


def _sorted(rows: Ints) -> Events:
    rows = rows[np.lexsort(rows.T[::-1])]
    twice = np.flatnonzero((np.diff(rows, axis=0) == 0).all(axis=1))
    if twice.size:
        raise _wrong(f"the event {','.join(map(str, rows[twice[0]]))} is there twice")
    sample, step, line = (np.ascontiguousarray(column) for column in rows.T)
    return Events(sample, step, line)


def _wrong(what: str) -> UserError:
    return UserError(f"the events cannot be read: {what}", where="events")
