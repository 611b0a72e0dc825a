"""The analyser's driver measures the virtual world over real VISA, counts what is lost, and restores what it found."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from neurorig_drivers.conformance.monitor_checks import check_monitor
from neurorig_drivers.monitors.scpi_analyser import ScpiAnalyser
from neurorig_drivers.monitors.visa_session import VisaLink
from neurorig_lab.world import World
from neurorig_protocols.bench import Channel, MonitorConfig
from neurorig_protocols.errors import InvalidConfig, MeasurementError, MonitorLost, MonitorMismatch, MonitorUnavailable
from neurorig_protocols.trace import FLAG_OVERLOAD, AcquisitionPlan, Trace, join_blocks

TRANSPORTS = ["hislip", "socket"]
LEAKY = pytest.mark.filterwarnings("ignore::ResourceWarning")
PLAN = AcquisitionPlan(rate_hz=1e5, peak_w={"mcu": 0.05, "supply": 0.05})

StartMeter = Callable[..., Any]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what a test leaves in cycles before the next one begins."""
    yield
    gc.collect()


@pytest.fixture(params=TRANSPORTS)
def monitor(request: pytest.FixtureRequest, start_meter: StartMeter) -> Iterator[ScpiAnalyser]:
    """A driver on a healthy analyser, over each transport."""
    monitor = ScpiAnalyser(start_meter().config(request.param))
    yield monitor
    monitor.close()


def trace_of(monitor: ScpiAnalyser) -> Trace:
    """Everything that waits, on one time axis."""
    return join_blocks(monitor.head, monitor.stream())


def test_it_keeps_the_interface(start_meter: StartMeter, world: World) -> None:
    """All checks that hold for any monitor driver pass."""
    config = start_meter().config()
    findings = check_monitor(ScpiAnalyser(config), config, pass_time=world.wait)

    assert [f"{f.check}: {f.sentence}" for f in findings if not f.passed] == []


def test_it_measures_what_the_world_plays(monitor: ScpiAnalyser, world: World) -> None:
    """Power, marker line and time come out as the world had them, within the instrument's own figures."""
    monitor.arm(PLAN)
    world.wait(2e-3)
    world.mark(1)
    world.play(np.array([4e-3]), np.array([[0.04]]))
    world.mark(0)
    world.wait(2e-3)
    trace = trace_of(monitor)
    report = monitor.disarm()
    high = trace.digital.astype(bool)

    assert monitor.head.clock == "monitor:main"
    assert monitor.head.dt_ns == 10_000
    assert 795 <= len(trace) <= 800
    assert high.sum() == pytest.approx(400, abs=1)
    inside = np.flatnonzero(high)[2:-2]
    for rail in ("mcu", "supply"):
        spec = next(c.accuracy for c in trace.head.channels if c.rail == rail)
        limit_w = spec.gain_limit * 0.04 + spec.offset_limit_w + 5 * spec.noise_w / np.sqrt(len(inside))
        assert abs(float(trace.rail(rail)[inside].mean(dtype=float)) - 0.04) <= limit_w
    assert (report.samples, report.dropped, report.overloads) == (len(trace), 0, 0)
    assert report.identity == "neurorig,VPA-8,V000003,1.0-VIRTUAL"
    assert str(report.settings["resource"]).startswith("TCPIP::127.0.0.1::")
    assert report.settings["range_w.mcu"] == 0.1
    assert report.settings["grade"] == "metered"


def test_ranges_follow_the_peaks(monitor: ScpiAnalyser) -> None:
    """1.1 times the peak must fit; without a peak, or beyond the last range, it is the largest."""
    for peak_w, range_w in [
        ({"mcu": 0.09}, 0.1),
        ({"mcu": 0.095}, 0.3),
        ({"mcu": 1e-9}, 1e-4),
        ({"mcu": 200.0}, 100.0),
    ]:
        monitor.arm(AcquisitionPlan(rate_hz=1e4, peak_w=peak_w))
        assert [c.range_w for c in monitor.head.channels] == [range_w, 100.0]
        monitor.disarm()


