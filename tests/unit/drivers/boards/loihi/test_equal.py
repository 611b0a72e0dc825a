"""What Lava computes is what the virtual chip and the reference compute, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from lava_kit import START_LIMIT_S, chip_steps, lava_steps, mis_network

from neurorig_drivers.annealing.network import from_arrays
from neurorig_drivers.annealing.schedule import Schedule, schedule_for
from neurorig_drivers.boards.loihi.lava_child import LavaChild
from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.board import Arrays
from neurorig_protocols.workloads.snn.network import SpikingNetwork


@pytest.mark.parametrize(("density", "seed"), [(0.01, 0), (0.05, 1), (0.1, 2), (0.25, 3)])
def test_every_state_and_cost_of_300_steps_is_the_chips(worker: LavaChild, density: float, seed: int) -> None:
    """A problem of 100 variables anneals alike in Lava and in the kernel, at every density of the benchmark."""
    network = mis_network(100, density, seed)
    schedule = schedule_for(network.n, network.density, {})

    states, costs = lava_steps(worker, network, schedule, seed=11 + seed, steps=300)

    right_states, right_costs = chip_steps(network, schedule, seed=11 + seed, steps=300)
    assert np.array_equal(states, right_states)
    assert costs.tolist() == right_costs.tolist()
    assert (np.diff(right_states.astype(int), axis=0) != 0).sum() > 100


@pytest.mark.parametrize("kind", ["geometric", "linear"])
def test_signed_weights_and_short_cycles_anneal_alike(worker: LavaChild, kind: str) -> None:
    """Odd weights of both signs, many temperatures and restarts of the cycle change nothing."""
    random = np.random.default_rng(5)
    rows, cols = np.triu_indices(40, 1)
    weights = random.integers(-127, 128, len(rows))
    network = from_arrays({"diagonal": random.integers(-120, 121, 40), "rows": rows, "cols": cols, "weights": weights})
    schedule = Schedule(
        kind=kind, t_max=0.9, t_min=0.1, levels=5, steps_per_level=3, growth=3, steps_per_level_max=20,
        refract_scaling=7, clash_scaling=5, start_scaling=4,
    )  # fmt: skip

    states, costs = lava_steps(worker, network, schedule, seed=2**32 - 1, steps=200)

    right_states, right_costs = chip_steps(network, schedule, seed=2**32 - 1, steps=200)
    assert np.array_equal(states, right_states)
    assert costs.tolist() == right_costs.tolist()


def random_network(seed: int, n: int = 30, inputs: int = 6) -> SpikingNetwork:
    """Return a recurrent network with decays, thresholds and biases of many values, and weights at their limits."""
    random = np.random.default_rng(seed)
    fan_out = random.integers(0, 9, inputs + n)
    weight = random.integers(-256, 256, int(fan_out.sum()))
    weight[:3] = (-256, 255, -255)
    return SpikingNetwork(
        inputs=inputs,
        du=random.choice([1, 700, 2048, 4096], n),
        dv=random.choice([0, 3, 1000, 4096], n),
        vth=random.integers(0, 9000, n),
        bias=random.choice([-40, 0, 0, 25, 5000], n),
        population=random.integers(0, 3, n),
        outputs=random.permutation(n)[:7].astype(np.int64),
        start=np.concatenate([[0], np.cumsum(fan_out)]).astype(np.int64),
        target=random.integers(0, n, int(fan_out.sum())),
        weight=weight,
    )


def random_events(seed: int, samples: int, steps: int, inputs: int) -> Arrays:
    """Return events in order, some of them twice on one line."""
    random = np.random.default_rng(seed)
    table = np.stack([random.integers(0, high, 60) for high in (samples, steps, inputs)])
    table = np.concatenate([table, table[:, :5]], axis=1)
    table = table[:, np.lexsort(table[::-1])]
    return dict(zip(("event_sample", "event_step", "event_input"), table, strict=True))


def lava_snn(worker: LavaChild, network: SpikingNetwork, events: Arrays, *, steps: int, samples: int) -> Arrays:
    """Run a batch in Lava."""
    body = {"kind": "snn", "inputs": network.inputs, "steps": steps, "samples": samples}
    worker.call("prepare", body, {**network.to_arrays(), **events}, limit_s=START_LIMIT_S)
    worker.call("run", {}, limit_s=START_LIMIT_S)
    answer, found = worker.call("read", {}, limit_s=START_LIMIT_S)
    assert not answer["wrapped"]
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_spiking_networks_are_those_of_the_reference(worker: LavaChild, seed: int) -> None:
    """Counts, first steps and populations of several samples equal the reference; nothing leaks between samples."""
    network, steps, samples = random_network(seed), 40, 3
    events = random_events(seed, samples, steps, network.inputs)

    found = lava_snn(worker, network, events, steps=steps, samples=samples)

    raster = simulate(network, events, steps=steps, samples=samples)
    right = raster.answer(network)
    assert raster.counts.sum() > 50
    assert {name: array.tolist() for name, array in found.items()} == {n: a.tolist() for n, a in right.items()}


def test_each_single_step_is_that_of_the_reference(worker: LavaChild) -> None:
    """Cut after any of the first steps, every neuron has fired exactly when the reference's has."""
    network = random_network(7)
    everyone = SpikingNetwork(**{**network.__dict__, "outputs": np.arange(network.n)})
    samples = 12
    # Sample k is driven alike up to step k and not at all afterwards, so the counts tell the steps apart.
    base = random_events(7, 1, samples, network.inputs)
    parts = [base["event_step"] <= k for k in range(samples)]
    events = {
        "event_sample": np.concatenate([np.full(part.sum(), k) for k, part in enumerate(parts)]).astype(np.int64),
        "event_step": np.concatenate([base["event_step"][part] for part in parts]),
        "event_input": np.concatenate([base["event_input"][part] for part in parts]),
    }

    found = lava_snn(worker, everyone, events, steps=samples, samples=samples)

    right = simulate(everyone, events, steps=samples, samples=samples).answer(everyone)
    assert np.array_equal(found["counts"], right["counts"])
    assert np.array_equal(found["first_step"], right["first_step"])


def test_networks_without_inputs_or_outputs_run(worker: LavaChild) -> None:
    """A bias alone drives a neuron; having no lines, no synapses and no observed neuron is no fault."""
    none = np.zeros(0, np.int64)
    network = SpikingNetwork(
        inputs=0, du=np.array([4096]), dv=np.array([0]), vth=np.array([100]), bias=np.array([40]),
        population=np.array([0]), outputs=none, start=np.array([0, 0]), target=none, weight=none,
    )  # fmt: skip
    events = {"event_sample": none, "event_step": none, "event_input": none}

    found = lava_snn(worker, network, events, steps=9, samples=2)

    assert found["counts"].shape == (2, 0)
    assert found["population_spikes"].tolist() == [[3], [3]]
