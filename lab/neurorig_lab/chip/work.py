"""What a core has to do in a step, expected before a run or counted after it: by this, placements are judged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.annealing.network import IntArray, Network
from neurorig_lab.chip import constants
from neurorig_lab.chip.routing import Routes

Floats = npt.NDArray[np.float64]

_TEMPERATURE_RATE = 1 / 16


def soma_ticks() -> int:
    """Return the time of one neuron's update."""
    return constants.ticks("soma_access_time") + constants.ticks("soma_update_time")


def core_ticks(routes: Routes, hosted: IntArray, rate: npt.NDArray[Any]) -> Floats:
    """Return the work of each core per step (cores,), in ticks, when row r spikes rate[r] times per step."""
    fan, cores = routes.fan, routes.mesh.cores
    inside = routes.home >= 0
    sending = rate * (constants.ticks("spike_out_time") + fan.messages * constants.ticks("message_out_time"))
    arriving = rate[fan.source] * (constants.ticks("message_in_time") + fan.synapses * constants.ticks("synapse_time"))
    updates = hosted * float(soma_ticks())
    spikes = np.bincount(routes.home[inside], sending[inside], cores) + np.bincount(fan.to_core, arriving, cores)
    return np.asarray(updates + spikes, np.float64)


def step_ticks(routes: Routes, hosted: IntArray, rate: npt.NDArray[Any]) -> float:
    """Return the time of a mean step: busiest core or busiest link, and the barrier."""
    source, begin, end = routes.flows
    load = routes.mesh.loads(begin, end, rate[source])
    link = float(load.max()) * 1000 / constants.link_messages_per_1000_ticks()
    barrier = constants.sync_ticks(routes.mesh.tiles, routes.mesh.chips)
    return max(float(core_ticks(routes, hosted, rate).max()), link) + barrier


def flips_per_step(network: Network) -> float:
    """Return the share of neurons that are expected to flip in a step.

    It falls with the mean degree k about as the largest independent set does, as ln(k)/k. It only weighs the choice
    among placements.
    """
    mean = 1 + network.synapses / network.n
    return 0.1 * math.log(mean) / mean


def expected_rates(network: Network, leaves: int) -> Floats:
    """Return the expected spikes per step of each row: each flip changes about one share of the cost."""
    flips = np.full(2 * network.n, flips_per_step(network))
    return np.concatenate([flips, [_TEMPERATURE_RATE], np.ones(leaves)])