def test_the_rate_is_the_next_that_the_instrument_has(monitor: ScpiAnalyser) -> None:
    """The slowest rate at or above the wanted one is set, the fastest where none is."""
    for wanted_hz, dt_ns in [(1000, 1_000_000), (60_000, 10_000), (5e6, 1000)]:
        monitor.arm(AcquisitionPlan(rate_hz=wanted_hz))
        assert monitor.head.dt_ns == dt_ns
        assert monitor.channels[0].rate_hz == pytest.approx(1e9 / dt_ns)
        monitor.disarm()


def test_its_accuracy_is_the_instruments_own(monitor: ScpiAnalyser) -> None:
    """The figures are read from the instrument for the ranges that were set, and say where they stand."""
    monitor.arm(PLAN)
    accuracy = monitor.head.channels[0].accuracy

    assert (accuracy.gain_limit, accuracy.timebase_limit) == (3e-4, 20e-6)
    assert accuracy.offset_limit_w == pytest.approx(5e-6)
    assert "VIRTUAL" in accuracy.source
    assert "ACC?" in accuracy.source


def test_blocks_join_without_gaps_over_many_calls(monitor: ScpiAnalyser, world: World) -> None:
    """Streaming now and then gives the same axis as streaming once."""
    monitor.arm(AcquisitionPlan(rate_hz=1e6))
    blocks = []
    for _ in range(3):
        world.wait(0.06)
        blocks += list(monitor.stream())
    trace = join_blocks(monitor.head, blocks)

    assert len(blocks) == 6
    assert len(trace) == pytest.approx(180_000, abs=10)
    assert trace.head.gaps == ()
    assert list(monitor.stream()) == []


def test_a_channel_subset_keeps_its_columns(start_meter: StartMeter, world: World) -> None:
    """Only the wired channels are in the trace, under their rails."""
    meter = start_meter("--rails", "supply,mcu,supply")
    monitor = ScpiAnalyser(meter.config(channels=(Channel(channel=2, rail="core"),)))
    monitor.arm(AcquisitionPlan(rate_hz=1e5, peak_w={"core": 0.05}))
    world.wait(1e-3)
    trace = trace_of(monitor)
    monitor.close()

    assert trace.values.shape[1] == 1
    assert trace.rail("core").mean() == pytest.approx(0.01, rel=5e-3)


# --- what goes wrong is counted


def test_overload_is_flagged_and_counted(monitor: ScpiAnalyser, world: World) -> None:
    """Samples beyond the range carry the flag; the driver raises nothing."""
    monitor.arm(PLAN)
    world.play(np.array([1e-3, 1e-3]), np.array([[0.05], [0.5]]))
    world.wait(1e-3)
    trace = trace_of(monitor)
    report = monitor.disarm()

    assert report.overloads == int((trace.flags & FLAG_OVERLOAD).sum())
    assert report.overloads == pytest.approx(100, abs=1)


def test_dropped_samples_are_a_gap_and_counted(start_meter: StartMeter, world: World) -> None:
    """What the instrument lost is missing in the trace at its place."""
    monitor = ScpiAnalyser(start_meter("--fault", "drop:0.001:7").config())
    monitor.arm(PLAN)
    world.wait(2.005e-3)
    trace = trace_of(monitor)
    report = monitor.disarm()
    monitor.close()

    assert [(gap.index, gap.length) for gap in trace.head.gaps] == [(100, 7)]
    assert np.isnan(trace.values[100:107]).all()
    assert np.isfinite(np.delete(trace.values, slice(100, 107), axis=0)).all()
    assert (report.samples, report.dropped) == (200, 7)


def test_an_overrun_memory_is_a_gap_and_counted(start_meter: StartMeter, world: World) -> None:
    """A stream that comes too late shows how much has been overwritten, also behind the last block."""
    monitor = ScpiAnalyser(start_meter("--fifo-s", "0.001").config())
    monitor.arm(PLAN)
    world.wait(3.005e-3)
    trace = trace_of(monitor)
    world.wait(2e-3)
    report = monitor.disarm()
    monitor.close()

    assert [(gap.index, gap.length) for gap in trace.head.gaps] == [(0, 200)]
    assert (report.samples, report.dropped, report.settings["unread"]) == (500, 300, 100)


