"""Small pieces of work for the conformance checks, with answers that any right board gives.

The spiking sample keeps to numbers whose decay leaves no remainder, so that boards which compute in floating point
give the same spikes as those which compute in integers.
"""

from __future__ import annotations

import numpy as np

from neurorig_drivers.conformance_board import Sample
from neurorig_protocols.board import Artifact, Batch
from neurorig_protocols.snn import DECAY_ONE, SpikingNetwork

SNN_STEPS = 12
SNN_SAMPLES = 2


def snn_network(*, leaky: bool = True) -> SpikingNetwork:
    """Return two input lines, a population of two neurons, then one neuron that also feeds back to the first.

    Neuron 0 integrates without leak, neuron 1 loses half its membrane in each step if `leaky`, neuron 2 sums both.
    """
    synapses = {0: [(0, 32), (1, 64)], 1: [(1, 64)], 2: [(2, 32)], 3: [(2, 32)], 4: [(0, -32)]}
    pairs = [pair for source in sorted(synapses) for pair in synapses[source]]
    return SpikingNetwork(
        inputs=2,
        du=np.full(3, DECAY_ONE, np.int64),
        dv=np.array([0, DECAY_ONE // 2 if leaky else 0, 0], np.int64),
        vth=np.array([63, 95, 63], np.int64) * 64,
        bias=np.zeros(3, np.int64),
        population=np.array([0, 0, 1], np.int64),
        outputs=np.array([2, 0], np.int64),
        start=np.array([0, 2, 3, 4, 5, 6], np.int64),
        target=np.array([target for target, _ in pairs], np.int64),
        weight=np.array([weight for _, weight in pairs], np.int64),
    )


def snn_sample(*, leaky: bool = True) -> Sample:
    """Return the network above, driven on line 0 in every step and on line 1 in every third; sample 1 gets less."""
    network = snn_network(leaky=leaky)
    meta = {"name": "conformance", "inputs": network.inputs, "populations": ["hidden", "output"]}
    events = [(0, step, line) for step in range(SNN_STEPS) for line in (0, 1) if line == 0 or step % 3 == 0]
    events += [(1, step, 0) for step in range(0, SNN_STEPS, 2)]
    sample, step, line = (np.array(column, np.int64) for column in zip(*sorted(events), strict=True))
    batch = Batch(
        "snn",
        None,
        0,
        {"steps": SNN_STEPS, "samples": SNN_SAMPLES},
        {"event_sample": sample, "event_step": step, "event_input": line},
    )
    return Sample(Artifact("snn", meta, network.to_arrays()), batch)
