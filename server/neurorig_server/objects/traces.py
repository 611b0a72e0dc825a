"""Trace files by digest in an object store, and traces thinned for drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from neurorig_protocols.api.attempts import RailSeries, TraceSeries
from neurorig_protocols.trace import Trace, Window, from_parquet
from neurorig_server.settings import Settings

STREAM_BYTES = 1 << 20


class TraceStore:
    """Traces by digest (64 hex digits) at a location: a folder, or a URL such as s3://bucket/prefix."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._store = open_store(location)

    @classmethod
    def of(cls, settings: Settings) -> TraceStore:
        """Return the store that the settings name."""
        return cls(trace_location(settings))

    def put(self, digest: str, file: Path) -> None:
        """Keep a file; the same digest again changes nothing."""
        obstore.put(self._store, _key(digest), file)

    def read(self, digest: str) -> Trace:
        """Return a trace; FileNotFoundError when it is not here, ValueError when it is not a trace."""
        return from_parquet(bytes(obstore.get(self._store, _key(digest)).bytes()))

    def stream(self, digest: str) -> Iterator[bytes]:
        """Yield the stored bytes; FileNotFoundError when there are none."""
        found = obstore.get(self._store, _key(digest))
        return (bytes(chunk) for chunk in found.stream(min_chunk_size=STREAM_BYTES))


def trace_location(settings: Settings) -> str:
    """Return where traces and uploaded files lie: a folder or a URL."""
    return settings.trace_store or str((settings.data_dir / "traces").resolve())


def open_store(location: str) -> ObjectStore:
    """Open the object store at a folder, which is made, or a URL."""
    if "://" in location:
        return from_url(location)
    Path(location).mkdir(parents=True, exist_ok=True)
    return LocalStore(location)


def _key(digest: str) -> str:
    return f"sha256/{digest[:2]}/{digest}.parquet"


def series(trace: Trace, points: int, windows: Sequence[Window]) -> TraceSeries:
    """Return at most `points` bins (at least 1) of minimum and maximum power in watts."""
    samples = len(trace)
    size = max(1, -(-samples // points))
    return TraceSeries(
        monitor=trace.head.monitor,
        clock=trace.head.clock,
        t0_ns=trace.head.t0_ns,
        dt_ns=trace.head.dt_ns,
        samples=samples,
        bin=size,
        rails=tuple(_rail(info.rail, trace.values[:, i], size) for i, info in enumerate(trace.head.channels)),
        windows=tuple(windows),
    )


def _rail(name: str, values: npt.NDArray[np.float32], size: int) -> RailSeries:
    starts = np.arange(0, len(values), size)
    if not starts.size:
        return RailSeries(rail=name, min_w=(), max_w=())
    # fmin and fmax pass over missing samples as long as one of the bin is there.
    return RailSeries(
        rail=name,
        min_w=_numbers(np.fmin.reduceat(values, starts)),
        max_w=_numbers(np.fmax.reduceat(values, starts)),
    )


def _numbers(values: npt.NDArray[np.float32]) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)
