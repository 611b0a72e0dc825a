"""Reads a NIR graph into a RealNetwork: sub-graphs opened, linear nodes multiplied out, neurons cut into time steps.

Forward Euler with the step dt: a LIF neuron keeps 1 - dt/tau of its membrane and takes dt/tau · R of its input.
A network starts at rest: membranes at their reset potential, currents at 0, but the current of a constant input
(a bias before a CubaLIF) at its final value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurorig_drivers.snn.hdf5 import look_over
from neurorig_drivers.snn.nir_neurons import NEURONS
from neurorig_drivers.snn.operators import Operator, Shape, is_linear, operator_of, unsupported
from neurorig_drivers.snn.real import Floats, RealNetwork, RealPopulation
from neurorig_protocols.errors import DoesNotFit, UserError

MAX_NODES = 500
MAX_NEURONS = 1_000_000
MAX_SYNAPSES = 20_000_000
COMMON_DT = 1e-4
"""The step that exporters of NIR graphs take where the graph does not tell."""


def read_nir(path: Path, dt: float | None = None) -> RealNetwork:
    """Read a graph. `dt` in the graph's unit of time; None takes the graph's metadata, or COMMON_DT.

    Raises UserError for a file or a node that is not supported, DoesNotFit for one that is too large.
    """
    look_over(path)
    import nir

    try:
        graph = nir.read(path, type_check=False)
    except Exception as error:  # the reader raises whatever a malformed file leads it to
        raise UserError(f"the network is no NIR graph: {type(error).__name__}: {error}", where="model") from error
    return network_of(graph, dt)


def network_of(graph: Any, dt: float | None = None) -> RealNetwork:
    """Return the network of a graph that was read."""
    nodes, before = _opened(graph)
    step, why = _step(graph, nodes, dt)
    return _Builder(nodes, before, step).build(why)


def _step(graph: Any, nodes: dict[str, Any], dt: float | None) -> tuple[float, str]:
    told = graph.metadata.get("dt") if isinstance(graph.metadata, dict) else None
    timed = any(hasattr(node, "tau") or hasattr(node, "tau_mem") for node in nodes.values())
    choices = ((dt, "the job"), (told, "the graph's metadata"), (None if timed else 1.0, "no node has a time constant"))
    for value, why in choices:
        if value is not None:
            number = float(np.asarray(value).item())
            if not (math.isfinite(number) and number > 0):
                raise UserError(f"a time step of {number} is not possible", where="dt")
            return number, why
    return COMMON_DT, "the common step of NIR exporters; neither the job nor the graph tells one"


def _opened(graph: Any, prefix: str = "", depth: int = 0) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return all nodes by full name, and for each the names of those before it; sub-graphs are opened."""
    if depth > 8:
        raise UserError("graphs lie in graphs more than 8 deep", where="model")
    nodes: dict[str, Any] = {}
    before: dict[str, list[str]] = {}
    entry, way_out = {}, {}
    for name, node in graph.nodes.items():
        full = prefix + str(name)
        if _kind(node) == "NIRGraph":
            inner, links = _opened(node, f"{full}/", depth + 1)
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
    doors = [str(inner) for inner, node in graph.nodes.items() if _kind(node) == kind]
    if len(doors) != 1:
        raise UserError(f"the graph in the node '{name}' has {len(doors)} {kind} nodes, not one", where="model")
    return f"{name}/{doors[0]}"


def _kind(node: Any) -> str:
    return type(node).__name__


@dataclass(frozen=True, eq=False)
class _Sum:
    """What reaches a place: one sparse matrix per source, a constant, and the tensor's shape."""

    parts: dict[str, Any]
    constant: Floats
    shape: Shape


