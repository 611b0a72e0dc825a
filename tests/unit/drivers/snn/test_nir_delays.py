"""A delay of whole steps makes spikes late by exactly that, in real numbers and in a chip's integers."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_kit import simulate_real, some_events

from neurorig_drivers.snn import nir_graph
from neurorig_drivers.snn.lowering import lower
from neurorig_drivers.snn.nir_graph import network_of
from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.errors import DoesNotFit, UserError


def once(n: int) -> Any:
    """Return neurons that spike when anything arrives, and remember nothing."""
    return nir.Threshold(np.full(n, 0.5))


def graph(nodes: dict[str, Any], *edges: tuple[str, str], inputs: int = 2, dt: float | None = None) -> Any:
    """Return a graph between an input and an output."""
    every = {
        "in": nir.Input({"input": np.array([inputs])}),
        **nodes,
        "out": nir.Output({"output": np.array([1])}),
    }
    metadata = {} if dt is None else {"dt": dt}
    return nir.NIRGraph(every, list(edges), type_check=False, metadata=metadata)


def first_steps(network: Any, steps: int = 30, **at: list[int]) -> list[int]:
    """Return the step in which each output spikes first after events at these steps of the lines a, b …"""
    pairs = sorted((step, ord(line) - ord("a")) for line, when in at.items() for step in when)
    events = {
        "event_sample": np.zeros(len(pairs), np.int64),
        "event_step": np.array([step for step, _ in pairs], np.int64),
        "event_input": np.array([line for _, line in pairs], np.int64),
    }
    lowered = lower(network).network
    raster = simulate(lowered, events, steps=steps, samples=1)
    assert raster.counts.tolist() == simulate_real(network, events, steps=steps, samples=1).tolist()
    found: list[int] = raster.first_step[0, lowered.outputs].tolist()
    return found


def test_an_input_is_late_by_its_own_delay() -> None:
    """Two lines with delays of 0 and 3 steps act in their step and three steps later."""
    network = network_of(
        graph({"d": nir.Delay(np.array([0.0, 3.0])), "n": once(2)}, ("in", "d"), ("d", "n"), ("n", "out"))
    )

    assert first_steps(network, a=[5], b=[5]) == [5, 8]
    assert [(p.kind, p.neurons) for p in network.populations] == [("Threshold", 2), ("relay", 3)]
    assert "3 neurons hold the delays" in network.notes[1]


def test_delays_add_up_and_are_in_the_graphs_unit() -> None:
    """Behind neurons, before and after a linear node, delays add up; they are divided by the step."""
    nodes = {
        "n": once(2),
        "d": nir.Delay(np.array([0.5, 1.0])),
        "fc": nir.Linear(np.eye(2)),
        "e": nir.Delay(np.array([1.0, 0.0])),
        "m": once(2),
    }
    network = network_of(
        graph(nodes, ("in", "n"), ("n", "d"), ("d", "fc"), ("fc", "e"), ("e", "m"), ("m", "out"), dt=0.5)
    )

    # One step from neuron to neuron, then 3 and 2 steps of delay.
    assert first_steps(network, a=[1], b=[1]) == [1 + 1 + 3, 1 + 1 + 2]


def test_a_delayed_and_a_direct_way_meet() -> None:
    """The same source may reach a neuron at once and late."""
    nodes = {"d": nir.Delay(np.array([4.0])), "n": nir.Threshold(np.array([1.5]))}
    network = network_of(graph(nodes, ("in", "d"), ("d", "n"), ("in", "n"), ("n", "out"), inputs=1))

    assert first_steps(network, a=[2]) == [-1]
    assert first_steps(network, a=[2, 6]) == [6]


def test_a_delay_lies_in_a_loop() -> None:
    """A neuron that feeds itself through a delay of 2 steps spikes every third step."""
    nodes = {"n": once(1), "d": nir.Delay(np.array([2.0]))}
    network = network_of(graph(nodes, ("in", "n"), ("n", "d"), ("d", "n"), ("n", "out"), inputs=1))
    one = {"event_sample": np.array([0]), "event_step": np.array([0]), "event_input": np.array([0])}

    raster = simulate(lower(network).network, one, steps=10, samples=1)

    assert raster.counts[0, 0] == 4


@settings(max_examples=25)
@given(st.lists(st.integers(0, 6), min_size=3, max_size=3), st.integers(0, 99))
def test_any_delays_shift_the_input(delays: list[int], seed: int) -> None:
    """A network behind delayed lines does what it does on events that were shifted by hand."""
    weight = np.array([[3.0, -1, 2], [1, 2, 1]])
    part = nir.LIF(np.full(2, 4.0), np.full(2, 4.0), np.zeros(2), np.full(2, 3.0), np.zeros(2))
    shown = ("n", "out")
    plain = network_of(graph({"fc": nir.Linear(weight), "n": part}, ("in", "fc"), ("fc", "n"), shown, inputs=3, dt=1.0))
    late = network_of(
        graph(
            {"d": nir.Delay(np.array(delays, float)), "fc": nir.Linear(weight), "n": part},
            ("in", "d"),
            ("d", "fc"),
            ("fc", "n"),
            shown,
            inputs=3,
            dt=1.0,
        )
    )
    events = some_events(3, steps=20, samples=1, seed=seed)
    moved = events | {"event_step": events["event_step"] + np.array(delays)[events["event_input"]]}
    order = np.lexsort((moved["event_input"], moved["event_step"]))
    moved = {name: values[order] for name, values in moved.items()}

    found = simulate(lower(late).network, events, steps=40, samples=1)
    right = simulate(lower(plain).network, moved, steps=40, samples=1)

    assert found.counts[0, :2].tolist() == right.counts[0].tolist()
    assert found.first_step[0, :2].tolist() == right.first_step[0].tolist()


@pytest.mark.parametrize(
    ("delay", "what"),
    [
        (np.array([1.5, 1.0]), "is 1.5 steps of 1; a step cannot be divided"),
        (np.array([-1.0, 1.0]), "lies outside 0 to 1000 steps"),
        (np.array([np.nan, 1.0]), "lies outside 0 to 1000 steps"),
        (np.array([1e300, 1.0]), "lies outside 0 to 1000 steps"),
        (np.ones(3), "are not 2 numbers"),
        (np.array(["x", "y"]), "are not 2 numbers"),
    ],
)
def test_delays_that_are_none_are_refused(delay: Any, what: str) -> None:
    """Parts of a step, negative and boundless delays and other shapes are refused with the node's name."""
    with pytest.raises(UserError, match=what) as caught:
        network_of(graph({"d": nir.Delay(delay), "n": once(2)}, ("in", "d"), ("d", "n"), ("n", "out")))

    assert "the node 'd'" in caught.value.message


