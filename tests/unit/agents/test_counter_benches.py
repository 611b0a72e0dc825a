"""An attempt metered by a counter that is updated seldom: the agent makes room for it, and short runs get no joules."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nvml_kit import Gpus

from neurorig_agents.attempt_control import Control, Stop
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.executor import execute
from neurorig_agents.spool import AttemptFolder, Spool
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.energy import EnergyMatrix, compute
from neurorig_protocols.errors import WindowTooShort
from neurorig_protocols.lease import Lease
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.trace import Trace, from_parquet
from neurorig_protocols.windows import from_markers

POWER_W = 90.0

Measure = Callable[[float], tuple[AttemptReport, AttemptFolder]]


def profile(run_s: float) -> BenchProfile:
    """A bench of the trial board, said to be a GPU."""
    return BenchProfile.model_validate(
        {
            "name": "gpu",
            "reality": "virtual",
            "board": {"driver": "trial-board", "options": {"run_s": run_s}},
            "components": [{"name": "gpu"}],
            "rails": [{"name": "gpu", "component": "gpu"}],
            "monitors": [{"id": "nvml", "driver": "nvml", "channels": [{"channel": 1, "rail": "gpu"}]}],
        }
    )


@pytest.fixture
def measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trial_drivers: Path, make_lease: Callable[..., Lease]
) -> Iterator[Measure]:
    """Return a function that takes one attempt with a run of that many seconds; counters are updated every 20 ms."""
    Gpus(tmp_path / "gpus", update_s=0.02, power_w=(POWER_W,)).install(monkeypatch)
    stop = Stop()

    def attempt(run_s: float) -> tuple[AttemptReport, AttemptFolder]:
        bench, lease = LiveBench.of(profile(run_s)), make_lease(1, plan={"idle_s": 0.02, "settle_s": 0.001})
        with Spool(tmp_path / "spool") as spool:
            folder = spool.begin(lease)
            try:
                return execute(lease, bench, folder, Control(stop, lease.job.plan.max_attempt_s)), folder
            finally:
                bench.close()

    yield attempt
    stop.close()


def trace_of(folder: AttemptFolder) -> Trace:
    """The trace on disk."""
    return from_parquet(folder.trace_path("nvml").read_bytes())


def matrix(report: AttemptReport, trace: Trace) -> EnergyMatrix:
    """What the server computes from a report and its trace."""
    windows: dict[str, Any] = {"nvml": from_markers(report.markers, report.windows)}
    return compute(profile(0.0), {"nvml": trace}, windows, {"nvml": "onboard"})


def test_windows_make_room_for_updates(measure: Measure) -> None:
    """Idle windows are long enough to mean something, windows never share an update, and the last one is covered."""
    report, folder = measure(0.5)
    trace = trace_of(folder)
    update_s = trace.head.channels[0].accuracy.update_s
    windows = from_markers(report.markers, report.windows)

    assert report.outcome == "succeeded"
    assert all(w.duration_s >= 20 * update_s for w in windows if w.phase == "idle")
    assert min(b.begin_ns - a.end_ns for a, b in itertools.pairwise(windows)) >= 2e9 * update_s
    assert report.provenance["counter_updates"] == {"idle_s": 20 * update_s, "settle_s": 2 * update_s}
    cell = matrix(report, trace).cell("gpu", "run")
    assert abs(cell.energy.value - POWER_W * cell.duration_s) < 2 * cell.energy.u
    assert abs(cell.dynamic.value) < 2 * cell.dynamic.u


def test_a_run_shorter_than_two_updates_has_no_joules(measure: Measure) -> None:
    """Time and answer stand; the energy is refused with its code, and is not zero."""
    report, folder = measure(0.01)

    assert report.outcome == "succeeded"
    with pytest.raises(WindowTooShort, match="too short for a counter"):
        matrix(report, trace_of(folder))