class _Builder:
    """Strictly private: follows each neuron's input back to what spikes."""

    def __init__(self, nodes: dict[str, Any], before: dict[str, list[str]], dt: float) -> None:
        self._nodes = nodes
        self._before = before
        self._dt = dt
        self._known: dict[str, _Sum] = {}
        self._open: list[str] = []
        for name, node in nodes.items():
            kind = _kind(node)
            if not (is_linear(kind) or kind in NEURONS or kind in ("Input", "Output")):
                raise unsupported(name, kind)
        self._inputs = sorted(n for n, node in nodes.items() if _kind(node) == "Input" and not before[n])
        # A file keeps no order of its own, so names give it.
        self._neurons = sorted(n for n, node in nodes.items() if _kind(node) in NEURONS)

    def build(self, why_dt: str) -> RealNetwork:
        from scipy import sparse

        if not self._neurons:
            raise UserError("the graph has no neurons", where="model")
        _bound("neurons", sum(math.prod(self._shape(name)) for name in self._neurons), MAX_NEURONS)
        populations, rows = [], []
        sources = [*self._inputs, *self._neurons]
        sizes = {name: math.prod(self._shape(name)) for name in sources}
        for name in self._neurons:
            reaching = self._reaching(name)
            population, gain = self._population(name, sizes[name], reaching.constant)
            populations.append(population)
            parts = [reaching.parts.get(s, sparse.csr_matrix((sizes[name], sizes[s]))) for s in sources]
            rows.append(sparse.diags(gain) @ sparse.hstack(parts, format="csr"))
        matrix = sparse.vstack(rows, format="csc")
        matrix.eliminate_zeros()
        _bound("synapses", matrix.nnz, MAX_SYNAPSES)
        return RealNetwork(
            dt=self._dt,
            inputs=tuple((name, sizes[name]) for name in self._inputs),
            populations=tuple(populations),
            outputs=self._outputs(sizes),
            matrix=matrix,
            notes=(f"dt = {self._dt:g}: {why_dt}",),
        )

    def _outputs(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """Return the neurons that the Output nodes show."""
        first = dict(zip(self._neurons, np.cumsum([0, *(sizes[n] for n in self._neurons)]).tolist(), strict=False))
        doors = [n for n, node in self._nodes.items() if _kind(node) == "Output" and not self._leads_on(n)]
        found: list[int] = []
        for door in sorted(doors):
            reaching = self._reaching(door)
            for source, matrix in reaching.parts.items():
                if source not in first or not _is_identity(matrix):
                    raise UserError(
                        f"the output '{door}' shows sums of '{source}', not spikes of neurons",
                        where="model",
                        next_step="Let the output follow a node of neurons (IF, LIF, CubaLIF).",
                    )
                found += range(first[source], first[source] + sizes[source])
        if not found:
            raise UserError("the graph has no Output node, so no neuron is observed", where="model")
        return tuple(found)

    def _leads_on(self, name: str) -> bool:
        return any(name in sources for sources in self._before.values())

    def _after(self, name: str) -> _Sum:
        """Return what leaves a node."""
        from scipy import sparse

        if name not in self._known:
            kind, node = _kind(self._nodes[name]), self._nodes[name]
            if kind in NEURONS or name in self._inputs:
                shape = self._shape(name)
                size = math.prod(shape)
                _bound("values of a node", size, MAX_NEURONS)
                self._known[name] = _Sum({name: sparse.identity(size, format="csr")}, np.zeros(size), shape)
            else:
                reaching = self._reaching(name)
                self._known[name] = _applied(self._operator(name, node, reaching.shape), reaching, name)
        return self._known[name]

    def _operator(self, name: str, node: Any, shape: Shape) -> Operator | None:
        if not is_linear(_kind(node)):
            return None
        try:
            return operator_of(_kind(node), node, shape)
        except (ValueError, TypeError, AttributeError) as error:
            raise UserError(f"the node '{name}' ({_kind(node)}) cannot be read: {error}", where="model") from error

    def _reaching(self, name: str) -> _Sum:
        """Return the sum of what the nodes before a node send it."""
        if name in self._open:
            raise UserError(f"'{name}' feeds itself without a neuron in between", where="model")
        if not self._before[name]:
            if _kind(self._nodes[name]) in NEURONS:
                size = math.prod(self._shape(name))
                return _Sum({}, np.zeros(size), (size,))
            raise UserError(f"nothing leads to the node '{name}'", where="model")
        self._open.append(name)
        sums = [self._after(source) for source in self._before[name]]
        self._open.pop()
        sizes = {len(part.constant) for part in sums}
        if len(sizes) != 1:
            raise UserError(f"the node '{name}' is reached by tensors of {sorted(sizes)} values", where="model")
        parts: dict[str, Any] = {}
        for part in sums:
            for source, matrix in part.parts.items():
                parts[source] = parts[source] + matrix if source in parts else matrix
        return _Sum(parts, np.sum([part.constant for part in sums], axis=0), sums[0].shape)

    def _shape(self, name: str) -> Shape:
        node = self._nodes[name]
        if _kind(node) == "Input":
            return tuple(int(size) for size in np.atleast_1d(node.input_type["input"]))
        own = np.shape(node.threshold if _kind(node) == "Threshold" else node.v_threshold)
        before = self._before[name]
        # A parameter for all neurons alike: how many there are, the node before them tells.
        if math.prod(own) == 1 and before and name not in self._open:
            return self._reaching(name).shape
        return own or (1,)

    def _population(self, name: str, size: int, constant: Floats) -> tuple[RealPopulation, Floats]:
        """Return the neurons of a node, and what each makes of a unit of input in one step."""
        node, kind = self._nodes[name], _kind(self._nodes[name])
        if len(constant) != size:
            raise UserError(f"the node '{name}' has {size} neurons and {len(constant)} inputs", where="model")

        def each(value: Any) -> Floats:
            try:
                spread = np.broadcast_to(np.asarray(value, float).ravel(), (size,))
            except ValueError:
                raise UserError(
                    f"a parameter of the node '{name}' does not have {size} values", where="model"
                ) from None
            if not np.isfinite(spread).all():
                raise UserError(f"a parameter of the node '{name}' is not finite", where="model")
            return np.array(spread)

        cut = NEURONS[kind](node, self._dt, each)
        if (cut.keep_v < 0).any() or (cut.keep_u < 0).any():
            raise UserError(
                f"a time constant of the node '{name}' is shorter than the step of {self._dt:g}",
                where="model",
                next_step="Give a shorter dt.",
            )
        if (cut.threshold < 0).any():
            raise UserError(f"a threshold of the node '{name}' lies below its reset potential", where="model")
        bias = cut.bias + cut.gain * constant / (1 - cut.keep_u)
        late = bool((cut.keep_u > 0).any() and constant.any())
        notes = ("the current of its bias has its final value from the first step on",) if late else ()
        return RealPopulation(name, kind, cut.keep_u, cut.keep_v, cut.threshold, bias, notes), cut.gain


def _applied(operator: Operator | None, reaching: _Sum, name: str) -> _Sum:
    if operator is None:
        return reaching
    parts = {source: operator.matrix @ matrix for source, matrix in reaching.parts.items()}
    for matrix in parts.values():
        _bound(f"connections behind '{name}'", matrix.nnz, MAX_SYNAPSES)
    return _Sum(parts, operator.matrix @ reaching.constant + operator.bias, operator.shape)


def _is_identity(matrix: Any) -> bool:
    from scipy import sparse

    return (
        bool((matrix - sparse.identity(matrix.shape[0])).count_nonzero() == 0) if len(set(matrix.shape)) == 1 else False
    )


def _bound(what: str, needed: int, available: int) -> None:
    if needed > available:
        raise DoesNotFit(
            f"the network has {needed:,} {what}, {available:,} are read at most",
            where="model",
            limit=what,
            needed=int(needed),
            available=available,
        )
