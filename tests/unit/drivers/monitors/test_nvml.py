"""The NVML driver on virtual GPUs: the real nvidia-ml-py, mostly in a child process, on a stand-in for the library."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from nvml_kit import GPU_IS_LOST, Gpus

from neurorig_drivers.conformance.monitor_checks import check_monitor
from neurorig_drivers.interface import host_ns
from neurorig_drivers.monitors.nvml import Nvml
from neurorig_drivers.process.host import HostedMonitor
from neurorig_protocols.bench import BenchProfile, BoardConfig, Component, MonitorConfig, Rail
from neurorig_protocols.energy import compute
from neurorig_protocols.errors import InvalidConfig, MeasurementError, MonitorLost, MonitorUnavailable, WindowTooShort
from neurorig_protocols.trace import FLAG_LATE, AcquisitionPlan, SampleBlock, Trace, Window, join_blocks

DEADLINE_S = 20.0
PLAN = AcquisitionPlan(rate_hz=1000)

StartGpus = Callable[..., Gpus]


@pytest.fixture
def start_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StartGpus:
    """Return a function that puts virtual GPUs into this machine, as child processes see it."""
    return lambda *power_w, update_s=0.04: Gpus(tmp_path / "gpus", update_s, power_w or (100.0,)).install(monkeypatch)


def record(monitor: HostedMonitor, until_ns: int, blocks: list[SampleBlock] | None = None) -> Trace:
    """Stream until the samples reach an instant; `blocks` has them even if that fails."""
    blocks = [] if blocks is None else blocks
    deadline_ns = host_ns() + int(DEADLINE_S * 1e9)
    reached_ns = 0.0
    while reached_ns < until_ns:
        assert host_ns() < deadline_ns, "no samples come"
        threading.Event().wait(0.02)
        for block in monitor.stream():
            blocks.append(block)
            reached_ns = monitor.head.t0_ns + (block.index + len(block.values)) * monitor.head.dt_ns
    return join_blocks(monitor.head, blocks)


def bench(config: MonitorConfig) -> BenchProfile:
    """A bench whose rails are GPUs."""
    rails = tuple(Rail(name=c.rail, component=c.rail) for c in config.channels)
    components = tuple(Component(name=rail.name) for rail in rails)
    board = BoardConfig(driver="host-gpu")
    return BenchProfile(
        name="b", reality="virtual", board=board, components=components, rails=rails, monitors=(config,)
    )


def window(begin_ns: int, end_ns: int) -> Window:
    """A run as the host saw it."""
    edges = {"begin_ns": begin_ns, "end_ns": end_ns, "u_ns": 0.0}
    return Window(phase="run", index=0, clock="host", source="software", **edges)


def test_it_keeps_the_interface(start_gpus: StartGpus) -> None:
    """All checks that hold for any monitor driver pass."""
    config = start_gpus(100.0, 60.0).config("left", "right")
    with HostedMonitor(config) as monitor:
        findings = check_monitor(monitor, config)

    assert [f"{f.check}: {f.sentence}" for f in findings if not f.passed] == []


def test_the_energy_of_a_window_is_right_within_its_uncertainty(start_gpus: StartGpus) -> None:
    """A load that begins and ends between updates: the joules differ from the true ones by less than they say."""
    gpus = start_gpus(100.0, 60.0)
    config = gpus.config("left", "right")
    with HostedMonitor(config) as monitor:
        monitor.arm(PLAN)
        begin_ns = host_ns() + 200_000_000
        end_ns = begin_ns + 613_000_000
        gpus.draw(0, 350.0, begin_ns)
        gpus.draw(0, 100.0, end_ns)
        trace = record(monitor, end_ns + 200_000_000)
        report = monitor.disarm()
    matrix = compute(bench(config), {"nvml": trace}, {"nvml": [window(begin_ns, end_ns)]}, {"nvml": "onboard"})
    left, right = (matrix.cell(name, "run").energy for name in ("left", "right"))

    assert left.grade == "onboard"
    # The limits of both edges together are 2.45 times the standard uncertainty that comes of them.
    assert abs(left.value - gpus.energy_j(0, begin_ns, end_ns)) < 2.45 * {b.name: b.u for b in left.budget}["updates"]
    assert abs(right.value - 60.0 * 0.613) < 2.45 * {b.name: b.u for b in right.budget}["updates"]
    assert {b.name for b in left.budget} >= {"gain", "updates"}
    assert (report.samples, report.dropped, report.overloads) == (len(trace), 0, 0)
    assert trace.head.clock == "host"
    assert not trace.digital.any()
    # Between two updates the power is what the counter gained, never zero and then a peak of 480 W.
    assert 0 < trace.rail("right").min() <= trace.rail("right").max() < 400


def test_the_update_time_is_measured(start_gpus: StartGpus) -> None:
    """The head promises what arming saw, the report says what the acquisition saw."""
    gpus = start_gpus(update_s=0.08)
    with HostedMonitor(gpus.config("gpu")) as monitor:
        monitor.arm(PLAN)
        promised_s = monitor.head.channels[0].accuracy.update_s
        record(monitor, host_ns() + 500_000_000)
        settings = monitor.disarm().settings

    assert promised_s > 0.08
    assert settings["ch1_update_s"] == promised_s
    # A busy machine may miss an update, never see one that was not.
    assert 0.07 < float(settings["ch1_mean_update_s"]) < 0.16
    assert float(settings["ch1_longest_update_s"]) >= 0.08
    assert int(settings["ch1_updates"]) > 6


def test_a_window_between_two_updates_is_refused(start_gpus: StartGpus) -> None:
    """No joules come from a window that the counter cannot resolve; the code is stable."""
    gpus = start_gpus()
    config = gpus.config("gpu")
    with HostedMonitor(config) as monitor:
        monitor.arm(PLAN)
        begin_ns = host_ns() + 100_000_000
        trace = record(monitor, begin_ns + 100_000_000)
    windows = {"nvml": [window(begin_ns, begin_ns + 10_000_000)]}
    with pytest.raises(WindowTooShort, match=r"0\.01 s is too short") as raised:
        compute(bench(config), {"nvml": trace}, windows, {"nvml": "onboard"})

    assert raised.value.code == "window_too_short"
    assert raised.value.detail["needed_s"] == 2 * trace.head.channels[0].accuracy.update_s
    assert raised.value.next_step


def test_an_update_that_comes_late_is_marked(start_gpus: StartGpus) -> None:
    """Samples interpolated over a longer time than promised carry a flag; the energy is kept."""
    gpus = start_gpus()
    with HostedMonitor(gpus.config("gpu")) as monitor:
        monitor.arm(PLAN)
        goes_on_ns = host_ns() + 400_000_000
        gpus.say(f"stuck {host_ns()}")
        while host_ns() < goes_on_ns:
            threading.Event().wait(0.02)
        gpus.say(f"stuck {2**62}")
        trace = record(monitor, host_ns() + 200_000_000)
        settings = monitor.disarm().settings

    late = (trace.flags & FLAG_LATE).astype(bool)

    assert int(settings["ch1_late_updates"]) >= 1
    assert float(settings["ch1_longest_update_s"]) > 0.36
    assert late.sum() >= 70
    assert trace.rail("gpu")[late].mean() == pytest.approx(100.0, rel=0.1)


def test_provenance_names_gpu_and_settings(start_gpus: StartGpus) -> None:
    """Identity and settings say what was measured and how it was set; what a GPU does not tell is left out."""
    gpus = start_gpus(100.0, 60.0)
    gpus.fail("nvmlDeviceGetEccMode", 3)
    with closing(Nvml(gpus.config("gpu", devices="GPU-virtual-1"))) as monitor:
        monitor.arm(PLAN)
        report = monitor.disarm()
        channel = monitor.channels[0]

    assert report.identity == "NVML, driver 999.1-virtual: Virtual GPU (GPU-virtual-1), VBIOS 96.00"
    told = {key.removeprefix("ch1_"): value for key, value in report.settings.items()}
    assert (
        told
        | {
            "grade": "onboard",
            "driver": "999.1-virtual",
            "gpu": "Virtual GPU",
            "uuid": "GPU-virtual-1",
            "power_limit_w": 350.0,
            "persistence_mode": True,
            "mig": False,
        }
        == told
    )
    assert "ecc" not in told
    assert channel.range_w == 700.0
    assert "assumed by neurorig" in channel.accuracy.source
    assert "2312.02741" in channel.accuracy.source


def test_the_bench_may_declare_the_accuracy(start_gpus: StartGpus) -> None:
    """A lab that has calibrated its GPU says so, and the source is the bench."""
    with closing(Nvml(start_gpus().config("gpu", sensor_accuracy=0.02))) as monitor:
        accuracy = monitor.channels[0].accuracy

    assert accuracy.gain_limit == 0.02
    assert accuracy.source.startswith("declared by the bench")


def test_a_gpu_without_a_known_limit_has_the_counters_range(start_gpus: StartGpus) -> None:
    """No full scale is made up where the GPU tells none."""
    gpus = start_gpus()
    gpus.fail("nvmlDeviceGetEnforcedPowerLimit", 3)
    gpus.fail("nvmlDeviceGetPowerManagementLimitConstraints", 4)
    with closing(Nvml(gpus.config("gpu"))) as monitor:
        assert monitor.channels[0].range_w == float(1 << 64) * 1e-3 / 0.005


@pytest.mark.parametrize(
    ("devices", "uuids"),
    [
        ("", ["GPU-virtual-0", "GPU-virtual-1"]),
        ("1, 0", ["GPU-virtual-1", "GPU-virtual-0"]),
        ("GPU-virtual-1,0", ["GPU-virtual-1", "GPU-virtual-0"]),
        ("a1:00.0, 00000000:A0:00.0", ["GPU-virtual-1", "GPU-virtual-0"]),
    ],
)
def test_gpus_are_named_by_index_uuid_or_bus_id(start_gpus: StartGpus, devices: str, uuids: list[str]) -> None:
    """Channels follow the names, or NVML's order."""
    with closing(Nvml(start_gpus(100.0, 60.0).config("a", "b", devices=devices))) as monitor:
        monitor.arm(PLAN)
        settings = monitor.disarm().settings

    assert [settings["ch1_uuid"], settings["ch2_uuid"]] == uuids


