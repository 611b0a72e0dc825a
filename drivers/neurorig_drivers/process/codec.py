"""The records of the driver interface as framed messages and back: both ends of the pipe to a driver's process.

A message is what `framing.py` carries: JSON values and named arrays. Not for anything that leaves the machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurorig_drivers.process.framing import Arrays
from neurorig_protocols.board import Artifact, Batch, RunOutput
from neurorig_protocols.trace import Marker, SampleBlock

Message = dict[str, Any]
Framed = tuple[Message, Arrays]


def pack_artifact(model: Artifact) -> Framed:
    """Encode a model or problem."""
    return {"kind": model.kind, "meta": model.meta}, model.arrays


def unpack_artifact(message: Message, arrays: Arrays) -> Artifact:
    """Decode `pack_artifact`."""
    return Artifact(message["kind"], message["meta"], arrays)


def pack_batch(batch: Batch) -> Framed:
    """Encode one call of `run`."""
    return {"kind": batch.kind, "phase": batch.phase, "index": batch.index, "meta": batch.meta}, batch.arrays


def unpack_batch(message: Message, arrays: Arrays) -> Batch:
    """Decode `pack_batch`."""
    return Batch(message["kind"], message["phase"], message["index"], message["meta"], arrays)


def pack_output(output: RunOutput) -> Framed:
    """Encode what one batch gave."""
    return {"meta": output.meta}, output.arrays


def unpack_output(message: Message, arrays: Arrays) -> RunOutput:
    """Decode `pack_output`."""
    return RunOutput(message["meta"], arrays)


def pack_markers(markers: list[Marker]) -> list[list[Any]]:
    """Encode markers compactly: hundreds may come with one answer."""
    return [[m.phase, m.index, m.edge, m.t_ns, m.clock] for m in markers]


def unpack_markers(rows: list[list[Any]]) -> list[Marker]:
    """Decode `pack_markers`."""
    return [Marker(phase=p, index=i, edge=e, t_ns=t, clock=c) for p, i, e, t, c in rows]


def pack_blocks(blocks: list[SampleBlock]) -> Framed:
    """Encode consecutive sample blocks."""
    arrays: Arrays = {}
    for number, block in enumerate(blocks):
        arrays |= {
            f"{number}.values": np.asarray(block.values, np.float32),
            f"{number}.digital": np.asarray(block.digital, np.uint8),
            f"{number}.flags": np.asarray(block.flags, np.uint8),
        }
    return {"index": [block.index for block in blocks]}, arrays


def unpack_blocks(message: Message, arrays: Arrays) -> list[SampleBlock]:
    """Decode `pack_blocks`."""
    return [
        SampleBlock(index, arrays[f"{k}.values"], arrays[f"{k}.digital"], arrays[f"{k}.flags"])
        for k, index in enumerate(message["index"])
    ]
