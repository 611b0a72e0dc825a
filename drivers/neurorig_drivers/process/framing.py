"""Length-framed messages of a JSON header and raw arrays, over any byte stream.

Used between our own processes only: agent and driver child, virtual devices and their world. Only the standard
library and numpy are imported and the syntax is that of Python 3.10, so a vendor's older interpreter can speak it.

    frame  := u32 length of the header, big-endian | header (UTF-8 JSON) | array bytes in the header's order
    header := {"message": {...}, "arrays": [[name, dtype, shape], ...]}
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_HEADER_BYTES = 64 << 20
MAX_ARRAY_BYTES = 4 << 30

Arrays = dict[str, npt.NDArray[Any]]


class FrameError(Exception):
    """The peer sent something that is no frame, or the stream ended inside one."""


def encode(message: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]] | None = None) -> bytes:
    """Return one frame; TypeError when the message is not JSON or an array holds objects."""
    packed = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    if any(array.dtype.hasobject for array in packed.values()):
        raise TypeError("arrays of objects cannot be framed")
    listing = [[name, array.dtype.str, list(array.shape)] for name, array in packed.items()]
    header = json.dumps({"message": dict(message), "arrays": listing}).encode()
    return b"".join([struct.pack(">I", len(header)), header, *(array.tobytes() for array in packed.values())])


def read_frame(read_exact: Callable[[int], bytes]) -> tuple[dict[str, Any], Arrays]:
    """Read one frame with `read_exact(n) -> n bytes`; FrameError on anything malformed.

    EOFError from `read_exact` before the first byte passes through: the peer hung up between frames.
    """
    (length,) = struct.unpack(">I", read_exact(4))
    if length > MAX_HEADER_BYTES:
        raise FrameError(f"a header of {length} bytes exceeds {MAX_HEADER_BYTES}")
    try:
        header = json.loads(read_exact(length))
        listing = [(str(name), np.dtype(dtype), tuple(shape)) for name, dtype, shape in header["arrays"]]
        message = dict(header["message"])
    except (ValueError, KeyError, TypeError) as error:
        raise FrameError(f"malformed header: {error}") from error
    return message, {name: _read_array(read_exact, dtype, shape) for name, dtype, shape in listing}


def _read_array(read_exact: Callable[[int], bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or size < 0 or size > MAX_ARRAY_BYTES:
        raise FrameError(f"an array of {dtype} {shape} is not accepted")
    # A copy, because np.frombuffer gives read-only memory.
    return np.frombuffer(read_exact(size), dtype).reshape(shape).copy()
