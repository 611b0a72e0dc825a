"""Thinned traces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from server_kit import made_trace

from neurorig_server.objects.traces import series

VALUES = arrays(
    np.float32,
    st.tuples(st.integers(0, 300), st.just(2)),
    elements=st.floats(-100, 100, width=32) | st.just(float("nan")),
)


@given(values=VALUES, points=st.integers(1, 400))
def test_no_extreme_is_lost_and_no_bin_too_many(values: np.ndarray, points: int) -> None:
    """Whatever the trace, its largest and smallest power survive in at most the asked bins."""
    zeros = np.zeros(len(values), np.uint8)
    trace = replace(made_trace(samples=10), values=values, digital=zeros, flags=zeros)

    thin = series(trace, points, ())

    for column, rail in enumerate(thin.rails):
        assert len(rail.min_w) == len(rail.max_w) == -(-len(values) // thin.bin) <= points
        finite = values[np.isfinite(values[:, column]), column]
        seen = [v for v in (*rail.min_w, *rail.max_w) if v is not None]
        assert (max(seen), min(seen)) == (finite.max(), finite.min()) if finite.size else not seen


def test_short_trace_is_drawn_sample_by_sample() -> None:
    """With more points than samples nothing is thinned."""
    thin = series(made_trace(samples=10), 1000, ())

    assert thin.bin == 1
    assert thin.rails[0].min_w == thin.rails[0].max_w
    assert (thin.monitor, thin.t0_ns, thin.dt_ns) == ("meter", 5_000_000, 10_000.0)
