"""Events to joules: the power of each rail while a network runs, and while it does not."""

from __future__ import annotations

import numpy as np

from neurorig_drivers.annealing.network import IntArray
from neurorig_lab.chip import constants, kernel
from neurorig_lab.power_history import FloatArray


def standing_w(chips: int = 1) -> dict[str, float]:
    """Return the power of each rail, in watts, whatever the chips do; all chips of a board are powered."""
    level = dict.fromkeys(constants.RAILS, 0.0)
    level["management"] = chips * constants.value("management_power")
    level["static"] = chips * constants.value("static_power")
    return level


def energy_j(segments: IntArray, neurons: int, chips: int = 1) -> FloatArray:
    """Return the energy (k, rails) of segments of events (k, COUNTS) in a network of `neurons`, in joules.

    Each neuron is updated in every step, if only to count its refractory time down. `chips` is the whole board's.
    """
    count = {name: segments[:, getattr(kernel, name)].astype(float) for name in _COUNTED}
    seconds = count["SEG_TICKS"] * constants.TICK_S
    soma_j = constants.joules("soma_access_energy") + constants.joules("soma_update_energy")
    level = standing_w(chips)
    return np.stack(
        [
            count["SEG_STEPS"] * neurons * soma_j + count["SPIKES"] * constants.joules("spike_out_energy"),
            count["SYNOPS"] * constants.joules("synapse_energy"),
            count["MESSAGES"] * constants.joules("message_out_energy")
            + count["HOPS_EW"] * constants.joules("hop_east_west_energy")
            + count["HOPS_NS"] * constants.joules("hop_north_south_energy"),
            seconds * level["management"],
            seconds * level["static"],
        ],
        axis=1,
    )


def segments_to_play(segments: IntArray, neurons: int, chips: int = 1) -> tuple[FloatArray, FloatArray]:
    """Return durations (k,) in seconds and power (k, rails) in watts, as a world plays them."""
    seconds: FloatArray = segments[:, kernel.SEG_TICKS].astype(np.float64) * constants.TICK_S
    return seconds, energy_j(segments, neurons, chips) / seconds[:, np.newaxis]


_COUNTED = ("SEG_TICKS", "SEG_STEPS", "SYNOPS", "SPIKES", "MESSAGES", "HOPS_EW", "HOPS_NS")
