"""A counter that is updated seldom: what its windows are uncertain by, and which are refused."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.bench import BenchProfile, BoardConfig, Channel, Component, MonitorConfig, Rail
from neurorig_protocols.counter_updates import edges_u_j
from neurorig_protocols.energy import compute, until
from neurorig_protocols.errors import WindowTooShort
from neurorig_protocols.quantities import Quantity
from neurorig_protocols.trace import FLAG_LATE, AccuracySpec, ChannelInfo, Trace, TraceHead, Window

DT_NS = 5_000_000
T0_NS = 7_000_000_000

BENCH = BenchProfile(
    name="b",
    reality="virtual",
    board=BoardConfig(driver="x"),
    components=(Component(name="gpu"),),
    rails=(Rail(name="gpu", component="gpu"),),
    monitors=(MonitorConfig(id="m", driver="x", channels=(Channel(channel=1, rail="gpu"),)),),
)


def counted(power_w: npt.ArrayLike, update_s: float, late: range = range(0)) -> Trace:
    """A trace of 5 ms samples from a counter; the samples in `late` are flagged."""
    limits = dict.fromkeys(("gain_limit", "offset_limit_w", "noise_w", "resolution_w", "timebase_limit"), 0.0)
    accuracy = AccuracySpec(**limits, update_s=update_s, source="test")
    channel = ChannelInfo(channel=1, rail="gpu", rate_hz=200, range_w=700, accuracy=accuracy)
    head = TraceHead(monitor="m", clock="host", t0_ns=T0_NS, dt_ns=DT_NS, channels=(channel,))
    values = np.asarray(power_w, np.float32)[:, np.newaxis]
    flags = np.zeros(len(values), np.uint8)
    flags[late.start : late.stop] = FLAG_LATE
    return Trace(head, values, np.zeros(len(values), np.uint8), flags)


def energy(trace: Trace, begin_s: float, end_s: float) -> Quantity:
    """Energy of a run between two instants after the first sample, with exact edges."""
    edges = {"begin_ns": T0_NS + begin_s * 1e9, "end_ns": T0_NS + end_s * 1e9, "u_ns": 0.0}
    window = Window(phase="run", index=0, clock="host", source="software", **edges)
    return compute(BENCH, {"m": trace}, {"m": (window,)}, {"m": "onboard"}).cell("gpu", "run").energy


def test_each_edge_may_be_wrong_by_one_update() -> None:
    """The limit at an edge is power times update time, rectangular; both edges are independent."""
    found = energy(counted([100.0] * 100 + [50.0] * 100, 0.1), 0.2, 0.8)

    assert found.value == pytest.approx(0.3 * 100 + 0.3 * 50)
    assert [line.name for line in found.budget] == ["updates"]
    assert found.u == pytest.approx(math.hypot(100 * 0.1, 50 * 0.1) / math.sqrt(3))


def test_a_monitor_that_samples_has_no_such_line() -> None:
    """Nothing is added where each sample is measured by itself, and no window is too short."""
    assert energy(counted([100.0] * 100, 0.0), 0.2, 0.201).budget == ()


@given(
    update_ms=st.integers(20, 120),
    phase=st.floats(0, 1),
    begin_s=st.floats(0.3, 0.5),
    updates=st.floats(3.1, 12),
    powers_w=st.tuples(st.floats(1, 400), st.floats(1, 400)),
)
def test_the_limits_hold_for_any_step(
    update_ms: int, phase: float, begin_s: float, updates: float, powers_w: tuple[float, float]
) -> None:
    """Wherever a load's edges fall between updates, interpolation errs by less than both limits together."""
    update_s, (outside_w, inside_w) = update_ms * 1e-3, powers_w
    end_s = begin_s + updates * update_s
    at_s = np.arange(phase - 2, 2.4 / update_s) * update_s
    inside_s = np.clip(at_s, begin_s, end_s) - begin_s
    counter_j = outside_w * (at_s - inside_s) + inside_w * inside_s
    edges_s = np.arange(401) * DT_NS * 1e-9
    power_w = np.diff(np.interp(edges_s, at_s, counter_j)) / (DT_NS * 1e-9)
    # A driver reads every 5 ms and cannot tell an update's instant any better.
    found = energy(counted(power_w, update_s + 2 * DT_NS * 1e-9), begin_s, end_s)

    assert abs(found.value - inside_w * (end_s - begin_s)) <= math.sqrt(6) * found.u


