"""What the placement is worth: the same network with the same seed, placed by `mapping` and in two naive ways, all run.

Filling core by core takes the fewest cores, so much of what it loses it loses for want of cores. Dealing out in turn
takes as many cores as ours, so what it loses is what the choice of neighbours is worth. Placement changes time and
traffic only. Random numbers belong to neurons and steps, so all runs go through the same states, which is checked.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from neurorig_drivers.annealing.network import Network
from neurorig_drivers.annealing.schedule import schedule_for
from neurorig_lab.chip import constants, kernel
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.chip_programs import per_core
from neurorig_lab.chip.mapping import naive, place, round_robin
from neurorig_lab.chip.placed import Mapping
from neurorig_lab.chip.work import core_ticks

FOREVER_S = 1e6
NAIVE = {"in_order": "in order, core by core", "round_robin": "in turn, one to each core"}
"""The naive placements, by their key in the report."""


@dataclass(frozen=True)
class Measured:
    """What one placement took: means per step, from a run of some steps.

    `busiest_core_s` is the mean work of the core with the most of it; steps in which another core had more take longer.
    """

    placement: str
    chips: int
    cores: int
    step_s: float
    busiest_core_s: float
    busiest_core_synaptic_operations: float
    messages: float
    hops: float
    chip_crossings: float
    busiest_link_messages: float


def compare(network: Network, chips: int = 1, *, steps: int = 2_000, seed: int = 0) -> dict[str, Any]:
    """Return the figures of ours ("placed") and of each naive placement; DoesNotFit when ours does not.

    A naive placement is None when it breaks a limit. "step_ratio" tells of each how many times longer its step takes.
    Leaves delay the cost by a step, never the spikes.
    """
    mapping = place(network, chips)
    ours, state = _measured("neurorig", network, mapping, steps, seed)
    found: dict[str, Any] = {"placed": asdict(ours), "step_ratio": {}, "same_states": None}
    for key, other in (("in_order", naive(network, chips)), ("round_robin", round_robin(network, mapping))):
        found[key] = found["step_ratio"][key] = None
        if other is not None:
            theirs, reached = _measured(NAIVE[key], network, other, steps, seed)
            found[key] = asdict(theirs)
            found["step_ratio"][key] = theirs.step_s / ours.step_s
            found["same_states"] = found["same_states"] is not False and bool(np.array_equal(state, reached))
    return found


def _measured(name: str, network: Network, mapping: Mapping, steps: int, seed: int) -> tuple[Measured, Any]:
    schedule = schedule_for(network.n, network.density, {})
    run = Annealer(network, mapping, schedule, seed=seed, limit_s=FOREVER_S, limit_steps=steps)
    while len(run.advance()):
        pass
    events = run.events.astype(float) / steps
    links = per_core(run.routes, run.spiked)["link_messages"]
    work = core_ticks(run.routes, mapping.hosted, run.spiked / steps)
    return Measured(
        placement=name,
        chips=mapping.mesh.chips,
        cores=int(np.count_nonzero(mapping.hosted)),
        step_s=run.elapsed_s / steps,
        busiest_core_s=float(work.max()) * constants.TICK_S,
        busiest_core_synaptic_operations=float(events[kernel.BUSIEST]),
        messages=float(events[kernel.MESSAGES]),
        hops=float(events[kernel.HOPS_EW] + events[kernel.HOPS_NS]),
        chip_crossings=float(events[kernel.CROSSINGS]),
        busiest_link_messages=float(links.max()) / steps,
    ), run.state()["x"]
