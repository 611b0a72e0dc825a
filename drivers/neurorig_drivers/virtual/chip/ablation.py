"""What the placement is worth: the same network with the same seed, placed by `mapping` and naively, both run.

Placement changes time and traffic only. Random numbers belong to neurons and steps, so both runs go through the same
states, which is checked.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from neurorig_drivers.virtual.chip import kernel
from neurorig_drivers.virtual.chip.annealer import Annealer
from neurorig_drivers.virtual.chip.mapping import naive, place
from neurorig_drivers.virtual.chip.network import Network
from neurorig_drivers.virtual.chip.placed import Mapping
from neurorig_drivers.virtual.chip.programs import per_core
from neurorig_drivers.virtual.chip.schedule import schedule_for

FOREVER_S = 1e6


@dataclass(frozen=True)
class Measured:
    """What one placement took: means per step, from a run of some steps."""

    placement: str
    chips: int
    cores: int
    step_s: float
    busiest_core_synaptic_operations: float
    messages: float
    hops: float
    chip_crossings: float
    busiest_link_messages: float


def compare(network: Network, chips: int = 1, *, steps: int = 2_000, seed: int = 0) -> dict[str, Any]:
    """Return both placements' figures, and how many times longer a naive step takes; DoesNotFit when ours does not.

    "naive" is None when filling core by core breaks a limit. Leaves delay the cost by a step, never the spikes.
    """
    ours, state = _measured("neurorig", network, place(network, chips), steps, seed)
    filled = naive(network, chips)
    if filled is None:
        return {"placed": asdict(ours), "naive": None, "step_ratio": None, "same_states": None}
    theirs, other = _measured("in order, core by core", network, filled, steps, seed)
    return {
        "placed": asdict(ours),
        "naive": asdict(theirs),
        "step_ratio": theirs.step_s / ours.step_s,
        "same_states": bool(np.array_equal(state, other)),
    }


def _measured(name: str, network: Network, mapping: Mapping, steps: int, seed: int) -> tuple[Measured, Any]:
    schedule = schedule_for(network.n, network.density, {})
    run = Annealer(network, mapping, schedule, seed=seed, limit_s=FOREVER_S, limit_steps=steps)
    while len(run.advance()):
        pass
    events = run.events.astype(float) / steps
    links = per_core(run.routes, run.spiked)["link_messages"]
    return Measured(
        placement=name,
        chips=mapping.mesh.chips,
        cores=int(np.count_nonzero(mapping.hosted)),
        step_s=run.elapsed_s / steps,
        busiest_core_synaptic_operations=float(events[kernel.BUSIEST]),
        messages=float(events[kernel.MESSAGES]),
        hops=float(events[kernel.HOPS_EW] + events[kernel.HOPS_NS]),
        chip_crossings=float(events[kernel.CROSSINGS]),
        busiest_link_messages=float(links.max()) / steps,
    ), run.state()["x"]
