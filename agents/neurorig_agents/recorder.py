"""Records one monitor in a thread of its own while the board works: blocks go to disk as they arrive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from neurorig_drivers.process import codec
from neurorig_drivers.process.framing import encode, read_frame
from neurorig_drivers.process.host import HostedMonitor
from neurorig_protocols.errors import MeasurementError, MonitorLost, NeurorigError, Overload, SamplesLost
from neurorig_protocols.trace import (
    FLAG_OVERLOAD,
    AcquisitionPlan,
    AcquisitionReport,
    SampleBlock,
    Trace,
    TraceHead,
    join_blocks,
)

POLL_S = 0.02
"""Pause between two fetches: short enough for any instrument's memory, long enough to leave the host alone."""

MAX_SAMPLES = 30_000_000
"""A run that turns out much longer than its ranging pass must not fill the host's memory."""


class BlockStore(Protocol):
    """Where blocks go and come back from."""

    def put(self, block: SampleBlock) -> None:
        """Keep one block."""

    def blocks(self) -> Iterator[SampleBlock]:
        """Give all blocks back, in order."""

    def close(self) -> None:
        """Take no more blocks."""


class MemoryBlocks:
    """Blocks of a short acquisition that nobody keeps."""

    def __init__(self) -> None:
        self._blocks: list[SampleBlock] = []

    def put(self, block: SampleBlock) -> None:
        """See BlockStore."""
        self._blocks.append(block)

    def blocks(self) -> Iterator[SampleBlock]:
        """See BlockStore."""
        return iter(self._blocks)

    def close(self) -> None:
        """See BlockStore."""


class FileBlocks:
    """Blocks as frames in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Unbuffered, so that a full disk is told here and never at the closing.
        self._file = path.open("wb", buffering=0)

    def put(self, block: SampleBlock) -> None:
        """See BlockStore."""
        rest = memoryview(encode(*codec.pack_blocks([block])))
        while rest:
            rest = rest[self._file.write(rest) :]

    def blocks(self) -> Iterator[SampleBlock]:
        """See BlockStore."""
        with self._path.open("rb") as file:

            def read_exact(size: int) -> bytes:
                data = file.read(size)
                if len(data) < size:
                    raise EOFError
                return data

            while True:
                try:
                    message, arrays = read_frame(read_exact)
                except EOFError:
                    return
                yield from codec.unpack_blocks(message, arrays)

    def close(self) -> None:
        """See BlockStore."""
        self._file.close()


@dataclass(frozen=True)
class Recording:
    """One finished acquisition."""

    trace: Trace
    report: AcquisitionReport

    @property
    def peak_w(self) -> dict[str, float]:
        """Largest sample of each rail in watts; rails without any sample are left out."""
        channels = self.trace.head.channels
        columns = [self.trace.values[:, k] for k in range(len(channels))]
        finite = [column[np.isfinite(column)] for column in columns]
        return {c.rail: float(column.max()) for c, column in zip(channels, finite, strict=True) if len(column)}

    def defect(self) -> MeasurementError | None:
        """Return why this acquisition cannot become energy, None when it can."""
        monitor, report = self.trace.head.monitor, self.report
        missing = sum(gap.length for gap in self.trace.head.gaps)
        if missing or report.dropped:
            lost = max(missing, report.dropped)
            return SamplesLost(f"{lost} samples of monitor '{monitor}' were lost", where=monitor, lost=lost)
        flagged = int(np.count_nonzero(self.trace.flags & FLAG_OVERLOAD))
        if flagged or report.overloads:
            count = max(flagged, report.overloads)
            return Overload(f"{count} samples of monitor '{monitor}' left its range", where=monitor, overloads=count)
        if not len(self.trace):
            return SamplesLost(f"monitor '{monitor}' gave no sample", where=monitor, lost=0)
        return None


class Recorder:
    """One acquisition: armed by `start`, fetched in a thread, disarmed by `finish`."""

    def __init__(self, monitor: HostedMonitor, store: BlockStore) -> None:
        self._monitor = monitor
        self._store = store
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._record, name=f"recorder of {monitor.name}")
        self._failure: NeurorigError | None = None
        self._report: AcquisitionReport | None = None
        self._head: TraceHead | None = None

    def start(self, plan: AcquisitionPlan) -> None:
        """Arm the monitor and begin to fetch; raises what the monitor raised."""
        self._monitor.arm(plan)
        self._head = self._monitor.head
        self._thread.start()

    def finish(self) -> Recording:
        """Fetch the rest, disarm, and join everything; raises what went wrong at any time of the acquisition."""
        self.abandon()
        if self._failure is not None:
            raise self._failure
        if self._head is None or self._report is None:
            raise MonitorLost("the monitor was never armed", where=self._monitor.name)
        return Recording(join_blocks(self._head, self._store.blocks()), self._report)

    def abandon(self) -> None:
        """End the acquisition. Idempotent, never raises."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._store.close()

    def _record(self) -> None:
        try:
            taken = self._fetch(0)
            while not self._over.wait(POLL_S):
                taken = self._fetch(taken)
            self._fetch(taken)
            self._report = self._monitor.disarm()
        except NeurorigError as error:
            self._failure = error
        except OSError as error:
            self._failure = MeasurementError(f"the samples could not be stored: {error.strerror}", where="spool")
        except Exception as error:  # noqa: BLE001 - the thread's end must not look like a good acquisition
            self._failure = MonitorLost(f"{self._monitor.name} cannot be read: {error}", where=self._monitor.name)

    def _fetch(self, taken: int) -> int:
        for block in self._monitor.stream():
            self._store.put(block)
            taken = block.index + len(block.values)
        if taken > MAX_SAMPLES:
            raise MeasurementError(
                f"more than {MAX_SAMPLES} samples were taken",
                where=self._monitor.name,
                next_step="Ask for shorter runs: they took much longer than the ranging pass.",
            )
        return taken
