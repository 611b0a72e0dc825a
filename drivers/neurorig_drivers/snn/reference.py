"""What a board is compared with: the dynamics of `neurorig_protocols.workloads.snn.network`, all samples together.

For tests and conformance checks. Not for speed.
"""

from __future__ import annotations

import numpy as np

from neurorig_protocols.board import Arrays
from neurorig_protocols.workloads.snn.network import Raster, SpikingNetwork, rasters

__all__ = ["Raster", "simulate"]


def simulate(network: SpikingNetwork, events: Arrays, *, steps: int, samples: int) -> Raster:
    """Run every sample from rest; `events` are the arrays of an "snn" batch."""
    parts = list(rasters(network, events, steps=steps, samples=samples))
    return Raster(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("counts", "first_step")))
