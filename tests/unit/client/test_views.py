"""The client's views are the server's views, read leniently."""

from __future__ import annotations

import pytest

from neurorig import onboard_views, views
from neurorig_protocols import energy, job, onboard, quantities, trace
from neurorig_protocols.errors import ErrorRecord
from neurorig_server import views as server

PAIRS = [
    (views.JobView, server.JobView),
    (views.AttemptSummary, server.AttemptSummary),
    (views.JobPage, server.JobPage),
    (views.CampaignCreated, server.CampaignCreated),
    (views.CampaignView, server.CampaignView),
    (views.BenchView, server.BenchView),
    (views.LeaseView, server.LeaseView),
    (views.StandingView, server.Standing),
    (views.AttemptView, server.AttemptView),
    (views.ReachedView, server.ReachedGap),
    (views.TraceInfo, server.TraceInfo),
    (views.TraceSeries, server.TraceSeries),
    (views.EnergyRow, server.EnergyRow),
    (views.EnergyRows, server.EnergyRows),
    (views.EnergyAbsent, server.EnergyAbsent),
    (views.TokenCreated, server.TokenCreated),
    (views.EnergyView, energy.EnergyMatrix),
    (views.CellView, energy.EnergyCell),
    (views.PhaseTotalView, energy.PhaseTotal),
    (views.WindowView, trace.Window),
    (views.QuantityView, quantities.Quantity),
    (views.AbsentView, quantities.Absent),
    (views.NeedsView, job.Needs),
    (views.SpecView, job.JobSpec),
    (views.ErrorView, ErrorRecord),
    (onboard_views.OnboardView, onboard.OnboardPower),
    (onboard_views.OnboardPartView, onboard.OnboardComponent),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_every_field_exists_on_the_server(ours, theirs):
    """Each field that the client reads is a field that the server sends."""
    assert set(ours.model_fields) <= set(theirs.model_fields)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_only_what_the_server_always_sends_is_needed(ours, theirs):
    """A field that the client needs is one that the server's record cannot be without."""
    needed = {name for name, field in ours.model_fields.items() if field.is_required()}
    always = set(theirs.model_json_schema(mode="serialization").get("required", []))

    assert needed <= always


def test_the_answers_of_every_kind_are_read():
    """Fields of the answers of every kind and of their recomputations are known to the server."""
    kinds = (server.QuboAnswerView, server.ClassifierAnswerView, server.SnnAnswerView)
    answers = {name for kind in kinds for name in kind.model_fields}
    checks = (server.VerifiedQubo, server.VerifiedClassifier, server.VerifiedSnn)
    verified = {name for check in checks for name in check.model_fields}

    assert set(views.AnswerView.model_fields) <= answers
    assert set(views.VerifiedView.model_fields) <= verified


def test_workloads_and_scenarios_are_read():
    """Fields of every workload and scenario are known to the protocol."""
    kinds = (job.QuboMis, job.Digits, job.Qubo, job.Snn)
    workloads = {name for kind in kinds for name in kind.model_fields}
    scenarios = set(job.FixedTimeout.model_fields) | set(job.TimeToSolution.model_fields)

    assert set(views.WorkloadView.model_fields) <= workloads
    assert set(views.ScenarioView.model_fields) <= scenarios
