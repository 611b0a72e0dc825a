"""Rounding to a chip's integers: exact where it can be, its error told where it cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nir_kit import dense_graph, simulate_real, some_events
from scipy import sparse

from neurorig_drivers.snn.lowering import WEIGHT_ONE, lower
from neurorig_drivers.snn.nir_graph import network_of
from neurorig_drivers.snn.real_network import RealNetwork, RealPopulation
from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.workloads.snn.network import STATE_LIMIT


def network(
    weights: Any, *, keep_v: float = 1.0, keep_u: float = 0.0, threshold: float = 1.0, bias: float = 0.0
) -> Any:
    """Return one population whose input lines have these weights, one row per neuron."""
    matrix = np.atleast_2d(np.asarray(weights, float))
    n, inputs = matrix.shape
    part = RealPopulation("p", "LIF", np.full(n, keep_u), np.full(n, keep_v), np.full(n, threshold), np.full(n, bias))
    whole = sparse.csc_matrix(np.hstack([matrix, np.zeros((n, n))]))
    return RealNetwork(1.0, (("input", inputs),), (part,), tuple(range(n)), whole)


def test_an_exact_network_spikes_alike() -> None:
    """Weights in small whole ratios are exact, and every spike count is that of real numbers."""
    real = network_of(dense_graph())
    lowered = lower(real)
    events = some_events(6, steps=200, samples=3)

    found = simulate(lowered.network, events, steps=200, samples=3).counts

    assert all(part["exact_weights"] and part["weight_error"] < 1e-12 for part in lowered.report["populations"])
    assert found.tolist() == simulate_real(real, events, steps=200, samples=3).tolist()
    assert found.sum() > 300


def test_an_exact_scale_is_the_finest() -> None:
    """Weights 1, 2 and -3 become 85, 170 and -255, and the threshold is scaled alike."""
    lowered = lower(network([1.0, 2.0, -3.0], threshold=2.0))

    assert lowered.network.weight.tolist() == [85, 170, -255]
    assert lowered.network.vth.tolist() == [2 * 85 * 64]
    (part,) = lowered.report["populations"]
    assert (part["scale"], part["weight_error"], part["threshold_error"]) == (85 * 64, 0.0, 0.0)


def test_errors_are_told() -> None:
    """Weights without a common measure are rounded; the error is that of the worst one, as a share of the largest."""
    weights = [1.0, np.pi / 10, 1e-5]
    (part,) = lower(network(weights, keep_v=0.9)).report["populations"]

    assert not part["exact_weights"]
    assert part["weights_lost"] == 1
    worst = max(abs(round(w * 255) / 255 - w) for w in weights)
    assert part["weight_error"] == pytest.approx(worst)
    assert part["decay_error"] == pytest.approx(abs(round(0.1 * 4096) / 4096 - 0.1))


@settings(max_examples=40)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.floats(0.1, 4), st.floats(0.5, 1))
def test_words_stay_within_their_bounds_and_errors(weights: list[float], threshold: float, keep_v: float) -> None:
    """Whatever the weights, no word overflows and none is farther off than half a step of its scale."""
    real = network(weights, threshold=threshold, keep_v=keep_v)
    # In the words of a chip the threshold leaves no more room than this for what one spike moves.
    room = max(map(abs, weights)) / threshold * STATE_LIMIT / WEIGHT_ONE
    assume(not 0.499 < room < 0.501)
    if 0 < room < 0.5:
        with pytest.raises(DoesNotFit, match="every weight of 'p' rounds to nothing"):
            lower(real)
        return
    lowered = lower(real)

    (part,) = lowered.report["populations"]
    largest = max(map(abs, weights)) or 1.0
    assert part["weight_error"] <= 0.5 * 64 / (part["scale"] * largest) + 1e-9
    assert part["weights_lost"] == sum(w != 0 for w in weights) - np.count_nonzero(lowered.network.weight)
    assert part["decay_error"] <= 0.5 / 4096 + 1e-12
    assert 0 <= lowered.network.vth[0] <= STATE_LIMIT


def test_a_high_threshold_takes_bits_from_the_weights() -> None:
    """Where the threshold would leave 23 bits the scale is lower, and the weights are rounded more coarsely."""
    lowered = lower(network([1.0, np.pi / 10], threshold=2000.0))

    assert lowered.network.vth[0] <= STATE_LIMIT
    assert abs(lowered.network.weight).max() < 70
    assert lowered.report["populations"][0]["weight_error"] > 0


def test_neurons_without_input_keep_their_bias() -> None:
    """A population that no synapse reaches spikes by its bias as it does in real numbers."""
    real = network(np.zeros((1, 0)), threshold=1.0, bias=0.3)
    lowered = lower(real)
    nothing = {name: np.zeros(0, np.int64) for name in ("event_sample", "event_step", "event_input")}

    found = simulate(lowered.network, nothing, steps=40, samples=1).counts

    assert found.tolist() == simulate_real(real, nothing, steps=40, samples=1).tolist() == [[10]]


def test_weights_that_are_all_lost_are_refused() -> None:
    """A network that no input could reach is not run as a silent one; the advice is to look at the step."""
    with pytest.raises(DoesNotFit, match="every weight of 'p' rounds to nothing") as caught:
        lower(network([1.0, -1.0], threshold=1e7))

    assert "--dt" in (caught.value.next_step or "")
    assert caught.value.detail["needed"] == pytest.approx(1e-7)


def test_a_lost_leak_is_told() -> None:
    """A time constant of more steps than a chip can hold makes neurons that never forget, which the report says."""
    (note,) = lower(network([1.0], keep_v=1 - 1e-5)).report["notes"]

    assert note.startswith("'p': 1 of 1 neurons lose their leak")
    assert lower(network([1.0], keep_v=1.0)).report["notes"] == []


def test_a_current_that_never_ends_is_refused() -> None:
    """A decay below half of 1/4096 has no word: a chip would keep the current for ever."""
    with pytest.raises(DoesNotFit, match="synaptic time constant of 'p'"):
        lower(network([1.0], keep_u=1 - 1e-5))
