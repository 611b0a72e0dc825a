"""The answer of a spiking network is held against its job and itself; what cannot be recomputed is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from server_kit import job
from verify_kit import check

from neurorig_protocols.job import JobSpec
from neurorig_protocols.quantities import Absent
from neurorig_protocols.workloads import registry
from neurorig_protocols.workloads.contract import Checked
from neurorig_protocols.workloads.snn.snn_records import SnnAnswer, VerifiedSnn, pack_counts

MODEL, EVENTS = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
SPEC = JobSpec.model_validate(
    {**job(), "workload": {"name": "snn", "model": MODEL, "events": EVENTS, "steps": 10, "samples": 3}}
)
COUNTS = [[4, 2], [0, 0], [1, 10]]
FIRST = [[6, 0], [-1, -1], [9, 0]]


def answer(counts: Any = COUNTS, first: Any = FIRST, **fields: Any) -> SnnAnswer:
    """Return an answer of three samples and two outputs."""
    body = {
        "model": MODEL, "events": EVENTS, "steps": 10, "samples": 3, "outputs": 2,
        "counts": pack_counts(np.array(counts, np.int64)), "first_steps": pack_counts(np.array(first, np.int64)),
        "spikes": 30, "populations": [{"name": "p", "neurons": 4, "spikes": 30}],
        "solve_s": 0.1, "quantisation": {}, **fields,
    }  # fmt: skip
    return SnnAnswer.model_validate(body)


def run(found: SnnAnswer) -> Checked:
    """Check an answer; energy plays no part."""
    return check(SPEC, found, lambda _window, _latency_s: Absent(reason_code="none", reason="none"))


def test_a_consistent_answer_is_summed_up() -> None:
    """Sums, silent samples and the busiest output of each sample; without a network the counts are not recomputed."""
    checked = run(answer())

    assert checked.codes == ()
    assert checked.verified == VerifiedSnn(
        output_spikes=17,
        spikes=30,
        silent_samples=1,
        winners=(0, -1, 1),
        not_recomputed="the report carries no network, which may be too large for one",
    )


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (answer(model=EVENTS), "digest_mismatch"),
        (answer(events=MODEL), "digest_mismatch"),
        (answer(samples=2), "malformed_counts"),
        (answer(steps=9), "malformed_counts"),
        (answer(outputs=3), "malformed_counts"),
        (answer(outputs=10**9), "malformed_counts"),
        (answer(counts=[[4, 2], [0, 0], [1, 11]]), "impossible_counts"),
        (answer(counts=[[5, 2], [0, 0], [1, 10]]), "impossible_counts"),
        (answer(counts=[[4, 2], [0, 0], [-1, 10]]), "impossible_counts"),
        (answer(first=[[6, 0], [-1, 3], [9, 0]]), "impossible_counts"),
        (answer(first=[[6, 0], [-1, -1], [-1, 0]]), "impossible_counts"),
        (answer(spikes=29), "spikes_mismatch"),
    ],
)
def test_what_cannot_be_is_found(found: SnnAnswer, code: str) -> None:
    """Other files, other shapes, more spikes than steps and sums that do not add up make an answer invalid."""
    assert run(found).codes == (code,)
    assert code in registry.invalidating()


def test_an_answer_of_another_workload_is_not_taken() -> None:
    """A QUBO job is not answered with spikes."""
    spec = JobSpec.model_validate(job())

    checked = check(spec, answer(), lambda _w, _s: Absent(reason_code="none", reason="none"))

    assert checked == Checked(None, ("answer_of_another_kind",))
