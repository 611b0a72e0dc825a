"""The digits' network counts in exact integers, their order is fixed, their score is a count."""

from __future__ import annotations

import hashlib
import io
import json
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurorig_protocols.errors import UserError, WrongAnswer
from neurorig_protocols.workloads.digits.network import (
    CLASSES,
    INPUT_BYTES,
    TEST_IMAGES,
    DigitsScore,
    Int8Mlp,
    expected_labels,
    interleave,
    network_bytes,
    score,
)


@pytest.fixture(scope="module")
def network() -> Int8Mlp:
    """Return the shipped network."""
    return Int8Mlp.from_bytes(network_bytes())


def _by_hand(network: Int8Mlp, image: npt.NDArray[np.uint8]) -> list[int]:
    """Return the scores by arithmetic that has no width to overflow."""
    pixels = [int(p) for p in image]
    sums = [
        sum(int(w) * p for w, p in zip(row, pixels, strict=True)) + int(b)
        for row, b in zip(network.weights1, network.bias1, strict=True)
    ]
    half = 2**network.shift // 2
    hidden = [min(max((s * network.multiplier + half) // 2**network.shift, 0), 127) for s in sums]
    return [
        sum(int(w) * h for w, h in zip(row, hidden, strict=True)) + int(b)
        for row, b in zip(network.weights2, network.bias2, strict=True)
    ]


@settings(max_examples=25)
@given(image=hnp.arrays(np.uint8, INPUT_BYTES))
def test_scores_are_the_exact_integers(network: Int8Mlp, image: npt.NDArray[np.uint8]) -> None:
    """No accumulator overflows and no rounding differs from arithmetic without a width."""
    assert network.scores(image[np.newaxis])[0].tolist() == _by_hand(network, image)


def test_extreme_images_and_weights_do_not_overflow() -> None:
    """The largest possible sums, of either sign, come out exactly."""
    for weight in (-128, 127):
        extreme = Int8Mlp(
            weights1=np.full((2, INPUT_BYTES), weight, np.int8),
            bias1=np.array([2**24, -(2**24)], np.int32),
            multiplier=2**30,
            shift=40,
            weights2=np.full((CLASSES, 2), weight, np.int8),
            bias2=np.zeros(CLASSES, np.int32),
        )
        image = np.full(INPUT_BYTES, 255, np.uint8)
        assert extreme.scores(image[np.newaxis])[0].tolist() == _by_hand(extreme, image)


def test_the_network_says_where_it_comes_from(network: Int8Mlp) -> None:
    """The notes beside the weights name these very weights, their data, licence and an accuracy of 92 % or more."""
    notes = json.loads(
        resources.files("neurorig_protocols.workloads.digits")
        .joinpath("mnist_digits_int8.json")
        .read_text(encoding="utf-8")
    )
    assert notes["sha256"] == hashlib.sha256(network_bytes()).hexdigest()
    assert notes["test_accuracy_int8"] >= 0.92
    assert notes["test_count"] == TEST_IMAGES
    assert {"training_images", "training_licence", "test_images", "seed", "script"} <= set(notes)
    assert len(network_bytes()) <= 100_000
    assert network.macs == INPUT_BYTES * len(network.bias1) + len(network.bias1) * CLASSES


def test_a_network_is_read_as_it_was_written(network: Int8Mlp) -> None:
    """Bytes and back give the same arrays and constants."""
    again = Int8Mlp.from_bytes(network.to_bytes())
    assert all(np.array_equal(getattr(again, name), value) for name, value in vars(network).items())


def _npz(**arrays: npt.NDArray[Any]) -> bytes:
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=True, **arrays)
    return sink.getvalue()


def test_what_is_no_network_is_refused(network: Int8Mlp) -> None:
    """Noise, a cut file, missing, misshapen and pickled arrays are a ValueError and run no code."""
    good: dict[str, npt.NDArray[Any]] = {
        "weights1": network.weights1,
        "bias1": network.bias1,
        "weights2": network.weights2,
        "bias2": network.bias2,
        "requantise": np.array([1, 2], np.int64),
    }
    wrong = [
        b"",
        b"noise",
        network_bytes()[:1000],
        _npz(weights1=network.weights1),
        _npz(**good | {"bias2": network.bias2[:-1]}),
        _npz(**good | {"weights1": network.weights1.astype(np.int16)}),
        _npz(**good | {"bias1": np.array([{}], object)}),
    ]
    assert Int8Mlp.from_bytes(_npz(**good)).shift == 2
    for data in wrong:
        with pytest.raises(ValueError, match=r"network|pickle"):
            Int8Mlp.from_bytes(data)


@given(st.permutations([label for label in range(CLASSES) for _ in range(3)]))
def test_the_order_deals_out_the_classes(labels: list[int]) -> None:
    """Image k shows digit k mod 10, every row comes once, and a class keeps its own order."""
    order = interleave(np.array(labels))
    assert [labels[i] for i in order] == [k % CLASSES for k in range(30)]
    assert sorted(order.tolist()) == list(range(30))
    assert all((np.diff(order[digit::CLASSES]) > 0).all() for digit in range(CLASSES))


@pytest.mark.parametrize("labels", [[0, 1], [*range(10), 3], [*range(11)]])
def test_unequal_classes_have_no_order(labels: list[int]) -> None:
    """A set whose classes are not equally frequent is another data set."""
    with pytest.raises(ValueError, match="frequent"):
        interleave(np.array(labels))


def test_true_digits_follow_from_the_numbers_of_the_images() -> None:
    """The expected labels of any stretch are known without the images."""
    assert expected_labels(0, 12) == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1)
    assert expected_labels(4998, 2) == (8, 9)


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 0), (4999, 2), (0, 5001)])
def test_images_that_do_not_exist_are_the_users_mistake(first: int, count: int) -> None:
    """A stretch that leaves the test set is refused with the numbers."""
    with pytest.raises(UserError, match="not all in the test set"):
        expected_labels(first, count)


def test_accuracy_is_a_count() -> None:
    """Right labels over all labels, with both numbers kept."""
    result = score([1, 2, 3, 4], [1, 2, 0, 4])
    assert result == DigitsScore(correct=3, count=4)
    assert result.accuracy == 0.75


@pytest.mark.parametrize(("labels", "expected"), [([], []), ([1], [1, 2]), ([1, 2], [1])])
def test_labels_that_do_not_match_the_images_have_no_score(labels: list[int], expected: list[int]) -> None:
    """No labels, too few or too many are a wrong answer, not a low accuracy."""
    with pytest.raises(WrongAnswer, match="labels for"):
        score(labels, expected)
