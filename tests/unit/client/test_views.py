"""The client's views are the server's views, read leniently."""

from __future__ import annotations

import pytest

from neurorig import onboard_views, views
from neurorig_protocols import energy as energies
from neurorig_protocols import job, onboard, quantities, trace
from neurorig_protocols.api import attempts, benches, campaigns, energy, jobs, tokens
from neurorig_protocols.benchmarks.evaluation import Standing
from neurorig_protocols.errors import ErrorRecord

PAIRS = [
    (views.JobView, jobs.JobView),
    (views.AttemptSummary, jobs.AttemptSummary),
    (views.JobPage, jobs.JobPage),
    (views.CampaignCreated, campaigns.CampaignCreated),
    (views.CampaignView, campaigns.CampaignView),
    (views.BenchView, benches.BenchView),
    (views.LeaseView, benches.LeaseView),
    (views.StandingView, Standing),
    (views.AttemptView, attempts.AttemptView),
    (views.ReachedView, attempts.ReachedGap),
    (views.TraceInfo, attempts.TraceInfo),
    (views.TraceSeries, attempts.TraceSeries),
    (views.EnergyRow, energy.EnergyRow),
    (views.EnergyRows, energy.EnergyRows),
    (views.EnergyAbsent, energy.EnergyAbsent),
    (views.TokenCreated, tokens.TokenCreated),
    (views.TokenView, tokens.TokenView),
    (views.EnergyView, energies.EnergyMatrix),
    (views.CellView, energies.EnergyCell),
    (views.PhaseTotalView, energies.PhaseTotal),
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
    kinds = (attempts.QuboAnswerView, attempts.ClassifierAnswerView, attempts.SnnAnswerView)
    answers = {name for kind in kinds for name in kind.model_fields}
    checks = (attempts.VerifiedQubo, attempts.VerifiedClassifier, attempts.VerifiedSnn)
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