@LEAKY
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_block_lost_on_the_wire_is_a_gap_and_counted(start_meter: StartMeter, world: World, transport: str) -> None:
    """After a time-out the stream goes on, and what had been fetched in vain is missing at its place."""
    meter = start_meter("--fault", "late:0.7")
    monitor = ScpiAnalyser(meter.config(transport, options={"timeout_s": 0.4}))
    monitor.arm(PLAN)
    world.wait(1.005e-3)
    assert list(monitor.stream()) == []
    world.wait(1e-3)
    trace = trace_of(monitor)
    report = monitor.disarm()
    monitor.close()

    assert [(gap.index, gap.length) for gap in trace.head.gaps] == [(0, 100)]
    assert (report.samples, report.dropped) == (200, 100)


@LEAKY
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_analyser_that_dies_mid_run_is_lost(start_meter: StartMeter, world: World, transport: str) -> None:
    """What was streamed stands, the next call says that the monitor is gone, and closing does not hang."""
    monitor = ScpiAnalyser(start_meter("--fault", "die:0.005").config(transport, options={"timeout_s": 0.4}))
    monitor.arm(PLAN)
    world.wait(3e-3)
    assert len(trace_of(monitor)) == pytest.approx(300, abs=1)
    world.wait(3e-3)
    begin = time.monotonic()
    with pytest.raises(MonitorLost, match="is gone") as raised:
        list(monitor.stream())
    with pytest.raises(MonitorLost):
        monitor.disarm()
    monitor.close()

    assert raised.value.next_step
    assert time.monotonic() - begin < 10.0


@LEAKY
def test_an_analyser_that_was_restarted_is_no_continuation(start_meter: StartMeter, world: World) -> None:
    """A fresh instrument at the same address has acquired nothing; the run is lost, the next one works."""
    meter = start_meter()
    monitor = ScpiAnalyser(meter.config("hislip", options={"timeout_s": 0.4}))
    monitor.arm(PLAN)
    world.wait(1e-3)
    list(monitor.stream())
    meter.end()
    start_meter("--hislip-port", str(meter.ready["hislip_port"]))
    with pytest.raises(MonitorLost, match="nothing has been acquired"):
        list(monitor.stream())
    with pytest.raises(MonitorLost):
        monitor.disarm()
    monitor.arm(PLAN)
    world.wait(1e-3)
    assert len(trace_of(monitor)) == pytest.approx(100, abs=1)
    monitor.close()


def test_an_acquisition_started_over_by_another_is_noticed(start_meter: StartMeter, world: World) -> None:
    """Sample numbers that run backwards are a lost monitor, not a trace."""
    meter = start_meter()
    monitor = ScpiAnalyser(meter.config())
    monitor.arm(PLAN)
    world.wait(2e-3)
    list(monitor.stream())
    intruder = VisaLink("other", [meter.ready["resources"]["socket"]])
    intruder.query("ABOR:ELOG;:INIT:ELOG;:TRIG:ELOG;*OPC?")
    intruder.close()
    world.wait(1e-3)
    with pytest.raises(MonitorLost, match="restarted"):
        list(monitor.stream())
    monitor.close()


# --- meeting and leaving


def test_the_instruments_settings_are_restored(start_meter: StartMeter, world: World) -> None:
    """Ranges and integration time are what they were, and nothing runs any more."""
    meter = start_meter()
    before = "SENS:POW:RANG 3,(@1);RANG 0.01,(@2);:SENS:SWE:TINT 2E-6;:SENS:POW:RANG?;:SENS:SWE:TINT?"
    with_settings = VisaLink("other", [meter.ready["resources"]["socket"]])
    found = with_settings.query(before)
    monitor = ScpiAnalyser(meter.config())
    monitor.arm(PLAN)
    world.wait(1e-3)
    assert with_settings.query("SENS:POW:RANG?;:SENS:SWE:TINT?") == "0.1,0.1;1E-05"
    monitor.close()
    monitor.close()

    assert with_settings.query("SENS:POW:RANG?;:SENS:SWE:TINT?") == found
    assert with_settings.query("INIT:ELOG;:SYST:ERR?;:ABOR:ELOG") == '+0,"No error"'
    with_settings.close()


def test_what_a_killed_agent_left_running_is_ended(start_meter: StartMeter) -> None:
    """Arming works although an acquisition is still running."""
    meter = start_meter()
    first, second = ScpiAnalyser(meter.config()), ScpiAnalyser(meter.config("socket"))
    first.arm(PLAN)
    second.arm(PLAN)
    second.close()
    first.close()


