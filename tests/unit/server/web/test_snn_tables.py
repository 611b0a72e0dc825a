"""The answer of a spiking network on a page: what it holds, and nothing taken for granted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurorig_protocols.job import JobSpec
from neurorig_protocols.text import job_text
from neurorig_protocols.workloads.snn.snn_records import SnnAnswerView, VerifiedSnn, pack_counts
from neurorig_protocols.workloads.snn.snn_workload import SnnWorkload
from neurorig_server.web import attempt_tables, templating

WORKLOAD = SnnWorkload()

MODEL, EVENTS = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
VERIFIED = VerifiedSnn(
    output_spikes=1234, spikes=30_000, silent_samples=1, winners=(0,), not_recomputed="the network is too large"
)


def view(**fields: Any) -> SnnAnswerView:
    """Return an answer of 300 samples and 20 outputs."""
    counts = np.arange(300 * 20, dtype=np.int64).reshape(300, 20) % 7
    rounding = [{"name": "<b>hidden", "weight_error": 0.0019, "exact_weights": False}]
    body = {
        "model": MODEL, "events": EVENTS, "steps": 10, "samples": 300, "outputs": 20, "counts": pack_counts(counts),
        "first_steps": pack_counts(counts), "spikes": 30_000,
        "populations": [{"name": "<b>hidden", "neurons": 128, "spikes": 30_000}], "solve_s": 0.003, "clock": "dut",
        "quantisation": {"dt": 1e-4, "notes": ["dt = 0.0001: the job"], "populations": rounding},
        "activity": {"mean_step_s": 1e-6}, "verified": VERIFIED, **fields,
    }  # fmt: skip
    return SnnAnswerView.model_validate(body)


def test_the_first_numbers_say_what_was_not_recomputed() -> None:
    """Spikes of the outputs with the limits of their check, and the time of one sample with its clock."""
    spikes, time = WORKLOAD.headline(view())

    assert (spikes.label, spikes.text.replace("\u202f", "")) == ("Output spikes", "1234")
    assert "not recomputed: the network is too large" in spikes.note
    again = VERIFIED.model_copy(update={"recomputed": "counts, from the integers", "not_recomputed": None})
    assert WORKLOAD.headline(view(verified=again))[0].note.endswith("; counts, from the integers")
    assert (time.label, time.text) == ("Time per sample", "10.00\u00a0µs")
    assert len(WORKLOAD.headline(view(verified=None))) == 1


def test_the_page_holds_the_answer() -> None:
    """Facts, populations and the first counts are rendered, and every name is text."""
    answer = view()
    shown = {
        "view": {"answer": answer, "reality": "physical"},
        "verified": answer.verified,
        "charts": {"answer": None},
        "solution": None,
        "answer_facts": attempt_tables.answer_facts(answer),
        "answer_tables": WORKLOAD.tables(answer),
    }

    html = templating.page("_answer.html", shown).body.decode()

    assert "&lt;b&gt;hidden" in html
    assert "<b>hidden" not in html
    assert "at most 0.19\u00a0% of the largest" in html
    assert "dt = 0.0001: the job" in html
    assert "sample by sample, the first 16 outputs; 200 of 300 rows, all are in the JSON" in html
    assert html.count('<tr><th scope="row"') == 201


@pytest.mark.parametrize("quantisation", [{}, {"populations": 3, "notes": "x"}, {"populations": [None, {"name": 1}]}])
def test_a_strange_word_on_rounding_breaks_nothing(quantisation: dict[str, Any]) -> None:
    """The agent's report is free-form: what is not there is not shown."""
    facts = WORKLOAD.facts(view(quantisation=quantisation))

    assert not [fact for fact in facts if fact.label.startswith("Rounding")]


def test_counts_that_cannot_be_read_are_left_out() -> None:
    """A malformed answer has its page all the same."""
    assert len(WORKLOAD.tables(view(counts="AAAA"))) == 1


def test_a_job_is_named_by_its_network() -> None:
    """The queue shows the network's digest, the samples and the steps."""
    workload = {"name": "snn", "model": MODEL, "events": EVENTS, "steps": 1000, "samples": 30}
    spec = JobSpec.model_validate({"workload": workload})

    assert job_text.workload_text(spec) == f"snn, network {MODEL[:19]}…, 30 samples"
    assert job_text.scenario_text(spec).endswith("steps per sample")