@pytest.mark.parametrize("trials", [1, 10, 100])
def test_more_trials_do_not_hide_what_interpolation_loses(trials: int) -> None:
    """Every run loses energy to the quieter time around it, so the errors of their sum add up and never average out."""
    run_s, pause_s, update_s = 1.0, 0.537, 0.1
    begins_s = 0.43 + np.arange(trials) * (run_s + pause_s)
    at_s = np.arange(-1, begins_s[-1] + 2, update_s)
    counter_j = 60 * at_s + 240 * np.clip(at_s[:, np.newaxis] - begins_s, 0, run_s).sum(axis=1)
    edges_s = np.arange(int((begins_s[-1] + 1.5) / (DT_NS * 1e-9))) * DT_NS * 1e-9
    trace = counted(np.diff(np.interp(edges_s, at_s, counter_j)) / (DT_NS * 1e-9), update_s)
    runs = [
        Window(
            phase="run", index=k, clock="host", source="software", u_ns=0.0,
            begin_ns=T0_NS + begin_s * 1e9, end_ns=T0_NS + (begin_s + run_s) * 1e9,
        )
        for k, begin_s in enumerate(begins_s.tolist())
    ]  # fmt: skip

    found = compute(BENCH, {"m": trace}, {"m": runs}, {"m": "onboard"}).cell("gpu", "run").energy

    assert 0 < 300 * run_s * trials - found.value < 2 * found.u


@pytest.mark.parametrize(("length_s", "refused"), [(0.199, True), (0.201, False)])
def test_a_window_needs_two_updates(length_s: float, refused: bool) -> None:
    """A shorter one may hold no update of its own: no joules, and the next step names the length."""
    trace = counted([100.0] * 200, 0.1)
    if not refused:
        assert energy(trace, 0.3, 0.3 + length_s).value == pytest.approx(100 * length_s)
        return
    with pytest.raises(WindowTooShort, match=r"0\.199 s is too short .* every 0\.1 s") as raised:
        energy(trace, 0.3, 0.3 + length_s)

    assert raised.value.code == "window_too_short"
    assert raised.value.where == "m, rail gpu, run 0"
    assert raised.value.detail == {"duration_s": pytest.approx(0.199), "needed_s": 0.2}
    assert "0.2 s at least" in str(raised.value.next_step)


def test_energy_to_a_solution_needs_two_updates_too() -> None:
    """A solution found within an update time has no energy of its own."""
    trace = counted([100.0] * 200, 0.1)
    edges = {"begin_ns": T0_NS + 0.1e9, "end_ns": T0_NS + 0.9e9, "u_ns": 0.0}
    windows = {"m": (Window(phase="run", index=0, clock="host", source="software", **edges),)}
    arguments = (BENCH, {"m": trace}, windows, {"m": "onboard"})

    assert until(*arguments, index=0, latency_s=0.4).value == pytest.approx(40.0)
    with pytest.raises(WindowTooShort):
        until(*arguments, index=0, latency_s=0.05)


def test_a_late_update_widens_the_edges_it_touches() -> None:
    """An edge in flagged samples is uncertain by their whole stretch; other windows are not."""
    trace = counted([100.0] * 400, 0.1, late=range(40, 100))
    channel = trace.head.channels[0]
    calm = edges_u_j(trace, channel, 120, 300, duration_s=0.9, where="here")

    assert calm == pytest.approx(math.hypot(10, 10) / math.sqrt(3))
    assert edges_u_j(trace, channel, 60, 300, duration_s=1.2, where="here") == pytest.approx(
        math.hypot(30, 10) / math.sqrt(3)
    )
    assert edges_u_j(trace, channel, 10, 300, duration_s=1.45, where="here") == calm
    with pytest.raises(WindowTooShort, match=r"every 0\.3 s"):
        edges_u_j(trace, channel, 60, 160, duration_s=0.5, where="here")
