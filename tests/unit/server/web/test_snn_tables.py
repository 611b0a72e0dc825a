"""The answer of a spiking network on a page: what it holds, and nothing taken for granted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurorig_protocols.api.attempts import SnnAnswerView, VerifiedSnn
from neurorig_protocols.job import JobSpec
from neurorig_protocols.report import pack_counts
from neurorig_protocols.text import job_text
from neurorig_server.web import answer_rows, attempt_tables, templating

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
    spikes, time = answer_rows.headline(view())

    assert (spikes[0], spikes[1].replace("\u202f", "")) == ("Output spikes", "1234")
    assert "not recomputed: the network is too large" in spikes[2]
    again = VERIFIED.model_copy(update={"recomputed": "counts, from the integers", "not_recomputed": None})
    assert answer_rows.headline(view(verified=again))[0][2].endswith("; counts, from the integers")
    assert time[:2] == ("Time per sample", "10.00\u00a0µs")
    assert len(answer_rows.headline(view(verified=None))) == 1


def test_the_page_holds_the_answer() -> None:
    """Facts, populations and the first counts are rendered, and every name is text."""
    answer = view()
    shown = {
        "view": {"answer": answer},
        "answer_facts": attempt_tables.answer_facts(answer),
        "populations": answer_rows.population_rows(answer),
        "counts": answer_rows.count_rows(answer),
    }

    html = templating.page("_answer.html", shown).body.decode()

    assert "&lt;b&gt;hidden" in html
    assert "<b>hidden" not in html
    assert "at most 0.19\u00a0% of the largest" in html
    assert "dt = 0.0001: the job" in html
    assert "The first 200 samples and 16 outputs" in html
    assert html.count('<tr><th scope="row">') == 201


@pytest.mark.parametrize("quantisation", [{}, {"populations": 3, "notes": "x"}, {"populations": [None, {"name": 1}]}])
def test_a_strange_word_on_rounding_breaks_nothing(quantisation: dict[str, Any]) -> None:
    """The agent's report is free-form: what is not there is not shown."""
    assert not [
        name for name, _ in answer_rows.snn_facts(view(quantisation=quantisation)) if name.startswith("Rounding")
    ]


def test_counts_that_cannot_be_read_are_left_out() -> None:
    """A malformed answer has its page all the same."""
    assert answer_rows.count_rows(view(counts="AAAA")) == []


def test_a_job_is_named_by_its_network() -> None:
    """The queue shows the network's digest, the samples and the steps."""
    workload = {"name": "snn", "model": MODEL, "events": EVENTS, "steps": 1000, "samples": 30}
    spec = JobSpec.model_validate({"workload": workload})

    assert job_text.workload_text(spec) == f"snn, network {MODEL[:19]}…, 30 samples"
    assert job_text.scenario_text(spec).endswith("steps per sample")
