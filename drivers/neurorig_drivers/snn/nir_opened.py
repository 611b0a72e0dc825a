"""A NIR graph opened up: every node with those before it, and neurons cut into time steps by forward Euler."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurorig_drivers.snn.real_network import Floats
from neurorig_protocols.errors import UserError


@dataclass(frozen=True, eq=False)
class Cut:
    """Neurons in steps: what is kept of current and membrane, threshold and bias from the reset potential, gain."""

    keep_u: Floats
    keep_v: Floats
    threshold: Floats
    bias: Floats
    gain: Floats


Each = Callable[[str], Floats]
"""A parameter of the node by its name, one value for each neuron."""

TIME_CONSTANTS = ("tau", "tau_mem", "tau_syn")


def _if(dt: float, each: Each) -> Cut:
    reset = each("v_reset")
    return Cut(0 * reset, 0 * reset + 1, each("v_threshold") - reset, 0 * reset, dt * each("r"))


def _lif(dt: float, each: Each) -> Cut:
    reset, share = each("v_reset"), dt / each("tau")
    bias = share * (each("v_leak") - reset)
    return Cut(0 * reset, 1 - share, each("v_threshold") - reset, bias, share * each("r"))


def _cuba_lif(dt: float, each: Each) -> Cut:
    reset, share, share_u = each("v_reset"), dt / each("tau_mem"), dt / each("tau_syn")
    bias = share * (each("v_leak") - reset)
    gain = share * each("r") * share_u * each("w_in")
    return Cut(1 - share_u, 1 - share, each("v_threshold") - reset, bias, gain)


def _threshold(dt: float, each: Each) -> Cut:  # noqa: ARG001 - it has no time
    level = each("threshold")
    return Cut(0 * level, 0 * level, level, 0 * level, 0 * level + 1)


NEURONS: dict[str, Callable[[float, Each], Cut]] = {
    "IF": _if,
    "LIF": _lif,
    "CubaLIF": _cuba_lif,
    "Threshold": _threshold,
}


MAX_NODES = 500
MAX_DEPTH = 8
COMMON_DT = 1e-4
"""The step that exporters of NIR graphs take where the graph does not tell."""


@dataclass(frozen=True)
class Step:
    """The duration of a step in the graph's unit of time, and who says so."""

    dt: float
    why: str


def kind_of(node: Any) -> str:
    """Return the type of a node as NIR names it."""
    return type(node).__name__


def step_of(graph: Any, nodes: dict[str, Any], dt: float | None) -> Step:
    """Return the step of the job, of the graph's metadata, or of habit; UserError when it is none."""
    told = graph.metadata.get("dt") if isinstance(graph.metadata, dict) else None
    timed = any(hasattr(node, name) for node in nodes.values() for name in TIME_CONSTANTS)
    choices = ((dt, "the job"), (told, "the graph's metadata"), (None if timed else 1.0, "no node has a time constant"))
    for value, why in choices:
        if value is not None:
            return Step(_number(value), why)
    return Step(COMMON_DT, "the common step of NIR exporters; neither the job nor the graph tells one")


def _number(value: Any) -> float:
    try:
        number = float(np.asarray(value).item())
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise UserError(
            f"a time step of {str(value)[:80]} is not possible",
            where="dt",
            next_step="Write one positive number as metadata={'dt': ...}, or give it with --dt.",
        )
    return number


def opened(graph: Any, prefix: str = "", depth: int = 0) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return all nodes by full name, and for each the names of those before it; sub-graphs are opened.

    Raises UserError for edges that lead nowhere, for sub-graphs without one way in and out, and beyond the bounds.
    """
    if depth > MAX_DEPTH:
        raise UserError(f"graphs lie in graphs more than {MAX_DEPTH} deep", where="model")
    nodes: dict[str, Any] = {}
    before: dict[str, list[str]] = {}
    entry, way_out = {}, {}
    for name, node in graph.nodes.items():
        full = prefix + str(name)
        if kind_of(node) == "NIRGraph":
            inner, links = opened(node, f"{full}/", depth + 1)
            nodes |= inner
            before |= links
            entry[name], way_out[name] = _door(node, full, "Input"), _door(node, full, "Output")
        else:
            nodes[full] = node
            before[full] = []
            entry[name] = way_out[name] = full
    for source, target in graph.edges:
        if source not in entry or target not in entry:
            raise UserError(f"an edge leads from '{source}' to '{target}', and one of them is missing", where="model")
        if way_out[source] not in before[entry[target]]:
            before[entry[target]].append(way_out[source])
    if len(nodes) > MAX_NODES:
        raise UserError(f"the graph has {len(nodes)} nodes, {MAX_NODES} are read at most", where="model")
    return nodes, before


def _door(graph: Any, name: str, kind: str) -> str:
    doors = [str(inner) for inner, node in graph.nodes.items() if kind_of(node) == kind]
    if len(doors) != 1:
        raise UserError(f"the graph in the node '{name}' has {len(doors)} {kind} nodes, not one", where="model")
    return f"{name}/{doors[0]}"
