"""The digit network as the virtual serial board's firmware computes it: scalar loops over integers.

Written apart from `Int8Mlp`, the host's reference, so that the two can be held against each other. It shares the weight
file and nothing else.
"""

from __future__ import annotations

import io

import numpy as np

from neurorig_protocols.benchmarks.mnist_digits import MODEL_ID, network_bytes

_INT8_MAX = 127


class FirmwareNetwork:
    """Weights in flash, one inference at a time. Pure Python integers, which cannot overflow unseen."""

    def __init__(self) -> None:
        with np.load(io.BytesIO(network_bytes()), allow_pickle=False) as archive:
            self._rows1: list[list[int]] = archive["weights1"].tolist()
            self._bias1: list[int] = archive["bias1"].tolist()
            self._rows2: list[list[int]] = archive["weights2"].tolist()
            self._bias2: list[int] = archive["bias2"].tolist()
            self._multiplier, self._shift = (int(value) for value in archive["requantise"])
        self.model = MODEL_ID
        self.input_bytes = len(self._rows1[0])
        self.classes = len(self._rows2)
        self.macs = self.input_bytes * len(self._rows1) + len(self._rows1) * self.classes

    def infer(self, pixels: bytes) -> tuple[int, ...]:
        """Return the class scores of one image of `input_bytes` bytes."""
        hidden = [self._requantise(total) for total in _layer(self._rows1, self._bias1, pixels)]
        return tuple(_layer(self._rows2, self._bias2, hidden))

    def _requantise(self, total: int) -> int:
        # Round half up, then clamp: ReLU is the lower clamp.
        scaled = (total * self._multiplier + (1 << (self._shift - 1))) // (1 << self._shift)
        return 0 if scaled < 0 else min(scaled, _INT8_MAX)


def _layer(rows: list[list[int]], bias: list[int], inputs: bytes | list[int]) -> list[int]:
    totals = []
    for row, start in zip(rows, bias, strict=True):
        total = start
        for weight, value in zip(row, inputs, strict=True):
            total += weight * value
        totals.append(total)
    return totals
