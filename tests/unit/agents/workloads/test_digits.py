"""Digits between a job and a board: images in, labels out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurorig_agents.workloads.prepare_digits import WARMUP_IMAGES, DigitsWork, read_images
from neurorig_agents.workloads.prepared import prepare
from neurorig_protocols.board import RunOutput
from neurorig_protocols.errors import WrongAnswer
from neurorig_protocols.job import JobSpec
from neurorig_protocols.trace import digest_of
from neurorig_protocols.workloads.digits.digits_records import Digits

COUNT = 10


def work() -> DigitsWork:
    """Return ten images from number 20 on, inferred three times each."""
    return DigitsWork(Digits(name="mnist-digits", count=COUNT, first=20, iterations=3), "attempt-1")


def output(latency_s: Any = 0.002, count: int = COUNT, **meta: Any) -> RunOutput:
    """Return labels 0, 1, 2 … with one latency."""
    return RunOutput(
        {"clock": "dut", "windows": count, "macs": 5, **meta},
        {
            "labels": np.arange(count, dtype=np.int64) % 10,
            "scores": np.zeros((count, 10)),
            "latency_s": np.full(count, latency_s, float),
        },
    )


def test_the_measured_run_takes_all_images_and_the_warm_up_a_few() -> None:
    """Every image is measured; what is not measured takes the first few."""
    images, _ = read_images(20, COUNT)
    made = work()

    assert (made.batch("run", 0, 0).arrays["inputs"] == images).all()
    assert (made.batch("warmup", 0, 0).arrays["inputs"] == images[:WARMUP_IMAGES]).all()
    assert made.batch("run", 0, 1).meta == {"iterations": 3, "warmups": 0, "session": "attempt-1"}
    assert made.artifact.meta["session"] == "attempt-1"


def test_the_answer_is_image_by_image() -> None:
    """Labels, true digits, latencies and the digest of the very inputs are in the answer."""
    images, expected = read_images(20, COUNT)
    answer = work().answer(output(), 0)

    assert answer.labels == tuple(range(10))
    assert answer.expected == expected
    assert answer.inputs_digest == digest_of(images.tobytes())
    assert answer.latency_s == (0.002,) * COUNT
    assert (answer.iterations, answer.clock, answer.activity) == (3, "dut", {"macs": 5.0})
    assert work().summary(output()) == {"images": 10, "right": 10}


def test_a_board_that_does_not_tell_has_no_latency() -> None:
    """NaN becomes absent, and no window time is made of it."""
    silent = output(np.nan)

    assert work().answer(silent, 0).latency_s == (None,) * COUNT
    assert work().window_times_s(silent) == []
    assert work().shortest_s(silent) is None


def test_a_window_lasts_all_its_iterations() -> None:
    """A window holds every iteration of its image."""
    assert work().window_times_s(output()) == pytest.approx([0.006] * COUNT)
    assert work().shortest_s(output()) == pytest.approx(0.006)


def test_one_image_is_a_share_of_the_run() -> None:
    """A board that ranges with one image did a tenth of the run."""
    assert work().share(output(count=1)) == 0.1


def test_a_missing_label_is_a_wrong_answer() -> None:
    """One label per image, or none of them counts."""
    with pytest.raises(WrongAnswer, match="10 labels are due, the board gave 9"):
        work().answer(output(count=9), 0)


def test_a_job_finds_its_workload() -> None:
    """`prepare` builds the workload that the job names."""
    job = JobSpec.model_validate({"workload": {"name": "mnist-digits", "count": 2}})

    assert isinstance(prepare(job, "a", {}), DigitsWork)
