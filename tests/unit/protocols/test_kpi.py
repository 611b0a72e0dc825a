"""The KPI sheet: a mean over windows has the spread of the windows, and none where they are equal."""

from __future__ import annotations

import pytest

from neurorig_protocols.energy import EnergyMatrix, PhaseTotal
from neurorig_protocols.kpi import sheet
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.report import AttemptReport, PhaseTime
from neurorig_protocols.workloads.snn.snn_records import SnnAnswer


def latency(*seconds: float) -> Quantity | Absent:
    """The latency cell of an attempt with these run windows."""
    times = tuple(PhaseTime(phase="run", index=k, duration_s=s, clock="dut") for k, s in enumerate(seconds))
    answer = SnnAnswer.model_construct(kind="snn")
    report = AttemptReport.model_construct(outcome="succeeded", times=times, answer=answer)
    return next(kpi.value for kpi in sheet(report, None, None) if kpi.name == "latency")


def test_a_network_has_no_score() -> None:
    """Its counts were looked at, so no answer is missing."""
    report = AttemptReport.model_construct(outcome="succeeded", answer=SnnAnswer.model_construct(kind="snn"))
    score = next(kpi.value for kpi in sheet(report, None, None) if kpi.name == "score")

    assert isinstance(score, Absent)
    assert score.reason == "a network and its events have no score"


def test_equal_windows_have_no_spread() -> None:
    """Not one of the last bit either, which a sum of rounded numbers would leave: u is the clock's alone."""
    found = latency(*3 * [0.0006825125])

    assert isinstance(found, Quantity)
    assert (found.value, found.n) == (0.0006825125, 3)
    assert {line.name for line in found.budget} == {"clock rate", "clock resolution"}


def test_one_window_shows_no_spread() -> None:
    """Its latency has the uncertainty of its clock, and no line of repeats."""
    found = latency(0.5)

    assert isinstance(found, Quantity)
    assert (found.value, found.u, found.n) == (0.5, pytest.approx(0.5 * 500e-6 / 3**0.5, rel=1e-4), 1)
    assert "repeats" not in {line.name for line in found.budget}


def test_energy_delay_of_one_window_keeps_the_meters_uncertainty() -> None:
    """Nothing is known of the latency's spread: the shares of meter and clock are all there is, and n = 1 says so."""
    joules = Quantity(value=2.0, unit="J", u=0.1, grade="metered")
    absent = Absent(reason_code="no_total_rail", reason="made up")
    matrix = EnergyMatrix.model_construct(
        cells=(), totals=(PhaseTotal(phase="run", energy=joules, supply=absent, residual=absent),)
    )
    times = (PhaseTime(phase="run", index=0, duration_s=0.5, clock="dut"),)
    report = AttemptReport.model_construct(
        outcome="succeeded", times=times, answer=SnnAnswer.model_construct(kind="snn"), energy_absent=None
    )

    found = next(kpi.value for kpi in sheet(report, matrix, None) if kpi.name == "energy_delay_product")

    assert isinstance(found, Quantity)
    assert (found.value, found.u, found.n, found.unit) == (1.0, pytest.approx(0.05, rel=1e-4), 1, "J·s")


def test_spread_is_that_of_the_mean() -> None:
    """Standard deviation over the root of the number."""
    found = latency(1.0, 2.0, 3.0)

    assert isinstance(found, Quantity)
    assert (found.value, found.u) == (2.0, pytest.approx(3**-0.5))
