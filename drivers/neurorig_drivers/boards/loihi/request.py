"""What the worker's annealing network is told, so that it is the virtual chip's network, step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurorig_drivers.framing import Arrays
from neurorig_drivers.virtual.chip.annealer import _mix as key_of
from neurorig_drivers.virtual.chip.network import Network
from neurorig_drivers.virtual.chip.schedule import Schedule
from neurorig_drivers.virtual.chip.temperatures import scale


def prepare_qubo(
    network: Network,
    schedule: Schedule,
    *,
    seed: int,
    target_costs: Sequence[float] = (),
    stop_at_targets: bool = False,
    max_steps: int | None = None,
    record: bool = False,
) -> tuple[dict[str, Any], Arrays]:
    """Return body and arrays of the worker's `prepare`; targets are met in falling order.

    With `record` the answer holds the state (steps, n) and the cost (steps,) of every step.
    """
    words = schedule.words(scale(network))
    steps = {
        "levels": schedule.levels,
        "growth": schedule.growth,
        "steps_per_level": schedule.steps_per_level,
        "steps_per_level_max": schedule.steps_per_level_max,
    }
    body = {
        "kind": "qubo",
        "key": key_of(seed),
        "words": {**words, **steps},
        "shifts": [schedule.refract_scaling, schedule.clash_scaling, schedule.start_scaling],
        "max_steps": max_steps,
        "stop_at_targets": stop_at_targets,
        "record": record,
    }
    arrays: Arrays = {
        "diagonal": network.diagonal,
        "start": network.start,
        "target": network.target,
        "weight": network.weight,
        "target_costs": np.sort(np.array([math.floor(target) for target in target_costs], np.int64))[::-1].copy(),
    }
    return body, arrays