@pytest.mark.parametrize(
    ("rails", "options", "message"),
    [
        ((), {}, "no channel"),
        (("a", "b", "c"), {}, "channel 3 has no GPU; 2 are there"),
        (("a", "b"), {"devices": "1"}, "channel 2 has no GPU; 1 are named"),
        (("a",), {"devices": "7"}, "'7' names none of the 2 GPUs"),
        (("a",), {"devices": "GPU-of-another"}, "names none of the 2 GPUs"),
        (("a",), {"devices": "0000:ff:00.0"}, "names none of the 2 GPUs"),
        (("a",), {"devices": "MIG-0815"}, "is a MIG instance"),
        (("a", "b"), {"devices": "0,GPU-virtual-0"}, "two channels are Virtual GPU"),
        (("a",), {"sensor_accuracy": 1.5}, "must be a number between 0 and 1"),
        (("a",), {"sensor_accuracy": "good"}, "must be a number between 0 and 1"),
        (("a",), {"mig": "some"}, "can only be 'whole'"),
        (("a",), {"rate": 1}, "unknown option 'rate'"),
    ],
)
def test_a_wrong_bench_file_is_named(
    start_gpus: StartGpus, rails: tuple[str, ...], options: dict[str, str | float], message: str
) -> None:
    """Each mistake is an InvalidConfig with what to do."""
    config = start_gpus(100.0, 60.0).config(*rails, **options)
    with pytest.raises(InvalidConfig, match=message) as raised:
        Nvml(config)

    assert raised.value.where
    assert raised.value.next_step


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        ("init 9", "the NVIDIA driver is not loaded"),
        ("init 4", "this user may not ask"),
        ("init 18", "of two versions"),
        ("init 999", "NVML says"),
        ("fails nvmlDeviceGetHandleByIndex_v2 15", "GPU '0' does not answer: the GPU has fallen off its bus"),
        ("fails nvmlDeviceGetTotalEnergyConsumption 3", "energy counter of Virtual GPU .* does not offer it"),
        ("fails nvmlDeviceGetCount_v2 999", "the GPUs cannot be counted"),
        ("mig 1", "is in MIG mode"),
    ],
)
def test_a_gpu_that_cannot_be_metered_is_unavailable(start_gpus: StartGpus, fact: str, message: str) -> None:
    """The plain reason and the next step are said before anything is armed."""
    gpus = start_gpus()
    gpus.say(fact)
    with pytest.raises(MonitorUnavailable, match=message) as raised:
        Nvml(gpus.config("gpu"))

    assert raised.value.next_step