def test_verbs_out_of_order_are_refused(monitor: ScpiAnalyser) -> None:
    """Each says which state the monitor is in."""
    with pytest.raises(MeasurementError, match="not armed"):
        monitor.disarm()
    with pytest.raises(MeasurementError, match="not armed"):
        list(monitor.stream())
    monitor.arm(PLAN)
    with pytest.raises(MeasurementError, match="armed already"):
        monitor.arm(PLAN)
    monitor.close()
    with pytest.raises(MeasurementError, match="closed"):
        monitor.arm(PLAN)


def test_another_instrument_is_refused(start_meter: StartMeter) -> None:
    """The identity must match expect_idn; both are in the message."""
    meter = start_meter("--fault", "idn:ACME,METER,1,2")
    with pytest.raises(MonitorMismatch, match=r"ACME,METER,1,2.*expects.*VPA-8") as raised:
        ScpiAnalyser(meter.config(expect_idn="^neurorig,VPA-8,"))

    assert raised.value.next_step
    ScpiAnalyser(meter.config(expect_idn="^ACME,METER,")).close()


@pytest.mark.parametrize(
    "answer", [b"1\n", b"1;2;3;4\n", b"a;b;c;d;e\n", b"2;1,1;100;1E-5,1E-6;1E-5\n", b"2;1,1;100;1E-5;0\n"]
)
def test_another_dialect_is_a_mismatch(answering: Callable[..., Any], answer: bytes) -> None:
    """An instrument whose answers cannot be read is not taken for one that measures."""
    question = b"SENS:CHAN:COUN?;:SENS:POW:RANG?;RANG? MAX;:SENS:SWE:TINT?;TINT:CAT?"
    config = MonitorConfig(id="main", driver="scpi-analyser", channels=(Channel(channel=1, rail="mcu"),))
    with (
        answering({b"*IDN?": b"A,B,C,D\n", question: answer}) as resource,
        pytest.raises(MonitorMismatch, match="not the SCPI of this driver") as raised,
    ):
        ScpiAnalyser(config.model_copy(update={"resource": resource}))

    assert raised.value.next_step


def test_nobody_at_the_address_is_unavailable(start_meter: StartMeter) -> None:
    """A meter that is not there is said so, with what to check."""
    meter = start_meter()
    meter.end()
    with pytest.raises(MonitorUnavailable, match="refused") as raised:
        ScpiAnalyser(meter.config(options={"fallback": meter.ready["resources"]["socket"]}))

    assert "hislip0" in raised.value.message
    assert "SOCKET" in raised.value.message
    assert raised.value.next_step


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": ()}, "no channel"),
        ({"resource": ""}, "no VISA resource"),
        ({"expect_idn": "("}, "not a regular expression"),
        ({"options": {"timeout": 1}}, "unknown option 'timeout'"),
        ({"options": {"timeout_s": "soon"}}, "timeout_s"),
        ({"options": {"timeout_s": 0}}, "timeout_s"),
        ({"channels": (Channel(channel=3, rail="mcu"),)}, "channel 3"),
    ],
)
def test_a_wrong_bench_file_is_named(start_meter: StartMeter, changes: dict[str, Any], message: str) -> None:
    """Each mistake is an InvalidConfig that says where."""
    with pytest.raises(InvalidConfig, match=message) as raised:
        ScpiAnalyser(start_meter().config(**changes))

    assert "main" in (raised.value.where or "")


def test_a_million_samples_of_six_channels_arrive_in_time(start_meter: StartMeter, world: World) -> None:
    """One second at 1 MS/s is fetched, decoded and joined faster than it passes, with room for a busy machine."""
    meter = start_meter("--rails", "mcu,mcu,mcu,mcu,mcu,supply")
    channels = tuple(Channel(channel=n, rail=f"r{n}") for n in range(1, 7))
    monitor = ScpiAnalyser(meter.config(channels=channels))
    monitor.arm(AcquisitionPlan(rate_hz=1e6, peak_w={f"r{n}": 0.02 for n in range(1, 7)}))
    world.wait(1.0)
    begin = time.monotonic()
    trace = trace_of(monitor)
    took_s = time.monotonic() - begin
    monitor.close()

    assert len(trace) == pytest.approx(1_000_000, abs=20)
    assert took_s < 5.0
