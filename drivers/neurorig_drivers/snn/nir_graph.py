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

from neurorig_drivers.snn.nir_delays import Late, Relays, delayed, relays_of, whole_steps
from neurorig_drivers.snn.nir_file import check_types, look_over, read_nodes
from neurorig_drivers.snn.nir_opened import NEURONS, TIME_CONSTANTS, Step, kind_of, opened, step_of
from neurorig_drivers.snn.operators import Operator, Shape, is_linear, is_supported, operator_of, unsupported
from neurorig_drivers.snn.real_network import Floats, Ints, RealNetwork, RealPopulation
from neurorig_protocols.errors import DoesNotFit, UserError

MAX_NEURONS = 1_000_000
MAX_SYNAPSES = 20_000_000
MAX_POPULATIONS = 500
"""What a report has room for."""


def read_nir(path: Path, dt: float | None = None) -> RealNetwork:
    """Read a graph. `dt` in the graph's unit of time; None takes the graph's metadata, or COMMON_DT.

    Raises UserError for a file or a node that is not supported, DoesNotFit for one that is too large.
    """
    look_over(path)
    check_types(path)
    return network_of(read_nodes(path), dt)


def network_of(graph: Any, dt: float | None = None) -> RealNetwork:
    """Return the network of a graph that was read."""
    nodes, before = opened(graph)
    return _Builder(nodes, before, step_of(graph, nodes, dt)).build()


@dataclass(frozen=True, eq=False)
class _Sum:
    """What reaches a place: one CSR matrix per source and delay, a constant, and the tensor's shape."""

    parts: dict[Late, Any]
    constant: Floats
    shape: Shape


