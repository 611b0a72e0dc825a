"""Running a lowered network: samples do not touch one another, and the work is bounded. By hand: the drivers' tests."""

from __future__ import annotations

import numpy as np
import pytest
from nir_kit import some_events

from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.workloads.snn import network as snn_run
from neurorig_protocols.workloads.snn.network import STEP_WORK, SpikingNetwork, rasters

STEPS, SAMPLES, INPUTS, N = 25, 5, 4, 6


def network() -> SpikingNetwork:
    """Return six neurons that all sources reach, with recurrence."""
    rng = np.random.default_rng(3)
    rows = INPUTS + N
    return SpikingNetwork(
        inputs=INPUTS,
        du=rng.integers(500, 4097, N),
        dv=rng.integers(0, 900, N),
        vth=rng.integers(2_000, 9_000, N),
        bias=rng.integers(-100, 200, N),
        population=np.arange(N) // 4,
        outputs=np.arange(3),
        start=np.arange(rows + 1) * N,
        target=np.tile(np.arange(N), rows),
        weight=rng.integers(-40, 80, rows * N),
    )


def test_samples_side_by_side_are_samples_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether samples are held together or one by one changes no spike."""
    events = some_events(INPUTS, steps=STEPS, samples=SAMPLES)
    (together,) = rasters(network(), events, steps=STEPS, samples=SAMPLES)
    monkeypatch.setattr(snn_run, "ROOM", 1)

    alone = list(rasters(network(), events, steps=STEPS, samples=SAMPLES))

    assert together.counts.sum() > 100
    assert np.concatenate([part.counts for part in alone]).tolist() == together.counts.tolist()
    assert np.concatenate([part.first_step for part in alone]).tolist() == together.first_step.tolist()


def test_the_answer_is_what_a_board_gives() -> None:
    """Outputs are picked from the neurons, populations are summed."""
    (raster,) = rasters(network(), some_events(INPUTS, steps=STEPS, samples=1), steps=STEPS, samples=1)

    found = raster.answer(network())

    assert found["counts"].tolist() == raster.counts[:, :3].tolist()
    assert found["first_step"].tolist() == raster.first_step[:, :3].tolist()
    assert found["population_spikes"].tolist() == [[raster.counts[0, :4].sum(), raster.counts[0, 4:].sum()]]


def test_work_is_refused_before_it_begins() -> None:
    """What the neurons alone take is known beforehand."""
    needed = STEPS * (N * SAMPLES + STEP_WORK)

    with pytest.raises(DoesNotFit, match="more than 10,000 operations") as caught:
        next(rasters(network(), some_events(INPUTS), steps=STEPS, samples=SAMPLES, most_work=10_000))

    assert caught.value.detail["needed"] == needed


def test_synapses_count_as_work() -> None:
    """A run ends where the visited synapses go beyond the bound."""
    events = some_events(INPUTS, steps=STEPS, samples=SAMPLES)
    neurons = STEPS * (N * SAMPLES + STEP_WORK)

    with pytest.raises(DoesNotFit, match="operations"):
        list(rasters(network(), events, steps=STEPS, samples=SAMPLES, most_work=neurons))
    assert list(rasters(network(), events, steps=STEPS, samples=SAMPLES, most_work=neurons + 100_000))
