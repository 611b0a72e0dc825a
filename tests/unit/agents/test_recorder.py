"""Blocks go to disk and come back; what went wrong in the thread is told at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_agents import recorder as module
from neurorig_agents.ledger import Ledger
from neurorig_agents.recorder import FileBlocks, MemoryBlocks, Recorder
from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.process.host import HostedMonitor
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.errors import MarkerMismatch, MeasurementError, MonitorLost
from neurorig_protocols.trace import AcquisitionPlan, SampleBlock

PLAN = AcquisitionPlan(rate_hz=10_000)


@pytest.fixture
def monitor(trial_drivers: Path, make_profile: Callable[..., BenchProfile]) -> Iterator[HostedMonitor]:
    """Start the trial monitor."""
    with HostedMonitor(make_profile().monitors[0]) as hosted:
        yield hosted


@given(lengths=st.lists(st.integers(0, 50), max_size=8), first=st.integers(0, 10**12))
def test_blocks_come_back_as_they_went(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], first: int
) -> None:
    """A file of blocks gives back the same blocks in the same order."""
    store = FileBlocks(tmp_path_factory.mktemp("blocks") / "pm.blocks")
    values = np.arange(200, dtype=np.float32).reshape(100, 2)
    bits = np.arange(100, dtype=np.uint8)
    blocks = [SampleBlock(first + k, values[:n], bits[:n], bits[:n] % 2) for k, n in enumerate(lengths)]
    for block in blocks:
        store.put(block)
    store.close()

    back = list(store.blocks())

    assert [b.index for b in back] == [b.index for b in blocks]
    for a, b in zip(back, blocks, strict=True):
        assert a.values.tolist() == b.values.tolist()
        assert (a.digital.tolist(), a.flags.tolist()) == (b.digital.tolist(), b.flags.tolist())


def test_a_recording_is_complete(monitor: HostedMonitor, tmp_path: Path) -> None:
    """Every sample that the monitor counted is in the trace, with the peaks of its rails."""
    recorder = Recorder(monitor, FileBlocks(tmp_path / "pm.blocks"))
    recorder.start(PLAN)
    threading.Event().wait(0.1)
    recording = recorder.finish()

    assert len(recording.trace) == recording.report.samples > 500
    assert recording.peak_w == {"core": pytest.approx(0.1), "io": pytest.approx(0.2)}
    assert recording.defect() is None


def test_nothing_recorded_is_a_defect(monitor: HostedMonitor) -> None:
    """A recorder that never began says so."""
    with pytest.raises(MonitorLost, match="never armed"):
        Recorder(monitor, MemoryBlocks()).finish()


def test_a_dead_monitor_is_told_at_the_end(monitor: HostedMonitor) -> None:
    """A monitor whose process vanishes in the acquisition fails the recording."""
    recorder = Recorder(monitor, MemoryBlocks())
    recorder.start(PLAN)
    monitor.close()
    with pytest.raises(Exception, match=r"does not run|died"):
        recorder.finish()


def test_a_full_disk_is_a_measurement_error(monitor: HostedMonitor) -> None:
    """Samples that cannot be stored withhold the energy with that reason."""
    recorder = Recorder(monitor, FileBlocks(Path("/dev/full")))
    recorder.start(PLAN)
    recorder._thread.join(10)
    with pytest.raises(MeasurementError, match="No space left on device"):
        recorder.finish()


def test_a_runaway_acquisition_ends(monitor: HostedMonitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """More samples than the host can hold end the recording, not the host."""
    monkeypatch.setattr(module, "MAX_SAMPLES", 100)
    recorder = Recorder(monitor, MemoryBlocks())
    recorder.start(PLAN)
    recorder._thread.join(10)
    with pytest.raises(MeasurementError, match="more than 100 samples"):
        recorder.finish()


def test_windows_are_taken_from_whole_brackets_only() -> None:
    """Edges that do not pair up name no windows."""
    ledger, log = Ledger(fence=1), MarkerLog()
    log.begin("run", 0)
    log.end("run", 0)
    log.begin("run", 1)
    with pytest.raises(MarkerMismatch):
        ledger.note_windows(log.records)
    assert ledger.windows == []

    log.end("run", 1)
    assert ledger.note_windows(log.records) == 2
    assert ledger.next_index("run") == 2
    assert ledger.next_index("idle") == 0


def test_the_first_reason_stands() -> None:
    """Of several failures of the measurement the first is reported, and it turns success invalid."""
    ledger = Ledger(fence=1)
    ledger.withhold(MonitorLost("first"))
    ledger.withhold(MarkerMismatch("second"))
    report = ledger.report("succeeded")

    assert (report.outcome, report.energy_absent) == ("measurement_invalid", "first")
    assert ledger.report("cancelled").outcome == "cancelled"
