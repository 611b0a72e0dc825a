"""A NIR graph from upload to joules: server, agent, and a chip that SANA-FE simulates, as real processes."""

from __future__ import annotations

import json

import pytest
from house import House
from nir_kit import STEPS, dense_graph, write_files
from sanafe_kit import sanafe_python

from neurorig_drivers.snn.lowering import lower
from neurorig_drivers.snn.nir_graph import network_of
from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.workloads.snn.snn_records import unpack_counts

pytestmark = pytest.mark.e2e

SAMPLES = 3


def test_a_network_is_measured(house: House) -> None:
    """Counts are those of the reference, energy is measured per component and lies near the truth."""
    python = sanafe_python()
    house.server()
    _, bench = house.lab("sanafe", "--sanafe-python", python)
    house.agent(bench)
    model, events_file, events = write_files(house.root, samples=SAMPLES)
    arguments = ["--model", str(model), "--events", str(events_file), "--steps", str(STEPS), "--samples", str(SAMPLES)]
    house.settings |= {"NEURORIG_SERVER": house.url, "NEURORIG_TOKEN": house.token_file.read_text().strip()}

    sent = house.start("submit", "submit", "snn", *arguments, "--wait")

    assert sent.popen.wait(60) == 0, sent.text
    client = house.client()
    (job,) = client.jobs()
    attempt = client.attempt(job.attempts[-1].id)
    assert (attempt.state, attempt.quality, attempt.codes) == ("succeeded", "valid", ())
    assert attempt.answer is not None
    raster = simulate(lower(network_of(dense_graph())).network, events, steps=STEPS, samples=SAMPLES)
    answer = raster.answer(lower(network_of(dense_graph())).network)
    assert attempt.answer.counts is not None
    assert unpack_counts(attempt.answer.counts, (SAMPLES, 2)).tolist() == answer["counts"].tolist()
    assert attempt.answer.verified is not None
    assert attempt.answer.verified.output_spikes == answer["counts"].sum() > 0
    assert str(attempt.answer.verified.recomputed).startswith("counts and first spikes")
    assert attempt.answer.verified.not_recomputed is None
    cells = {cell.component: cell.energy for cell in client.energy(attempt.id).cells if cell.phase == "run"}
    assert sorted(cells) == ["network", "soma", "synapse"]
    lines = [json.loads(line) for line in (house.root / "truth" / "sanafe.jsonl").read_text().splitlines()]
    windows = {window["window"]: window for window in lines if window["session"] == attempt.id}
    truth = windows[2]["energy_j"]
    for component, energy in cells.items():
        assert abs(energy.value - truth[component]) <= 3 * energy.u, component
