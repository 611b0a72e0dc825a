"""The reference keeps to the dynamics of workloads.snn.network, checked neuron by neuron in plain integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.workloads.snn.network import STATE_LIMIT, SpikingNetwork


def by_hand(network: SpikingNetwork, events: dict[str, Any], steps: int) -> list[list[int]]:
    """Return the steps in which each neuron spikes, one neuron after the other."""

    def decayed(value: int, decay: int) -> int:
        return int(value * (4096 - decay) / 4096)  # exact below 2**53

    given_at = set(zip(events["event_step"].tolist(), events["event_input"].tolist(), strict=True))
    u, v, fired = [0] * network.n, [0] * network.n, set[int]()
    spikes: list[list[int]] = [[] for _ in range(network.n)]
    for step in range(steps):
        sources = [line for at, line in given_at if at == step] + [network.inputs + i for i in fired]
        fired = set()
        for i in range(network.n):
            total = 0
            for source in sources:
                for k in range(network.start[source], network.start[source + 1]):
                    total += int(network.weight[k]) * (network.target[k] == i)
            u[i] = (decayed(u[i], int(network.du[i])) + 64 * total + 2**23) % 2**24 - 2**23
            moved = decayed(v[i], int(network.dv[i])) + u[i] + int(network.bias[i])
            v[i] = max(-STATE_LIMIT, min(STATE_LIMIT, moved))
            if v[i] > network.vth[i]:
                spikes[i].append(step)
                fired.add(i)
                v[i] = 0
    return spikes


@st.composite
def networks(draw: st.DrawFn) -> SpikingNetwork:
    """Draw a network of up to 4 neurons with any words."""
    inputs, n = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    rows = [draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(-256, 255)), max_size=4))
            for _ in range(inputs + n)]  # fmt: skip

    def words(low: int, high: int) -> np.ndarray[Any, Any]:
        return np.array(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)), np.int64)

    pairs = [pair for row in rows for pair in row]
    return SpikingNetwork(
        inputs=inputs,
        du=words(1, 4096),
        dv=words(0, 4096),
        vth=words(0, 20_000),
        bias=words(-9_000, 9_000),
        population=np.zeros(n, np.int64),
        outputs=np.arange(n),
        start=np.cumsum([0, *map(len, rows)]),
        target=np.array([target for target, _ in pairs], np.int64),
        weight=np.array([weight for _, weight in pairs], np.int64),
    )


@settings(max_examples=60)
@given(networks(), st.data())
def test_it_is_what_each_neuron_does_by_hand(network: SpikingNetwork, data: st.DataObject) -> None:
    """Counts and first spikes are those of a neuron-by-neuron evaluation."""
    steps = 12
    lines = st.integers(0, max(network.inputs - 1, 0))
    pairs = sorted(data.draw(st.sets(st.tuples(st.integers(0, steps - 1), lines), max_size=20 * bool(network.inputs))))
    events = {
        "event_sample": np.zeros(len(pairs), np.int64),
        "event_step": np.array([step for step, _ in pairs], np.int64),
        "event_input": np.array([line for _, line in pairs], np.int64),
    }

    raster = simulate(network, events, steps=steps, samples=1)

    spikes = by_hand(network, events, steps)
    assert raster.counts[0].tolist() == [len(found) for found in spikes]
    assert raster.first_step[0].tolist() == [found[0] if found else -1 for found in spikes]


def test_a_current_wraps_and_a_membrane_is_held() -> None:
    """A current beyond 24 bits changes its sign, a membrane stops at its limit."""
    network = SpikingNetwork(
        inputs=1,
        du=np.array([1, 1]),
        dv=np.array([0, 0]),
        vth=np.array([STATE_LIMIT, STATE_LIMIT]),
        bias=np.array([0, STATE_LIMIT]),
        population=np.zeros(2, np.int64),
        outputs=np.array([0]),
        start=np.array([0, 1, 1, 1]),
        target=np.array([0]),
        weight=np.array([255]),
    )
    events = {"event_sample": np.zeros(600, np.int64), "event_step": np.arange(600), "event_input": np.zeros(600, int)}

    raster = simulate(network, events, steps=600, samples=1)

    assert raster.counts.tolist() == [[0, 0]]