class _Builder:
    """Strictly private: follows each neuron's input back to what spikes."""

    def __init__(self, nodes: dict[str, Any], before: dict[str, list[str]], step: Step) -> None:
        self._nodes = nodes
        self._before = before
        self._step = step
        self._known: dict[str, _Sum] = {}
        self._open: list[str] = []
        for name, node in nodes.items():
            if not is_supported(kind_of(node)):
                raise unsupported(name, kind_of(node))
        self._inputs = sorted(n for n, node in nodes.items() if kind_of(node) == "Input" and not before[n])
        # A file keeps no order of its own, so names give it.
        self._neurons = sorted(n for n, node in nodes.items() if kind_of(node) in NEURONS)

    def build(self) -> RealNetwork:
        if not self._neurons:
            raise UserError("the graph has no neurons", where="model")
        sizes = {name: math.prod(self._shape(name)) for name in (*self._inputs, *self._neurons)}
        _bound("neurons", sum(sizes[name] for name in self._neurons), MAX_NEURONS)
        populations, sums = [], []
        for name in self._neurons:
            reaching = self._reaching(name)
            population, gain = self._population(name, sizes[name], reaching.constant)
            populations.append(population)
            weighted = {source: _weighted(gain, matrix) for source, matrix in reaching.parts.items()}
            sums.append({source: matrix for source, matrix in weighted.items() if matrix.nnz})
        relays = relays_of(sums, MAX_NEURONS)
        populations += [row.population() for row in relays.values()]
        sums += [row.links() for row in relays.values()]
        held = sum(row.neurons for row in relays.values())
        _bound("populations with those that hold delays", len(populations), MAX_POPULATIONS)
        _bound("neurons with those that hold delays", sum(p.neurons for p in populations), MAX_NEURONS)
        notes = (f"dt = {self._step.dt:g}: {self._step.why}",)
        return RealNetwork(
            dt=self._step.dt,
            inputs=tuple((name, sizes[name]) for name in self._inputs),
            populations=tuple(populations),
            outputs=self._outputs(sizes),
            matrix=_stacked(sums, [p.neurons for p in populations], _columns(sizes, relays)),
            notes=(*notes, f"{held} neurons hold the delays, one for each line and step") if held else notes,
        )

    def _outputs(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """Return the neurons that the Output nodes show."""
        first = dict(zip(self._neurons, np.cumsum([0, *(sizes[n] for n in self._neurons)]).tolist(), strict=False))
        doors = [n for n, node in self._nodes.items() if kind_of(node) == "Output" and not self._leads_on(n)]
        found: list[int] = []
        for door in sorted(doors):
            reaching = self._reaching(door)
            for (source, late), matrix in reaching.parts.items():
                if late:
                    raise UserError(
                        f"the output '{door}' shows delayed spikes of '{source}'",
                        where="model",
                        next_step="Let the output follow the neurons; a delay behind them shows them later, no others.",
                    )
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
            kind, node = kind_of(self._nodes[name]), self._nodes[name]
            if kind in NEURONS or name in self._inputs:
                shape = self._shape(name)
                size = math.prod(shape)
                _bound("values of a node", size, MAX_NEURONS)
                self._known[name] = _Sum({(name, 0): sparse.identity(size, format="csr")}, np.zeros(size), shape)
            elif kind == "Delay":
                reaching = self._reaching(name)
                steps = whole_steps(name, node.delay, len(reaching.constant), self._step.dt)
                self._known[name] = _Sum(delayed(reaching.parts, steps), reaching.constant, reaching.shape)
            else:
                reaching = self._reaching(name)
                self._known[name] = _applied(self._operator(name, node, reaching.shape), reaching, name)
        return self._known[name]

    def _operator(self, name: str, node: Any, shape: Shape) -> Operator | None:
        kind = kind_of(node)
        if not is_linear(kind):
            return None
        try:
            operator = operator_of(kind, node, shape)
        except (ValueError, TypeError, AttributeError) as error:
            raise UserError(
                f"the node '{name}' ({kind}) cannot be read: {error}",
                where="model",
                next_step="Shapes of a graph have no dimensions of batch and time: export with a sample that has none, "
                "or let the exporter leave them out (ignore_dims).",
            ) from error
        if not (np.isfinite(operator.matrix.data).all() and np.isfinite(operator.bias).all()):
            raise UserError(f"a weight or bias of the node '{name}' ({kind}) is not finite", where="model")
        return operator

    def _reaching(self, name: str) -> _Sum:
        """Return the sum of what the nodes before a node send it."""
        if name in self._open:
            raise UserError(f"'{name}' feeds itself without a neuron in between", where="model")
        if not self._before[name]:
            if kind_of(self._nodes[name]) in NEURONS:
                size = math.prod(self._shape(name))
                return _Sum({}, np.zeros(size), (size,))
            raise UserError(f"nothing leads to the node '{name}'", where="model")
        self._open.append(name)
        sums = [self._after(source) for source in self._before[name]]
        self._open.pop()
        sizes = {len(part.constant) for part in sums}
        if len(sizes) != 1:
            raise UserError(f"the node '{name}' is reached by tensors of {sorted(sizes)} values", where="model")
        parts: dict[Late, Any] = {}
        for part in sums:
            for source, matrix in part.parts.items():
                parts[source] = parts[source] + matrix if source in parts else matrix
        return _Sum(parts, np.sum([part.constant for part in sums], axis=0), sums[0].shape)

    def _shape(self, name: str) -> Shape:
        node = self._nodes[name]
        if kind_of(node) == "Input":
            return _whole_shape(name, node.input_type["input"])
        own = np.shape(node.threshold if kind_of(node) == "Threshold" else node.v_threshold)
        before = self._before[name]
        # A parameter for all neurons alike: how many there are, the node before them tells.
        if math.prod(own) == 1 and before and name not in self._open:
            return self._reaching(name).shape
        return own or (1,)

    def _population(self, name: str, size: int, constant: Floats) -> tuple[RealPopulation, Floats]:
        """Return the neurons of a node, and what each makes of a unit of input in one step."""
        node, kind = self._nodes[name], kind_of(self._nodes[name])
        if len(constant) != size:
            raise UserError(f"the node '{name}' has {size} neurons and {len(constant)} inputs", where="model")

        def each(parameter: str) -> Floats:
            try:
                values = np.asarray(getattr(node, parameter), float)
                spread = np.broadcast_to(values.ravel(), (size,))
            except (TypeError, ValueError):
                raise UserError(
                    f"{parameter} of the node '{name}' is not {size} numbers, nor one for all", where="model"
                ) from None
            if not np.isfinite(spread).all():
                raise UserError(f"{parameter} of the node '{name}' is not finite", where="model")
            if parameter in TIME_CONSTANTS and (spread <= 0).any():
                raise UserError(f"{parameter} of the node '{name}' is not positive", where="model")
            return np.array(spread)

        cut = NEURONS[kind](self._step.dt, each)
        if (cut.keep_v < 0).any() or (cut.keep_u < 0).any():
            shortest = min(float(each(p).min()) for p in TIME_CONSTANTS if hasattr(node, p))
            raise UserError(
                f"a time constant of the node '{name}' is shorter than the step of {self._step.dt:g} "
                f"({self._step.why}): the shortest is {shortest:g}",
                where="model",
                next_step=f"Give the exporter's step with --dt, in the graph's unit of time: at most {shortest:g}.",
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


def _weighted(gain: Floats, matrix: Any) -> Any:
    from scipy import sparse

    found = (sparse.diags(gain, format="csr") @ matrix).tocsr()
    found.eliminate_zeros()
    return found


def _columns(sizes: dict[str, int], relays: dict[str, Relays]) -> dict[Late, tuple[int, Ints]]:
    """Return for each place the number of its first column, and which lines of its source have one, int64."""
    places = {(name, 0): np.arange(size) for name, size in sizes.items()}
    for name, row in relays.items():
        places |= {(name, late): lines for late, lines in enumerate(row.lines, start=1)}
    first = np.cumsum([0, *map(len, places.values())]).tolist()
    return {place: (column, lines) for column, (place, lines) in zip(first, places.items(), strict=False)}


def _stacked(sums: list[dict[Late, Any]], rows: list[int], columns: dict[Late, tuple[int, Ints]]) -> Any:
    """Return all synapses as one CSC matrix (neurons, inputs + neurons)."""
    from scipy import sparse

    pieces: list[tuple[Any, Any, Any]] = [(np.zeros(0), np.zeros(0, int), np.zeros(0, int))]
    first = 0
    for parts, size in zip(sums, rows, strict=True):
        for place, matrix in parts.items():
            column, lines = columns[place]
            part = matrix.tocoo()
            pieces.append((part.data, first + part.row, column + np.searchsorted(lines, part.col)))
        first += size
    _bound("synapses", sum(len(data) for data, _, _ in pieces), MAX_SYNAPSES)
    data, row, col = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
    width = sum(len(lines) for _, lines in columns.values())
    return sparse.csc_matrix((data, (row, col)), (first, width))


def _whole_shape(name: str, value: Any) -> Shape:
    try:
        sizes = np.atleast_1d(np.asarray(value, float)).ravel()
    except (TypeError, ValueError):
        sizes = np.array([math.nan])
    if not (np.isfinite(sizes).all() and (sizes >= 1).all() and (sizes == np.rint(sizes)).all()):
        raise UserError(f"the shape {str(value)[:80]} of the node '{name}' is not of whole numbers", where="model")
    return tuple(int(size) for size in sizes)


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