def test_a_whole_gpu_in_mig_mode_is_taken_when_the_bench_says_so(start_gpus: StartGpus) -> None:
    """The report keeps that all instances are in the number."""
    gpus = start_gpus()
    gpus.say("mig 1")
    with closing(Nvml(gpus.config("gpu", mig="whole"))) as monitor:
        monitor.arm(PLAN)
        assert monitor.disarm().settings["ch1_mig"] is True


def test_a_machine_without_the_driver_is_unavailable(
    start_gpus: StartGpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No library of NVIDIA, or none that can be loaded: said with what to do."""
    config = start_gpus().config("gpu")
    (tmp_path / "libnvidia-ml.so.1").write_text("this is no library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    with pytest.raises(MonitorUnavailable, match=r"libnvidia-ml\.so\.1") as raised:
        HostedMonitor(config).ensure_running()

    assert "driver" in str(raised.value.next_step)


def test_a_machine_without_the_package_is_unavailable(
    start_gpus: StartGpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra to install is named."""
    config = start_gpus().config("gpu")
    (tmp_path / "pynvml.py").write_text("raise ImportError('as if it were not there')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MonitorUnavailable, match="not installed") as raised:
        HostedMonitor(config).ensure_running()

    assert raised.value.next_step == "pip install 'neurorig[gpu]'"


def test_a_counter_that_stands_still_cannot_be_armed(start_gpus: StartGpus) -> None:
    """Arming says how many updates it saw, and may be tried again."""
    gpus = start_gpus()
    with HostedMonitor(gpus.config("gpu")) as monitor:
        gpus.say(f"stuck {host_ns()}")
        with pytest.raises(MonitorUnavailable, match="was updated 0 times in 5 s"):
            monitor.arm(PLAN)
        gpus.say(f"stuck {2**62}")
        monitor.arm(PLAN)


def test_a_counter_that_stops_loses_the_monitor(start_gpus: StartGpus) -> None:
    """It is never taken for a GPU that draws nothing."""
    gpus = start_gpus(update_s=0.02)
    with HostedMonitor(gpus.config("gpu")) as monitor:
        monitor.arm(PLAN)
        gpus.say(f"stuck {host_ns()}")
        with pytest.raises(MonitorLost, match="stands still") as raised:
            record(monitor, host_ns() + 5_000_000_000)

    assert raised.value.next_step


def test_a_counter_that_falls_loses_the_monitor(start_gpus: StartGpus) -> None:
    """A driver that was loaded anew counts from 0: no step is made of that."""
    gpus = start_gpus()
    with HostedMonitor(gpus.config("gpu")) as monitor:
        monitor.arm(PLAN)
        gpus.powers[0] = (0, host_ns(), 1.0)
        gpus.say()
        with pytest.raises(MonitorLost, match="its counter fell from"):
            record(monitor, host_ns() + 5_000_000_000)


def test_a_gpu_that_falls_off_the_bus_loses_the_monitor_and_no_sample(start_gpus: StartGpus) -> None:
    """What was sampled before is still given; then the loss is said by stream and disarm."""
    gpus = start_gpus()
    blocks: list[SampleBlock] = []
    with HostedMonitor(gpus.config("gpu")) as monitor:
        monitor.arm(PLAN)
        fell_ns = host_ns() + 300_000_000
        while host_ns() < fell_ns:
            threading.Event().wait(0.02)
        # Nothing has been fetched yet: all these samples are on the far side of the failure.
        gpus.fail("nvmlDeviceGetTotalEnergyConsumption", GPU_IS_LOST)
        with pytest.raises(MonitorLost, match="fallen off its bus") as raised:
            record(monitor, host_ns() + 60_000_000_000, blocks)
        with pytest.raises(MonitorLost):
            monitor.disarm()
    values = np.concatenate([block.values for block in blocks])

    assert len(values) * 0.005 > 0.25
    assert np.allclose(values, 100.0, rtol=0.3)
    assert "Virtual GPU (GPU-virtual-0)" in str(raised.value.where)


def test_a_gpu_lost_between_two_acquisitions_cannot_be_armed(start_gpus: StartGpus) -> None:
    """Arming says why, no thread is left, and the monitor can be armed once the GPU is back."""
    gpus = start_gpus()
    threads = threading.active_count()
    with closing(Nvml(gpus.config("gpu"))) as monitor:
        gpus.fail("nvmlDeviceGetTotalEnergyConsumption", GPU_IS_LOST)
        with pytest.raises(MonitorUnavailable, match="fallen off its bus") as raised:
            monitor.arm(PLAN)
        assert threading.active_count() == threads
        gpus.facts.clear()
        gpus.say()
        monitor.arm(PLAN)

    assert raised.value.next_step
    assert threading.active_count() == threads


def test_verbs_out_of_order_are_refused(start_gpus: StartGpus) -> None:
    """Each says which state the monitor is in, and closing while armed ends the thread."""
    monitor = Nvml(start_gpus().config("gpu"))
    with pytest.raises(MeasurementError, match="not armed"):
        monitor.disarm()
    monitor.arm(PLAN)
    with pytest.raises(MeasurementError, match="armed already"):
        monitor.arm(PLAN)
    monitor.close()
    monitor.close()
    with pytest.raises(MeasurementError, match="is closed"):
        monitor.arm(PLAN)
