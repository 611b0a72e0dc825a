"""A spiking network between a job and a board: lowered graph, events, and the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nir_kit import STEPS, dense_graph, write_files

from neurorig_agents.workloads import prepare_snn as module
from neurorig_agents.workloads.prepare_snn import SnnWork
from neurorig_agents.workloads.prepared import prepare
from neurorig_drivers.snn.lowering import lower
from neurorig_drivers.snn.nir_graph import network_of
from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.board import RunOutput
from neurorig_protocols.errors import DoesNotFit, JobError, UserError, WrongAnswer
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.snn.network import SpikingNetwork, unpack_network
from neurorig_protocols.workloads.snn.snn_records import Snn, unpack_counts

MODEL, EVENTS = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
SAMPLES = 2


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The dense graph and its events, by digest."""
    model, events, _ = write_files(tmp_path, samples=SAMPLES)
    return {MODEL: model, EVENTS: events}


def workload(**fields: Any) -> Snn:
    """Return the workload of those files."""
    body = {"name": "snn", "model": MODEL, "events": EVENTS, "steps": STEPS, "samples": SAMPLES, **fields}
    return Snn.model_validate(body)


@pytest.fixture
def work(files: dict[str, Path]) -> SnnWork:
    """The work of the usual workload."""
    return SnnWork(workload(), "attempt-1", files)


def output(work: SnnWork) -> RunOutput:
    """Return what a right board gives."""
    network = SpikingNetwork.from_arrays(6, work.artifact.arrays)
    raster = simulate(network, work.batch("run", 0, 0).arrays, steps=STEPS, samples=SAMPLES)
    meta = {"solve_s": 0.25, "clock": "dut", "windows": 1, "spikes": int(raster.counts.sum()), "messages": 7.0}
    return RunOutput(meta, raster.answer(network))


def test_a_job_leads_to_it(files: dict[str, Path]) -> None:
    """The workload's name alone decides; the files come by their digests."""
    job = JobSpec(workload=workload())

    assert isinstance(prepare(job, "s", files), SnnWork)


def test_the_artifact_is_the_lowered_graph(work: SnnWork) -> None:
    """Arrays are those of the lowering, the report of its rounding goes along."""
    right = lower(network_of(dense_graph()))

    assert work.artifact.kind == "snn"
    assert work.artifact.meta["inputs"] == 6
    assert work.artifact.meta["populations"] == ["hidden", "out"]
    assert work.artifact.meta["session"] == "attempt-1"
    assert work.artifact.meta["quantisation"] == right.report
    assert work.artifact.arrays["weight"].tolist() == right.network.weight.tolist()


def test_every_batch_holds_all_samples(work: SnnWork) -> None:
    """Phase and index are the batch's own, steps, samples and events those of the job."""
    batch = work.batch("run", 3, 1)

    assert (batch.kind, batch.phase, batch.index) == ("snn", "run", 3)
    assert batch.meta == {"steps": STEPS, "samples": SAMPLES, "session": "attempt-1"}
    assert batch.arrays["event_sample"].max() == 1
    assert work.longest_s == pytest.approx(1e-3 * STEPS * SAMPLES)


def test_the_answer_holds_counts_and_rounding(work: SnnWork) -> None:
    """Counts, first spikes, populations, times and the rounding are reported; unknown keys are activity."""
    found = output(work)

    answer = work.answer(found, 0)

    assert unpack_counts(answer.counts, (SAMPLES, 2)).tolist() == found.arrays["counts"].tolist()
    assert unpack_counts(answer.first_steps, (SAMPLES, 2)).tolist() == found.arrays["first_step"].tolist()
    assert [(p.name, p.neurons) for p in answer.populations] == [("hidden", 4), ("out", 2)]
    assert sum(p.spikes for p in answer.populations) == answer.spikes > 0
    assert (answer.model, answer.events, answer.solve_s, answer.clock) == (MODEL, EVENTS, 0.25, "dut")
    assert answer.quantisation["populations"][0]["exact_weights"] is True
    assert answer.activity == {"messages": 7.0}
    assert answer.network is not None
    assert unpack_network(answer.network).weight.tolist() == work.artifact.arrays["weight"].tolist()
    assert (work.shortest_s(found), work.window_times_s(found), work.share(found)) == (0.25, [0.25], 1.0)
    assert work.summary(found) == {"spikes": answer.spikes, "solve_s": 0.25, "windows": 1}


def test_a_board_may_say_why_its_spikes_differ(work: SnnWork) -> None:
    """The board's reason goes into the answer, and is no count of its activity."""
    found = output(work)

    answer = work.answer(replace(found, meta=found.meta | {"inexact": "fractions"}), 0)

    assert (answer.inexact, answer.activity) == ("fractions", {"messages": 7.0})
    assert work.answer(found, 0).inexact is None


@pytest.mark.parametrize("counts", [np.zeros((1, 2), np.int64), np.zeros((2, 2))])
def test_a_malformed_output_is_refused(work: SnnWork, counts: Any) -> None:
    """Another shape and numbers that are not whole are a wrong answer."""
    found = output(work)

    with pytest.raises(WrongAnswer, match="'counts' is due as whole numbers"):
        work.answer(replace(found, arrays=found.arrays | {"counts": counts}), 0)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"steps": STEPS - 1}, f"name step {STEPS - 1}, there are {STEPS - 1}"),
        ({"samples": 1}, "name sample 1, there are 1"),
    ],
)
def test_events_outside_the_job_are_refused(files: dict[str, Path], fields: dict[str, int], what: str) -> None:
    """Events that the job leaves no room for are not dropped silently."""
    with pytest.raises(JobError, match=what):
        SnnWork(workload(**fields), "s", files)


def test_events_of_another_network_are_refused(files: dict[str, Path]) -> None:
    """An input that the network does not have is named."""
    files[EVENTS].write_bytes(b"0,0,6\n")

    with pytest.raises(JobError, match="name input 6, there are 6"):
        SnnWork(workload(), "s", files)


def test_a_report_has_no_room_for_every_count(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many samples times outputs are refused before anything runs."""
    monkeypatch.setattr(module, "MAX_COUNTS", 3)

    with pytest.raises(DoesNotFit, match="4 counts"):
        SnnWork(workload(), "s", files)


def test_the_step_of_the_job_goes_to_the_graph(files: dict[str, Path]) -> None:
    """A job's own step replaces the graph's; one that is too long for it is refused."""
    assert SnnWork(workload(dt=0.5), "s", files).artifact.meta["quantisation"]["dt"] == 0.5
    with pytest.raises(UserError, match="shorter than the step of 3"):
        SnnWork(workload(dt=3.0), "s", files)
