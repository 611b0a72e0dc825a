"""Energy of known waveforms: the matrix, its uncertainties and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.bench import BenchProfile, BoardConfig, Channel, Component, MarkerConfig, MonitorConfig, Rail
from neurorig_protocols.energy import compute, until
from neurorig_protocols.errors import MarkerMismatch, Overload, SamplesLost, WindowCut
from neurorig_protocols.quantities import Absent
from neurorig_protocols.report import ExpectedWindow
from neurorig_protocols.trace import AccuracySpec, ChannelInfo, Marker, Trace, TraceHead
from neurorig_protocols.windows import align, from_markers

DT_NS = 10_000.0
GRADES = {"m": "metered"}


def spec(**changes: float) -> AccuracySpec:
    """An ideal instrument, but for what a test changes."""
    ideal = dict.fromkeys(("gain_limit", "offset_limit_w", "noise_w", "resolution_w", "timebase_limit"), 0.0)
    return AccuracySpec(**(ideal | changes), source="test")


def bench(*rails: Rail) -> BenchProfile:
    """A virtual bench with one monitor that samples every rail."""
    names = {r.component for r in rails if r.component}
    channels = tuple(Channel(channel=i + 1, rail=r.name) for i, r in enumerate(rails))
    return BenchProfile(
        name="b",
        reality="virtual",
        board=BoardConfig(driver="x"),
        components=tuple(Component(name=n) for n in sorted(names)),
        rails=rails,
        monitors=(MonitorConfig(id="m", driver="x", channels=channels),),
        marker=MarkerConfig(monitor="m", mode="level"),
    )


CORES = bench(Rail(name="cores", component="cores"))


def sampled(waves: dict[str, np.ndarray], line: np.ndarray, accuracy: AccuracySpec | None = None) -> Trace:
    """A trace of the given samples."""
    channels = tuple(
        ChannelInfo(channel=i + 1, rail=r, rate_hz=1e9 / DT_NS, range_w=10, accuracy=accuracy or spec())
        for i, r in enumerate(waves)
    )
    head = TraceHead(monitor="m", clock="monitor:m", t0_ns=5_000_000_000, dt_ns=DT_NS, channels=channels)
    values = np.stack(list(waves.values()), axis=1).astype(np.float32)
    return Trace(head, values, line.astype(np.uint8), np.zeros(len(line), np.uint8))


def ideal(
    edges: list[tuple[float, float]], inside: float, outside: float, samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Exact mean power and line level of windows at fractional sample positions."""
    power, line = np.full(samples, outside), np.zeros(samples)
    for begin, end in edges:
        position = np.arange(samples)
        share = np.clip(np.minimum(position + 1, end) - np.maximum(position, begin), 0, 1)
        power += share * (inside - outside)
        line[int(begin) : int(end)] = 1
    return power, line


def run_matrix(trace: Trace, expected: list[ExpectedWindow], profile: BenchProfile = CORES):
    """Compute the matrix of one monitor."""
    windows = {"m": align(trace, expected, "level")}
    return compute(profile, {"m": trace}, windows, GRADES)


IDLE_RUN_IDLE = [
    ExpectedWindow(phase="idle", index=0),
    ExpectedWindow(phase="run", index=0),
    ExpectedWindow(phase="idle", index=1),
]


def test_matrix_of_a_square_wave_is_its_closed_form() -> None:
    """Energy, active, idle and dynamic of a step between two known powers come out exactly."""
    power, line = ideal([(200, 300)], inside=2.0, outside=0.5, samples=600)
    line[20:120] = line[400:500] = 1

    matrix = run_matrix(sampled({"cores": power}, line), IDLE_RUN_IDLE)

    cell = matrix.cell("cores", "run")
    # The edges lie at sample borders; the estimate puts them mid-sample, which it must admit in u.
    assert abs(cell.energy.value - 100 * DT_NS * 1e-9 * 2.0) <= 2 * cell.energy.u
    assert cell.idle_power.value == pytest.approx(0.5, rel=1e-6)
    assert cell.dynamic.value == pytest.approx(cell.energy.value - 0.5 * cell.duration_s, rel=1e-6)
    assert (cell.energy.grade, matrix.reality, cell.windows) == ("metered", "virtual", 1)


