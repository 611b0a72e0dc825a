"""Definite-length blocks hold any bytes; everything else is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scpi_kit import decode_block

from neurorig_protocols.wire.scpi.status import ScpiError
from neurorig_protocols.wire.scpi.stream import encode_block

CASES = [(b"", b"#10"), (b"a", b"#11a"), (b"\n;#\x00", b"#14\n;#\x00"), (b"x" * 12, b"#212" + b"x" * 12)]


@pytest.mark.parametrize(("data", "block"), CASES)
def test_data_and_block_belong_together(data: bytes, block: bytes) -> None:
    """Each case holds from data to block and back."""
    assert encode_block(data) == block
    assert decode_block(block) == (data, b"")


@pytest.mark.parametrize(
    "block", [b"", b"#", b"1", b"x12", b"#0abc\n", b"#a1", b"#2", b"#21", b"#2x1ab", b"#13ab", b"# 1", b"#1-"]
)
def test_what_is_no_definite_block_is_refused(block: bytes) -> None:
    """Cut blocks, the indefinite form and other bytes are invalid block data."""
    with pytest.raises(ScpiError) as raised:
        decode_block(block)

    assert raised.value.number == -161


@given(st.binary(max_size=3000), st.binary(max_size=20))
def test_every_block_survives_with_what_follows(data: bytes, rest: bytes) -> None:
    """A block is taken off the front, whatever it holds and whatever comes behind."""
    assert decode_block(encode_block(data) + rest) == (data, rest)


@given(st.binary(max_size=200))
def test_garbage_is_a_block_or_a_scpi_error(data: bytes) -> None:
    """No bytes make the decoder fail in another way, or return more than there was."""
    with contextlib.suppress(ScpiError):
        block, rest = decode_block(data)
        assert data.endswith(block + rest)
