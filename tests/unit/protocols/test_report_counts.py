"""Spike counts in a report: packed and unpacked, and nothing else is taken for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.workloads.snn.snn_records import pack_counts, unpack_counts


@given(st.integers(0, 5), st.integers(1, 6), st.data())
def test_counts_come_back(rows: int, columns: int, data: st.DataObject) -> None:
    """Any 32-bit numbers come back in their shape."""
    cells = st.lists(st.integers(-(2**31), 2**31 - 1), min_size=rows * columns, max_size=rows * columns)
    counts = np.array(data.draw(cells), np.int64).reshape(rows, columns)

    assert unpack_counts(pack_counts(counts), (rows, columns)).tolist() == counts.tolist()


@pytest.mark.parametrize("text", ["AAAA", "AAAAAAAAAAA", "??", "AAAAAAAAAAAAAAAA="])
def test_other_text_is_refused(text: str) -> None:
    """Another length and other letters are a ValueError."""
    with pytest.raises(ValueError, match="counts"):
        unpack_counts(text, (1, 2))