def test_dynamic_energy_stays_negative() -> None:
    """A run that draws less than idle has a negative dynamic energy, not zero."""
    power, line = ideal([(200, 300)], inside=0.4, outside=0.5, samples=600)
    line[20:120] = line[400:500] = 1

    matrix = run_matrix(sampled({"cores": power}, line), IDLE_RUN_IDLE)

    assert matrix.cell("cores", "run").dynamic.value < 0


@given(
    begin=st.floats(10, 40),
    length=st.floats(20, 150),
    inside=st.floats(0.1, 5),
    outside=st.floats(0.0, 1),
)
def test_edges_inside_samples_are_covered_by_their_uncertainty(
    begin: float, length: float, inside: float, outside: float
) -> None:
    """Wherever the true edges lie inside their samples, the error stays within the edges' possible share."""
    power, line = ideal([(begin, begin + length)], inside, outside, samples=256)
    line[:] = 0
    line[int(begin) : int(begin + length)] = 1

    matrix = run_matrix(sampled({"cores": power}, line), [ExpectedWindow(phase="run", index=0)])

    energy = matrix.cell("cores", "run").energy
    true_j = length * inside * DT_NS * 1e-9
    # u is that of a uniform distribution; its limits lie sqrt(3) u away, per edge and fully used at both.
    assert abs(energy.value - true_j) <= math.sqrt(6) * energy.u + 1e-6 * true_j + 1e-12


def test_budget_names_every_line_and_adds_up() -> None:
    """The lines of the budget are the instrument's errors, and their root sum of squares is u."""
    power, line = ideal([(200, 300)], inside=2.0, outside=0.5, samples=600)
    line[20:120] = line[400:500] = 1
    accuracy = spec(gain_limit=3e-4, offset_limit_w=1e-3, noise_w=1e-3, resolution_w=1e-4, timebase_limit=2e-5)

    energy = run_matrix(sampled({"cores": power}, line, accuracy), IDLE_RUN_IDLE).cell("cores", "run").energy

    assert {b.name for b in energy.budget} == {"gain", "offset", "noise", "resolution", "timebase", "edges"}
    assert math.hypot(*(b.u for b in energy.budget)) == pytest.approx(energy.u, rel=1e-9)
    assert next(b.u for b in energy.budget if b.name == "gain") == pytest.approx(
        energy.value * 3e-4 / math.sqrt(3), rel=1e-9
    )


def test_offset_cancels_in_the_dynamic_energy() -> None:
    """An offset common to active and idle does not enter their difference."""
    power, line = ideal([(200, 300)], inside=2.0, outside=0.5, samples=600)
    line[20:120] = line[400:500] = 1

    cell = run_matrix(sampled({"cores": power}, line, spec(offset_limit_w=0.1)), IDLE_RUN_IDLE).cell("cores", "run")

    assert any(b.name == "offset" for b in cell.energy.budget)
    offset = [b.u for b in cell.dynamic.budget if b.name == "offset"]
    assert not offset or offset[0] < 1e-9 * cell.energy.u


def test_residual_is_supply_minus_parts() -> None:
    """The input rail is no part of the sum; what the parts do not explain is the residual."""
    profile = bench(Rail(name="cores", component="cores"), Rail(name="stray"), Rail(name="supply", role="total"))
    power, line = ideal([(20, 120)], inside=1.0, outside=1.0, samples=200)
    trace = sampled({"cores": power, "stray": power * 2, "supply": power * 3.5}, line)

    matrix = run_matrix(trace, [ExpectedWindow(phase="run", index=0)], profile)

    total = matrix.totals[0]
    assert total.residual.value == pytest.approx(0.5 * 100 * DT_NS * 1e-9, rel=1e-5)
    assert matrix.cell("unattributed", "run").energy.value == pytest.approx(2 * 100 * DT_NS * 1e-9, rel=1e-5)


def test_without_idle_the_baseline_is_absent_with_a_reason() -> None:
    """No idle window gives an absent idle power, never zero."""
    power, line = ideal([(20, 120)], inside=1.0, outside=0.2, samples=200)

    cell = run_matrix(sampled({"cores": power}, line), [ExpectedWindow(phase="run", index=0)]).cell("cores", "run")

    assert isinstance(cell.idle_power, Absent)
    assert cell.dynamic.reason_code == "no_idle_window"


