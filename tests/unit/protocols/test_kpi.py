"""The KPI sheet: a mean over windows has the spread of the windows, and none where they are equal."""

from __future__ import annotations

import pytest

from neurorig_protocols.kpi import sheet
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.report import AttemptReport, PhaseTime, SnnAnswer


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
    """Not one of the last bit either, which a sum of rounded numbers would leave."""
    found = latency(*3 * [0.0006825125])

    assert isinstance(found, Quantity)
    assert (found.value, found.u, found.n) == (0.0006825125, 0.0, 3)


def test_spread_is_that_of_the_mean() -> None:
    """Standard deviation over the root of the number."""
    found = latency(1.0, 2.0, 3.0)

    assert isinstance(found, Quantity)
    assert (found.value, found.u) == (2.0, pytest.approx(3**-0.5))
