"""From a network in real numbers to a chip's integers (`workloads.snn.network`), with the error of every rounding.

Each population gets a scale of its own: membrane units per unit of the graph. Its weights, thresholds and biases are
scaled alike, so nothing but the rounding changes. Thresholds are rounded down, which changes nothing where the
weights are exact: an integer exceeds a number when it exceeds the number rounded down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurorig_drivers.snn.real_network import Floats, Ints, RealNetwork, RealPopulation
from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.workloads.snn.network import (
    DECAY_ONE,
    STATE_LIMIT,
    WEIGHT_MAX,
    WEIGHT_MIN,
    WEIGHT_SHIFT,
    SpikingNetwork,
)

WEIGHT_ONE = 1 << WEIGHT_SHIFT
_NEAR = 1e-9
_ALONE = 1 << 20
"""Threshold of a population that no synapse reaches, whose scale is free."""


@dataclass(frozen=True, eq=False)
class Lowered:
    """A network for a chip and what its rounding cost: `report` holds JSON values."""

    network: SpikingNetwork
    populations: tuple[str, ...]
    report: dict[str, Any]


def lower(real: RealNetwork) -> Lowered:
    """Round a network; DoesNotFit when a value has no place in the chip's words."""
    csc = real.matrix
    counts = np.diff(csc.indptr)
    population = real.population_of
    weight = np.zeros(csc.nnz, np.int64)
    pieces: dict[str, list[Ints]] = {name: [] for name in ("du", "dv", "vth", "bias")}
    reports, notes = [], list(real.notes)
    for number, part in enumerate(real.populations):
        here = population[csc.indices] == number
        scale, exact = _scale(part, csc.data[here])
        rounded = np.clip(np.rint(csc.data[here] * scale / WEIGHT_ONE), WEIGHT_MIN, WEIGHT_MAX)
        _check_not_lost(part, csc.data[here], rounded)
        weight[here] = rounded.astype(np.int64)
        words = _words(part, scale)
        for name, values in words.items():
            pieces[name].append(values)
        notes += _lost_leak(part, words["dv"])
        reports.append(_report(part, _Rounded(scale, exact, csc.data[here], rounded), words))
    # Synapses that were rounded to nothing are still there: a chip that holds them reads them.
    network = SpikingNetwork(
        inputs=real.input_lines,
        population=population,
        outputs=np.array(real.outputs, np.int64),
        start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        target=csc.indices.astype(np.int64),
        weight=weight,
        **{name: np.concatenate(values) for name, values in pieces.items()},
    )
    checked = SpikingNetwork.from_arrays(network.inputs, network.to_arrays())
    names = tuple(part.name for part in real.populations)
    report = {"dt": real.dt, "notes": notes, "populations": reports}
    return Lowered(checked, names, report)


def _check_not_lost(part: RealPopulation, weights: Floats, rounded: Floats) -> None:
    """Refuse a population that no input could ever reach: it would be silent, and its numbers would look right."""
    if not weights.size or rounded.any():
        return
    share = float(np.abs(weights).max() / max(part.threshold.max(), np.abs(part.bias).max()))
    raise DoesNotFit(
        f"every weight of '{part.name}' rounds to nothing: a spike moves a membrane by at most {share:.1e} of its "
        "threshold or bias",
        where="model",
        next_step="Check the step: in the graph's unit of time a time constant should be some steps long. "
        "Give the exporter's step with --dt.",
        limit="part of the threshold that a weight must move",
        needed=share,
        available=WEIGHT_ONE / 2 / STATE_LIMIT,
    )


def _scale(part: RealPopulation, weights: Floats) -> tuple[float, bool]:
    """Return membrane units per unit of the graph, and whether every weight is exact with it."""
    largest = float(np.abs(weights).max(initial=0.0))
    states = np.array([part.threshold.max(), np.abs(part.bias).max()])
    room = STATE_LIMIT / states.max() if states.max() > 0 else np.inf
    if largest == 0.0:
        return float(min(_ALONE / (part.threshold.max() or 1.0), room)), True
    finest = min(WEIGHT_MAX * WEIGHT_ONE / largest, room)
    exact = _exact_scale(np.unique(weights), finest)
    return (finest, False) if exact is None else (exact, True)


def _exact_scale(values: Floats, finest: float) -> float | None:
    """Return the finest scale with which all weights are whole, None when there is none."""
    values = values[values != 0]
    if len(values) > WEIGHT_MAX - WEIGHT_MIN:
        return None
    least = float(np.abs(values).min())
    for multiple in range(int(least * finest / WEIGHT_ONE * (1 + _NEAR)), 0, -1):
        scaled = values * (multiple / least)
        if (np.abs(scaled - np.rint(scaled)) <= _NEAR * np.abs(scaled)).all():
            return multiple * WEIGHT_ONE / least
    return None


def _words(part: RealPopulation, scale: float) -> dict[str, Ints]:
    threshold = part.threshold * scale
    near = np.rint(threshold)
    # A whole number that floating point missed by a hair is that number.
    vth = np.where(np.abs(threshold - near) <= _NEAR * np.maximum(near, 1.0), near, np.floor(threshold))
    words = {
        "du": np.rint((1 - part.keep_u) * DECAY_ONE),
        "dv": np.rint((1 - part.keep_v) * DECAY_ONE),
        "vth": vth,
        "bias": np.rint(part.bias * scale),
    }
    if (words["du"] < 1).any():
        raise DoesNotFit(
            f"a synaptic time constant of '{part.name}' is longer than {2 * DECAY_ONE} steps: a chip would keep the "
            "current for ever",
            where="model",
            next_step="Give a longer dt.",
            limit="steps of a synaptic time constant",
            needed=float((1 / np.maximum(1 - part.keep_u, 1e-300)).max()),
            available=2 * DECAY_ONE,
        )
    return {name: values.astype(np.int64) for name, values in words.items()}


def _lost_leak(part: RealPopulation, decay: Ints) -> list[str]:
    lost = int(((decay == 0) & (part.keep_v < 1)).sum())
    if not lost:
        return []
    return [
        f"'{part.name}': {lost} of {part.neurons} neurons lose their leak to rounding, a time constant is longer than "
        f"{2 * DECAY_ONE} steps; check dt"
    ]


@dataclass(frozen=True, eq=False)
class _Rounded:
    scale: float
    exact: bool
    weights: Floats
    words: Floats


def _report(part: RealPopulation, weight: _Rounded, words: dict[str, Ints]) -> dict[str, Any]:
    """Return the errors of weights, thresholds and biases as shares of the largest weight, decays as they are."""
    scale, weights, rounded = weight.scale, weight.weights, weight.words
    largest = float(np.abs(weights).max(initial=0.0))
    back = rounded * WEIGHT_ONE / scale
    unit = largest or float(part.threshold.max()) or 1.0
    return {
        "name": part.name,
        "kind": part.kind,
        "neurons": part.neurons,
        "synapses": len(weights),
        "scale": scale,
        "exact_weights": weight.exact,
        "weight_error": float(np.abs(back - weights).max(initial=0.0)) / unit,
        "weights_lost": int(((rounded == 0) & (weights != 0)).sum()),
        "threshold_error": float(np.abs(words["vth"] / scale - part.threshold).max()) / unit,
        "bias_error": float(np.abs(words["bias"] / scale - part.bias).max()) / unit,
        "decay_error": max(_decay_error(words["du"], part.keep_u), _decay_error(words["dv"], part.keep_v)),
        "notes": list(part.notes),
    }


def _decay_error(word: Ints, keep: Floats) -> float:
    return float(np.abs(1 - word / DECAY_ONE - keep).max())
