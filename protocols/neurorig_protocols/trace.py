"""Samples, traces, markers, windows and the maps between clocks.

An instant is `t_ns: int` on a named clock: "host", "dut" or "monitor:<id>".
A trace is evenly sampled; sample i covers [t0 + i·dt, t0 + (i+1)·dt) and holds the mean over that interval.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from neurorig_protocols.errors import SamplesLost
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.records import Digest, Finite, Name, Record

FLAG_OVERLOAD = 1
"""Bit of a sample's flags: some channel left its range."""

FLAG_LATE = 2
"""Bit of a sample's flags: some channel's counter was updated later than its `update_s` says."""


class AccuracySpec(Record):
    """What the maker of a monitor promises for one channel on its present range; limits are rectangular."""

    gain_limit: Finite = Field(ge=0, description="limit of the relative gain error")
    offset_limit_w: Finite = Field(ge=0, description="limit of the offset error in watts")
    noise_w: Finite = Field(ge=0, description="standard deviation of one sample in watts")
    resolution_w: Finite = Field(ge=0, description="quantisation step in watts")
    timebase_limit: Finite = Field(ge=0, description="limit of the relative error of the sample clock")
    update_s: Finite = Field(
        default=0.0, ge=0, description="longest time in seconds between a counter's updates; 0: every sample is one"
    )
    source: str = Field(description="where the figures stand")


class ChannelInfo(Record):
    """One sampled channel as it was set during the acquisition."""

    channel: int
    rail: Name
    quantity: Literal["power_w"] = "power_w"
    rate_hz: Finite = Field(gt=0)
    range_w: Finite = Field(gt=0, description="full scale in watts")
    averaging: Literal["mean", "instant"] = "mean"
    accuracy: AccuracySpec


@dataclass(frozen=True)
class SampleBlock:
    """Consecutive samples of one monitor.

    values: float32 (samples, channels) in watts; digital and flags: uint8 (samples,). `index` is the number
    of the first sample since arming, so a jump between blocks is a gap.
    """

    index: int
    values: npt.NDArray[np.float32]
    digital: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]


class AcquisitionPlan(Record):
    """What a monitor is armed with; `peak_w` per rail comes from the ranging pass."""

    rate_hz: Finite = Field(gt=0)
    peak_w: dict[Name, Finite] = Field(default_factory=dict)


class AcquisitionReport(Record):
    """What a monitor says when it is disarmed. Counts are the instrument's own."""

    monitor: Name
    samples: int = Field(ge=0)
    dropped: int = Field(ge=0)
    overloads: int = Field(ge=0)
    identity: str
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)


class Gap(Record):
    """Missing samples: `length` of them from number `index` on."""

    index: int = Field(ge=0)
    length: int = Field(gt=0)


class TraceHead(Record):
    """Everything about a trace but its samples; stored in the Parquet file's own metadata."""

    trace_schema: Literal[1] = 1
    monitor: Name
    clock: str
    t0_ns: int
    dt_ns: Finite = Field(gt=0)
    channels: tuple[ChannelInfo, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class Trace:
    """All samples of one acquisition of one monitor; missing samples are NaN and listed as gaps."""

    head: TraceHead
    values: npt.NDArray[np.float32]
    digital: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def duration_ns(self) -> float:
        """Length of the acquisition in nanoseconds of the monitor's clock."""
        return len(self) * self.head.dt_ns

    def rail(self, rail: str) -> npt.NDArray[np.float32]:
        """Return the samples of one rail, shape (samples,), in watts; KeyError when it has no channel."""
        for column, info in enumerate(self.head.channels):
            if info.rail == rail:
                return self.values[:, column]
        raise KeyError(rail)


def join_blocks(head: TraceHead, blocks: Iterable[SampleBlock]) -> Trace:
    """Lay blocks on one time axis; a jump of the index becomes a gap of NaN samples.

    Raises SamplesLost when blocks overlap or run backwards: then no time axis is right.
    """
    parts: list[SampleBlock] = []
    gaps: list[Gap] = []
    at = 0
    for block in blocks:
        if block.index < at:
            raise SamplesLost(f"a block starts at sample {block.index}, {at} were already seen", where=head.monitor)
        if block.index > at:
            gaps.append(Gap(index=at, length=block.index - at))
            parts.append(_missing(at, block.index - at, len(head.channels)))
        parts.append(block)
        at = block.index + block.values.shape[0]
    parts = parts or [_missing(0, 0, len(head.channels))]
    return Trace(
        head=head.model_copy(update={"gaps": tuple(gaps)}),
        values=np.concatenate([p.values for p in parts]),
        digital=np.concatenate([p.digital for p in parts]),
        flags=np.concatenate([p.flags for p in parts]),
    )


def _missing(index: int, length: int, channels: int) -> SampleBlock:
    return SampleBlock(
        index=index,
        values=np.full((length, channels), np.nan, np.float32),
        digital=np.zeros(length, np.uint8),
        flags=np.zeros(length, np.uint8),
    )


def to_parquet(trace: Trace) -> bytes:
    """Encode a trace; equal traces give equal bytes."""
    # Drivers import this module too and never write Parquet: pyarrow is the slowest import of all.
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, npt.NDArray[Any]] = {
        f"ch{info.channel}_{info.rail}_w": trace.values[:, i] for i, info in enumerate(trace.head.channels)
    }
    columns |= {"digital": trace.digital, "flags": trace.flags}
    table = pa.table({name: pa.array(np.ascontiguousarray(column)) for name, column in columns.items()})
    head = json.dumps(trace.head.model_dump(mode="json"), sort_keys=True)
    table = table.replace_schema_metadata({"neurorig": head})
    sink = io.BytesIO()
    # Float noise hardly compresses; the digital and flag columns do, by run-length encoding.
    pq.write_table(table, sink, compression="zstd", compression_level=1, row_group_size=1 << 20, store_schema=True)
    return sink.getvalue()


def from_parquet(data: bytes) -> Trace:
    """Decode what `to_parquet` wrote; ValueError when it is something else."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data))
        metadata = table.schema.metadata or {}
        head = TraceHead.model_validate_json(metadata[b"neurorig"])
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ValueError(f"not a neurorig trace: {error}") from error
    names = [f"ch{info.channel}_{info.rail}_w" for info in head.channels]
    expected = {*names, "digital", "flags"}
    if set(table.column_names) != expected:
        raise ValueError(f"columns {sorted(table.column_names)} differ from the head's {sorted(expected)}")
    values = np.empty((table.num_rows, len(names)), np.float32)
    for i, name in enumerate(names):
        values[:, i] = table[name].to_numpy()
    return Trace(head, values, table["digital"].to_numpy().astype(np.uint8), table["flags"].to_numpy().astype(np.uint8))


def digest_of(data: bytes) -> Digest:
    """Return the content digest under which bytes are stored."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Marker(Record):
    """One timed edge of a phase as the software saw it."""

    phase: PhaseName
    index: int = Field(ge=0, description="number of this phase's window within the attempt")
    edge: Literal["begin", "end"]
    t_ns: int
    clock: str = "host"


class Window(Record):
    """A begin–end pair on a trace's clock; `u_ns` is the standard uncertainty of each edge."""

    phase: PhaseName
    index: int = Field(ge=0)
    begin_ns: Finite
    end_ns: Finite
    u_ns: Finite = Field(ge=0)
    clock: str
    source: Literal["line", "software"] = "line"

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.end_ns - self.begin_ns) * 1e-9
