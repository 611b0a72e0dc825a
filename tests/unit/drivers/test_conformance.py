"""The conformance checks pass what keeps to the interface and name what does not."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurorig_drivers.conformance.board_checks import Sample, check_board, check_open_board, qubo_sample, snn_sample
from neurorig_drivers.conformance.checks import Finding
from neurorig_drivers.conformance.monitor_checks import check_monitor
from neurorig_drivers.interface import MarkerLog, MarkerSink
from neurorig_drivers.process.host import HostedBoard, HostedMonitor
from neurorig_protocols.bench import BoardConfig, Channel, MonitorConfig
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, RunOutput
from neurorig_protocols.trace import AcquisitionReport, SampleBlock, digest_of

BOARD = BoardConfig(driver="trial-board")
MONITOR = MonitorConfig(
    id="pm", driver="trial-monitor", channels=(Channel(channel=1, rail="core"), Channel(channel=2, rail="io"))
)


@pytest.fixture
def trial(trial_drivers: Path) -> Any:
    """Return the module of the trial drivers."""
    return importlib.import_module("trial_drivers")


def classifier_sample() -> Sample:
    """Return three inputs of four bytes."""
    inputs = np.arange(12, dtype=np.uint8).reshape(3, 4)
    model = Artifact("classifier", {"model": "m", "input_bytes": 4, "classes": 10})
    return Sample(model, Batch("classifier", None, 0, {"iterations": 1, "warmups": 0}, {"inputs": inputs}))


def failed(findings: list[Finding]) -> dict[str, str]:
    """Return the sentences of the checks that failed, by the check's name."""
    return {f.check.split(": ", 1)[1]: f.sentence for f in findings if not f.passed}


@pytest.mark.parametrize(
    "sample", [qubo_sample(), classifier_sample(), snn_sample()], ids=["qubo", "classifier", "snn"]
)
def test_a_good_board_passes(trial: Any, sample: Sample) -> None:
    """A driver that keeps to the interface has no failed check, for each kind of work."""
    findings = check_board(trial.TrialBoard(BOARD), sample)

    assert failed(findings) == {}
    assert len(findings) == 12


def test_a_good_board_passes_in_a_child(trial_drivers: Path) -> None:
    """Hosting a driver changes nothing of what it keeps to."""
    assert failed(check_board(HostedBoard(BOARD).__enter__(), qubo_sample())) == {}


def test_an_open_board_is_left_loaded(trial: Any) -> None:
    """After the checks without closing the bench's time can be passed."""
    board = trial.TrialBoard(BOARD)
    findings = check_open_board(board, qubo_sample(), "board 'trial'")

    assert findings[0].check == "board 'trial': says what it is"
    board.idle(0.001, None, MarkerLog())


def test_a_good_monitor_passes(trial: Any) -> None:
    """A monitor that keeps to the interface has no failed check, here or in a child."""
    assert failed(check_monitor(trial.TrialMonitor(MONITOR), MONITOR)) == {}
    assert failed(check_monitor(HostedMonitor(MONITOR).__enter__(), MONITOR)) == {}


