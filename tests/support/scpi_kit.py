"""What tests read of an instrument's answers: definite-length blocks, as a VISA library takes them apart."""

from __future__ import annotations

from neurorig_protocols.wire.scpi.status import ScpiError
from neurorig_protocols.wire.scpi.stream import PREFIX_BYTES, block_length, length_digits


def decode_block(data: bytes) -> tuple[bytes, bytes]:
    """Take the block off the front of `data` and return it with what follows; ScpiError -161 when it is cut."""
    begin = PREFIX_BYTES + length_digits(data[:PREFIX_BYTES])
    digits = data[PREFIX_BYTES:begin]
    end = begin + block_length(digits)
    if len(digits) != begin - PREFIX_BYTES or len(data) < end:
        raise ScpiError(-161, f"{len(data)} bytes of {end}")
    return data[begin:end], data[end:]
