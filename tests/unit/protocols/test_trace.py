"""Traces: joining blocks, Parquet both ways, clock maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import SamplesLost
from neurorig_protocols.trace import (
    AccuracySpec,
    ChannelInfo,
    Gap,
    SampleBlock,
    TraceHead,
    digest_of,
    from_parquet,
    join_blocks,
    to_parquet,
)

SPEC = AccuracySpec(gain_limit=0, offset_limit_w=0, noise_w=0, resolution_w=0, timebase_limit=0, source="test")
HEAD = TraceHead(
    monitor="m",
    clock="monitor:m",
    t0_ns=1,
    dt_ns=1000.0,
    channels=tuple(
        ChannelInfo(channel=i, rail=r, rate_hz=1e6, range_w=1, accuracy=SPEC) for i, r in ((1, "a"), (2, "b"))
    ),
)


def block(index: int, length: int) -> SampleBlock:
    """A block whose samples count up from its index."""
    values = np.arange(index, index + length, dtype=np.float32)
    return SampleBlock(
        index, np.stack([values, -values], axis=1), np.ones(length, np.uint8), np.zeros(length, np.uint8)
    )


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 20)), max_size=8))
def test_joined_blocks_lie_where_their_index_says(steps: list[tuple[int, int]]) -> None:
    """Samples keep their number and jumps of the index become NaN and gaps."""
    blocks, at, gaps = [], 0, []
    for jump, length in steps:
        if jump:
            gaps.append(Gap(index=at, length=jump))
        blocks.append(block(at + jump, length))
        at += jump + length

    trace = join_blocks(HEAD, blocks)

    assert (len(trace), trace.head.gaps) == (at, tuple(gaps))
    seen = trace.rail("a")
    assert all(seen[i] == i for i in range(at) if np.isfinite(seen[i]))
    assert int(np.isnan(seen).sum()) == sum(g.length for g in gaps)


def test_overlapping_blocks_are_refused() -> None:
    """A block that starts before the last one ended has no right time axis."""
    with pytest.raises(SamplesLost):
        join_blocks(HEAD, [block(0, 10), block(5, 10)])


@given(st.integers(0, 3000), st.integers(0, 255))
def test_parquet_keeps_every_bit(length: int, digital: int) -> None:
    """What is written is read back bit for bit, and equal traces have equal digests."""
    trace = join_blocks(HEAD, [block(0, length)] if length else [])
    trace.digital[:] = digital

    data = to_parquet(trace)
    again = from_parquet(data)

    assert again.head == trace.head
    np.testing.assert_array_equal(again.values, trace.values)
    np.testing.assert_array_equal(again.digital, trace.digital)
    assert digest_of(to_parquet(again)) == digest_of(data)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 1000])
def test_other_bytes_are_no_trace(data: bytes) -> None:
    """Bytes that are no Parquet of ours raise ValueError."""
    with pytest.raises(ValueError, match="not a neurorig trace"):
        from_parquet(data)


def test_unknown_rail_is_a_key_error() -> None:
    """A rail without a channel is not silently another one."""
    with pytest.raises(KeyError):
        join_blocks(HEAD, [block(0, 3)]).rail("c")