def test_each_broken_promise_of_a_board_is_named(trial: Any) -> None:
    """Wrong order, digest, markers, cost, shape and exceptions each fail their own check."""

    class Broken(trial.TrialBoard):
        def __init__(self) -> None:
            super().__init__(BOARD)
            self.info = BoardInfo(family="", kinds=("qubo",))
            self.compiles = 0

        def compile(self, model: Artifact) -> Compiled:
            if model.kind != "qubo":
                raise KeyError("no such kind")
            self.compiles += 1
            return super().compile(model).model_copy(update={"digest": digest_of(bytes([self.compiles]))})

        def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
            assert seconds >= 0
            markers.begin("idle", index or 0)

        def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
            output = super().run(batch, markers)
            markers.begin("run", 99)
            output.meta.pop("solver")
            return output

        def close(self) -> None:
            raise OSError("no")

    wrong = failed(check_board(Broken(), qubo_sample()))

    assert wrong["says what it is"] == "info.family is empty"
    assert "idle before load was not refused" in wrong["keeps the order of the verbs"]
    assert "two digests" in wrong["compiles the same model to the same digest"]
    assert "without an index" in wrong["marks an idle window once"]
    assert "was marked" in wrong["leaves the markers alone without a phase"]
    assert "99" in wrong["brackets each window of a run"]
    assert wrong["gives the keys of its kind"] == "meta lacks solver"
    assert "KeyError" in wrong["refuses another kind with a NeurorigError"]
    assert "OSError escaped" in wrong["closes twice without complaint"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("solution", np.array([1, 1, 0, 0], np.uint8), "the solver says cost -1, xᵀQx of its solution is 6"),
        ("solution", np.zeros(5, np.uint8), "'solution' has the shape (5,), not (4,)"),
        ("improvement_cost", np.zeros(2, np.float32), "'improvement_cost' is float32, not int64"),
    ],
)
def test_a_wrong_answer_is_named(trial: Any, name: str, value: np.ndarray[Any, Any], sentence: str) -> None:
    """A cost that is not xᵀQx, a shape and a type that are not the contract's fail with the figures."""

    class Wrong(trial.TrialBoard):
        def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
            output = super().run(batch, markers)
            return RunOutput(output.meta, output.arrays | {name: value})

    assert failed(check_board(Wrong(BOARD), qubo_sample())) == {"gives the keys of its kind": sentence}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("counts", [[4, 4], [1, 3]], "'counts' is [[4, 4], [1, 3]], the reference gives [[4, 4], [1, 2]]"),
        ("first_step", [[2, 1]], "'first_step' has the shape (1, 2), not (2, 2)"),
    ],
)
def test_wrong_spikes_are_named(trial: Any, name: str, value: list[list[int]], sentence: str) -> None:
    """A spike too many and a sample too few fail with the figures."""

    class Wrong(trial.TrialBoard):
        def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
            output = super().run(batch, markers)
            return RunOutput(output.meta, output.arrays | {name: np.array(value, np.int64)})

    assert failed(check_board(Wrong(BOARD), snn_sample())) == {"gives the keys of its kind": sentence}


def test_a_total_that_does_not_add_up_is_named(trial: Any) -> None:
    """The number of spikes must be that of the reference."""

    class Wrong(trial.TrialBoard):
        def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
            output = super().run(batch, markers)
            output.meta["spikes"] += 1
            return output

    sentence = "meta says 20 spikes, the reference gives 19"
    assert failed(check_board(Wrong(BOARD), snn_sample())) == {"gives the keys of its kind": sentence}


def test_each_broken_promise_of_a_monitor_is_named(trial: Any) -> None:
    """Other channels, counts that do not add up and missing refusals each fail their own check."""

    class Broken(trial.TrialMonitor):
        def _in_order(self, verb: str, state: str) -> None:
            pass

        def disarm(self) -> AcquisitionReport:
            return super().disarm().model_copy(update={"samples": 1})

    other = MONITOR.model_copy(update={"channels": MONITOR.channels[:1]})
    wrong = failed(check_monitor(Broken(MONITOR), other))
    assert "differ from the bench file's [(1, 'core')]" in wrong["has the channels of the bench file"]
    assert "not refused" in wrong["keeps the order of the verbs"]
    assert "a block's values have the shape" in wrong["takes samples whose counts add up"]
    assert "arm after close was not refused" in wrong["refuses to be armed when closed"]

    counts = failed(check_monitor(Broken(MONITOR), MONITOR))
    assert "the monitor counted 1" in counts["can be armed again"]


def test_a_monitor_that_takes_no_samples_is_named(trial: Any) -> None:
    """An acquisition without a sample fails, also when no exception says so."""

    class Silent(trial.TrialMonitor):
        def stream(self) -> list[SampleBlock]:
            self._in_order("stream", "armed")
            return []

    wrong = failed(check_monitor(Silent(MONITOR), MONITOR))

    assert wrong["takes samples whose counts add up"] == "no sample in 0.2 s"


def hosted(**options: Any) -> HostedMonitor:
    """Return a trial monitor with a fault, in a process of its own."""
    return HostedMonitor(MONITOR.model_copy(update={"options": options})).__enter__()


def test_a_crash_is_not_a_refusal(trial_drivers: Path) -> None:
    """The verb that crashed is named with the driver's traceback, and no check after it is run."""
    findings = check_monitor(hosted(disarm="crash"), MONITOR)
    wrong = failed(findings)

    (name,) = wrong
    assert name.endswith("keeps the order of the verbs")
    assert findings[-1].check.endswith(name)
    assert "RuntimeError: disarm went wrong" in wrong[name]


def test_a_closed_driver_is_asked_itself(trial_drivers: Path) -> None:
    """In a process of its own, too, a driver that lets itself be armed when closed is found out; others pass."""
    assert failed(check_monitor(hosted(), MONITOR)) == {}

    (name,) = failed(check_monitor(hosted(armed_when_closed=True), MONITOR))
    assert name.endswith("refuses to be armed when closed")