def test_spread_of_repeats_enters_the_mean_per_window() -> None:
    """Two runs of different energy give a mean whose budget has the line "repeats"."""
    first, line = ideal([(20, 120)], inside=1.0, outside=0.2, samples=400)
    second, line2 = ideal([(220, 320)], inside=1.5, outside=0.0, samples=400)
    expected = [ExpectedWindow(phase="run", index=i) for i in (0, 1)]

    cell = run_matrix(sampled({"cores": first + second}, line + line2), expected).cell("cores", "run")

    assert (cell.per_window.n, cell.windows) == (2, 2)
    assert cell.per_window.value == pytest.approx(cell.energy.value / 2)
    assert any(b.name == "repeats" for b in cell.per_window.budget)


def test_energy_until_a_latency_is_the_integral_up_to_it() -> None:
    """Energy to solution is mean power since the start times latency."""
    power, line = ideal([(20, 120)], inside=1.0, outside=0.2, samples=200)
    trace = sampled({"cores": power}, line)
    windows = {"m": align(trace, [ExpectedWindow(phase="run", index=0)], "level")}

    half = until(CORES, {"m": trace}, windows, GRADES, index=0, latency_s=50 * DT_NS * 1e-9)

    assert half.value == pytest.approx(50 * DT_NS * 1e-9, abs=2 * half.u)


@pytest.mark.parametrize("latency_s", [-1e-6, 10.0, 1e300])
def test_energy_until_a_time_beyond_the_trace_is_refused(latency_s: float) -> None:
    """Before the start, after the end, and too far for a whole number of samples."""
    power, line = ideal([(20, 120)], inside=1.0, outside=0.2, samples=200)
    trace = sampled({"cores": power}, line)
    windows = {"m": align(trace, [ExpectedWindow(phase="run", index=0)], "level")}

    with pytest.raises(SamplesLost, match="does not cover"):
        until(CORES, {"m": trace}, windows, GRADES, index=0, latency_s=latency_s)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda t: t.values.__setitem__((50, 0), np.nan), SamplesLost),
        (lambda t: t.flags.__setitem__(50, 1), Overload),
    ],
)
def test_spoiled_samples_inside_a_window_are_refused(spoil, error) -> None:
    """A missing or overloaded sample inside a window withholds the energy."""
    power, line = ideal([(20, 120)], inside=1.0, outside=0.2, samples=200)
    trace = sampled({"cores": power}, line)
    spoil(trace)

    with pytest.raises(error):
        run_matrix(trace, [ExpectedWindow(phase="run", index=0)])


def test_a_cut_window_is_refused() -> None:
    """A line that never falls again is no window."""
    power, line = ideal([(20, 200)], inside=1.0, outside=0.2, samples=200)

    with pytest.raises(WindowCut):
        align(sampled({"cores": power}, line), [ExpectedWindow(phase="run", index=0)], "level")


def test_another_number_of_windows_is_refused() -> None:
    """A line with more windows than marked phases is a mismatch, not a guess."""
    power, line = ideal([(20, 60)], inside=1.0, outside=0.2, samples=200)
    line[100:120] = 1

    with pytest.raises(MarkerMismatch) as caught:
        align(sampled({"cores": power}, line), [ExpectedWindow(phase="run", index=0)], "level")

    assert caught.value.detail == {"seen": 2, "expected": 1}


def test_pulses_pair_falling_edges() -> None:
    """In pulse mode a window lies between two falling edges."""
    line = np.ones(100)
    line[[10, 11, 40, 60, 61, 90]] = 0
    trace = sampled({"cores": np.ones(100)}, line)

    windows = align(trace, [ExpectedWindow(phase="idle", index=0), ExpectedWindow(phase="run", index=0)], "pulse")

    assert [w.duration_s for w in windows] == pytest.approx([30 * DT_NS * 1e-9, 30 * DT_NS * 1e-9])


def test_software_markers_become_windows_with_their_own_uncertainty() -> None:
    """Host timestamps give windows whose edges are as uncertain as a host timestamp."""
    markers = [Marker(phase="run", index=0, edge=e, t_ns=t) for e, t in (("begin", 10), ("end", 10_000_010))]

    (window,) = from_markers(markers, [ExpectedWindow(phase="run", index=0)])

    assert (window.source, window.duration_s) == ("software", pytest.approx(0.01))
    with pytest.raises(WindowCut):
        from_markers(markers[:1], [ExpectedWindow(phase="run", index=0)])
