"""Spiking networks on the board do, step by step, what plain numpy does, and cost what their events cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_drivers.process.framing import Arrays
from neurorig_lab.chip import kernel
from neurorig_lab.chip.placed import misfit
from neurorig_lab.chip.spiking_placed import place_spiking
from neurorig_lab.chip.spiking_program import SpikingProgram, SpikingRun
from neurorig_protocols.errors import DoesNotFit, JobError, UserError
from neurorig_protocols.workloads.snn.network import SpikingNetwork

Raster = np.ndarray
LIMIT = 2**23 - 1


def decayed(value: np.ndarray, decay: np.ndarray) -> np.ndarray:
    """Return value * (4096 - decay) / 4096 towards zero, in exact arithmetic."""
    product = value * (4096 - decay)
    return np.sign(product) * (np.abs(product) // 4096)


def reference(network: SpikingNetwork, samples: int, steps: int, events: set[tuple[int, int, int]]) -> Raster:
    """Return spikes bool (samples, steps, n), with dense weights, written from the published equations."""
    sources = network.inputs + network.n
    weights = np.zeros((sources, network.n), np.int64)
    for source in range(sources):
        for at in range(network.start[source], network.start[source + 1]):
            weights[source, network.target[at]] += network.weight[at]
    raster = np.zeros((samples, steps, network.n), bool)
    for sample in range(samples):
        u, v, spiked = (np.zeros(network.n, np.int64) for _ in range(3))
        for t in range(steps):
            lines = np.array([(sample, t, line) in events for line in range(network.inputs)], np.int64)
            u = decayed(u, network.du) + 64 * (np.concatenate([lines, spiked]) @ weights)
            u = (u + 2**23) % 2**24 - 2**23
            v = np.clip(decayed(v, network.dv) + u + network.bias, -LIMIT, LIMIT)
            spiked = (v > network.vth).astype(np.int64)
            v[spiked == 1] = 0
            raster[sample, t] = spiked == 1
    return raster


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """Return a small recurrent network, with wide states as well as quiet ones, and its input."""
    n, inputs = draw(st.integers(1, 12)), draw(st.integers(0, 3))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    m = draw(st.integers(0, 60))
    source = np.sort(rng.integers(0, n + inputs, m))
    loud = draw(st.booleans())
    network = SpikingNetwork(
        inputs=inputs,
        du=rng.choice([1, 900, 4096], n),
        dv=rng.choice([0, 17, 700, 4096], n),
        vth=rng.integers(0, LIMIT + 1 if loud else 6000, n),
        bias=rng.integers(-LIMIT, LIMIT + 1, n) if loud else rng.integers(-200, 900, n),
        population=rng.integers(0, 1 + n // 4, n),
        outputs=rng.integers(0, n, draw(st.integers(0, 4))),
        start=np.concatenate([[0], np.cumsum(np.bincount(source, minlength=n + inputs))]),
        target=rng.integers(0, n, m),
        weight=rng.integers(-256, 256, m),
    )
    samples, steps = draw(st.integers(1, 3)), draw(st.integers(1, 25))
    cells = samples * steps * inputs
    chosen = np.flatnonzero(rng.random(cells) < 0.3)
    places = np.unravel_index(chosen, (samples, steps, inputs)) if cells else (np.zeros(0, np.int64),) * 3
    return {"network": network, "samples": samples, "steps": steps, "events": [np.asarray(p) for p in places]}


def start(network: SpikingNetwork, steps: int, samples: int, events: list[np.ndarray], chips: int = 1) -> SpikingRun:
    """Place a network and begin a batch."""
    mapping = place_spiking(network, chips)
    message = {
        "chips": mapping.mesh.chips,
        "tiles": mapping.mesh.tiles,
        "inputs": network.inputs,
        "populations": int(network.population.max()) + 1,
    }
    program = SpikingProgram(message, {**network.to_arrays(), "core": mapping.core}, chips)
    names = ("event_sample", "event_step", "event_input")
    return program.start({"steps": steps, "samples": samples}, dict(zip(names, events, strict=True)))


@given(case=networks())
@settings(max_examples=120)
def test_every_spike_equals_plain_numpy(case: dict[str, Any]) -> None:
    """Counts, first steps, population counts and synaptic operations follow from the same spikes in any network."""
    network, steps, samples = case["network"], case["steps"], case["samples"]
    run = start(network, steps, samples, case["events"])
    while run.advance() is not None:
        pass
    found = run.results()
    events = set(zip(*(part.tolist() for part in case["events"]), strict=True))
    raster = reference(network, samples, steps, events)
    seen = raster[:, :, network.outputs]
    first = np.where(seen.any(1), seen.argmax(1), -1)
    population = [
        [raster[s][:, network.population == p].sum() for p in range(network.population.max() + 1)]
        for s in range(samples)
    ]
    fan = np.diff(network.start)
    lines = sum(fan[line] for _, _, line in events)

    assert np.array_equal(found["counts"], seen.sum(1))
    assert np.array_equal(found["first_step"], first)
    assert found["population_spikes"].tolist() == population
    assert run.events[kernel.SEG_STEPS] == samples * steps
    assert run.events[kernel.SPIKES] == raster.sum() == found["core_spikes"].sum()
    assert run.events[kernel.SYNOPS] == (raster.sum((0, 1)) * fan[network.inputs :]).sum() + lines
    assert run.events[kernel.SYNOPS] == found["core_synaptic_operations"].sum()
    assert run.events[kernel.MESSAGES] == found["core_messages"].sum()
    assert run.events[[kernel.HOPS_EW, kernel.HOPS_NS, kernel.CROSSINGS]].sum() == found["link_messages"].sum()


def layered(n: int, fan: int, inputs: int = 10) -> SpikingNetwork:
    """Return a network in which every source reaches `fan` neurons behind it."""
    sources = n + inputs
    target = (np.arange(sources)[:, np.newaxis] + np.arange(fan)) % n
    ones = np.ones(n, np.int64)
    return SpikingNetwork(
        inputs, 4096 * ones, 0 * ones, 64 * ones, 0 * ones, 0 * ones, np.arange(3), np.arange(sources + 1) * fan,
        target.ravel(), np.ones(sources * fan, np.int64),
    )  # fmt: skip


def test_networks_spread_over_several_chips() -> None:
    """140 000 neurons are more than one chip hosts: two of eight are taken and no limit is broken."""
    mapping = place_spiking(layered(140_000, 5), chips=8)

    assert mapping.mesh.chips == 2
    assert misfit(mapping) is None
    assert np.bincount(mapping.core).max() == mapping.needed["neurons_per_core"] <= 1024
    assert mapping.fan.synapses.sum() == 5 * 140_010


@pytest.mark.parametrize(
    ("n", "fan", "limit"), [(140_000, 5, "neurons_of_the_board"), (60_000, 100, "synaptic_memory_of_the_board")]
)
def test_too_large_networks_name_the_limit(n: int, fan: int, limit: str) -> None:
    """One chip refuses what only several can hold."""
    with pytest.raises(DoesNotFit) as caught:
        place_spiking(layered(n, fan))
    assert caught.value.detail["limit"] == limit


def test_a_neuron_that_everything_reaches_does_not_fit() -> None:
    """5000 sources of one neuron exceed the fan-in list of any core."""
    n = 5000
    ones = np.ones(n, np.int64)
    network = SpikingNetwork(
        0, ones, ones, ones, ones, 0 * ones, np.arange(1), np.arange(n + 1), np.zeros(n, np.int64), ones
    )
    with pytest.raises(DoesNotFit) as caught:
        place_spiking(network, chips=2)
    assert caught.value.detail["limit"] == "fan_in_per_core"


EVENTS = [np.array([0, 0]), np.array([0, 1]), np.array([3, 3])]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([np.array([0]), np.array([0]), np.array([10])], "out of range"),
        ([np.array([1]), np.array([0]), np.array([0])], "out of range"),
        ([part[::-1] for part in EVENTS], "sorted"),
        ([np.array([0, 0]), np.array([1, 1]), np.array([3, 3])], "each of them once"),
        ([np.array([0]), np.array([0, 0]), np.array([0])], "differ in length"),
    ],
)
def test_malformed_events_are_refused(events: list[np.ndarray], words: str) -> None:
    """Events out of range, out of order, twice or in unequal arrays are the user's error."""
    with pytest.raises(UserError, match=words):
        start(layered(20, 2), steps=5, samples=1, events=events)


@pytest.mark.parametrize("change", [{"steps": 0}, {"steps": 10**7}, {"samples": 0}, {"samples": 10**9}])
def test_endless_batches_are_refused(change: dict[str, int]) -> None:
    """Steps and samples are bounded."""
    with pytest.raises(UserError, match="cannot have"):
        start(layered(20, 2), **{"steps": 5, "samples": 1, "events": EVENTS} | change)


def test_a_foreign_placement_is_checked() -> None:
    """The device refuses cores that are not there, and more chips than the board has."""
    arrays: Arrays = {**layered(20, 2).to_arrays(), "core": np.full(20, 4)}
    with pytest.raises(JobError, match="names no core"):
        SpikingProgram({"tiles": 1, "inputs": 10, "populations": 1}, arrays, 1)
    with pytest.raises(UserError, match="1 chip"):
        SpikingProgram({"tiles": 32, "chips": 2, "inputs": 10, "populations": 1}, arrays, 1)
    with pytest.raises(UserError, match="population"):
        SpikingProgram({"tiles": 2, "inputs": 10, "populations": 0}, arrays, 1)