def test_an_output_behind_a_delay_is_refused() -> None:
    """Spikes that are shown late are counted alike: the delay is to be left out."""
    with pytest.raises(UserError, match="the output 'out' shows delayed spikes of 'n'"):
        network_of(graph({"n": once(2), "d": nir.Delay(np.ones(2))}, ("in", "n"), ("n", "d"), ("d", "out")))


def test_relays_count_as_neurons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays that need more neurons than are read do not fit."""
    monkeypatch.setattr(nir_graph, "MAX_NEURONS", 100)

    def late(steps: float) -> Any:
        return graph({"d": nir.Delay(np.full(2, steps)), "n": once(2)}, ("in", "d"), ("d", "n"), ("n", "out"))

    with pytest.raises(DoesNotFit, match="102 neurons with those that hold delays"):
        network_of(late(50))
    with pytest.raises(DoesNotFit, match="the delays need 102 relay neurons"):
        network_of(late(51))
    assert network_of(late(49)).neurons == 100


def test_a_report_has_room_for_every_population(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relays are populations too, and a report names each."""
    monkeypatch.setattr(nir_graph, "MAX_POPULATIONS", 1)

    with pytest.raises(DoesNotFit, match="2 populations with those that hold delays"):
        network_of(graph({"d": nir.Delay(np.ones(2)), "n": once(2)}, ("in", "d"), ("d", "n"), ("n", "out")))
