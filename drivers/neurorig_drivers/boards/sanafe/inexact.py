"""Where SANA-FE's neuron cannot give every spike of the integers, and why. A bound, not a prediction."""

from __future__ import annotations

import numpy as np

from neurorig_protocols.snn import DECAY_ONE, STATE_LIMIT, WEIGHT_SHIFT, SpikingNetwork

FRACTIONS = "SANA-FE keeps currents that decay as fractions, the integers lose them"
NO_LIMIT = "SANA-FE's states have no limit of 24 bits, and this network could reach it"


def inexact(network: SpikingNetwork, steps: int) -> str | None:
    """Return why spikes of a sample of `steps` may differ, None where they cannot."""
    if (network.du < DECAY_ONE).any():
        return FRACTIONS
    one = 1 << WEIGHT_SHIFT
    arriving = np.bincount(network.target, np.abs(network.weight), network.n) * one
    inhibiting = np.bincount(network.target, np.minimum(network.weight, 0), network.n) * one + np.minimum(
        network.bias, 0
    )
    # What goes up fires; what goes down is kept for as long as the leak allows.
    kept = np.minimum(steps, DECAY_ONE / np.maximum(network.dv, 1e-9))
    reaches = arriving.max() > STATE_LIMIT or (-inhibiting * kept).max() > STATE_LIMIT
    return NO_LIMIT if reaches else None
