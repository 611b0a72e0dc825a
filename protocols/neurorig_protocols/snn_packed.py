"""A lowered network as text: what the report of an attempt carries, so that others can run what the board ran.

Four whole numbers of 64 bits (input lines, neurons, outputs, synapses) and the arrays of `snn.py` in its order, all
little-endian, each row of synapses by the distance of its targets; compressed by zlib and written as base64.
"""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np

from neurorig_protocols.errors import WrongAnswer
from neurorig_protocols.snn import Ints, SpikingNetwork

MAX_TEXT = 1 << 20
"""Characters of a packed network: what a report has room for."""
MAX_BYTES = 32 << 20
"""Of a network before it is compressed."""

_HEAD = 4
_WORDS = {
    "du": "<i2", "dv": "<i2", "vth": "<i4", "bias": "<i4", "population": "<i4",
    "outputs": "<i4", "start": "<i8", "target": "<i4", "weight": "<i2",
}  # fmt: skip


def pack_network(network: SpikingNetwork) -> str | None:
    """Return the network as text; None when it is larger than MAX_TEXT or MAX_BYTES."""
    arrays = {**network.to_arrays(), "target": np.diff(network.target, prepend=0)}
    head = np.array([network.inputs, network.n, len(network.outputs), network.synapses], "<i8")
    if _size(*head.tolist()[1:], inputs=network.inputs) > MAX_BYTES:
        return None
    body = b"".join(arrays[name].astype(word).tobytes() for name, word in _WORDS.items())
    text = base64.b64encode(zlib.compress(head.tobytes() + body, 6)).decode("ascii")
    return text if len(text) <= MAX_TEXT else None


def unpack_network(text: str) -> SpikingNetwork:
    """Decode `pack_network`; WrongAnswer for other text, and for what would unpack beyond MAX_BYTES."""
    try:
        opened = zlib.decompressobj()
        data = opened.decompress(base64.b64decode(text, validate=True), MAX_BYTES + 8 * _HEAD)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise _malformed(f"it is no compressed text: {error}") from error
    if not opened.eof or len(data) < 8 * _HEAD:
        raise _malformed("it ends too soon, or is larger than a network may be")
    inputs, *sizes = np.frombuffer(data, "<i8", _HEAD).tolist()
    lengths = _lengths(*sizes, inputs=inputs)
    if min(inputs, *sizes) < 0 or len(data) - 8 * _HEAD != _size(*sizes, inputs=inputs):
        raise _malformed("its arrays have other lengths than it says")
    arrays: dict[str, Ints] = {}
    place = 8 * _HEAD
    for name, word in _WORDS.items():
        arrays[name] = np.frombuffer(data, word, lengths[name], place).astype(np.int64)
        place += lengths[name] * np.dtype(word).itemsize
    arrays["target"] = np.cumsum(arrays["target"])
    return SpikingNetwork.from_arrays(inputs, arrays)


def _lengths(n: int, outputs: int, synapses: int, *, inputs: int) -> dict[str, int]:
    others = {"outputs": outputs, "start": inputs + n + 1, "target": synapses, "weight": synapses}
    return {name: others.get(name, n) for name in _WORDS}


def _size(n: int, outputs: int, synapses: int, *, inputs: int) -> int:
    return sum(
        length * np.dtype(_WORDS[name]).itemsize
        for name, length in _lengths(n, outputs, synapses, inputs=inputs).items()
    )


def _malformed(why: str) -> WrongAnswer:
    return WrongAnswer(f"the packed network cannot be read: {why}", where="network")
