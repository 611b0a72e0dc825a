"""NIR's linear nodes as sparse matrices: what one unit at each input of a node adds to each of its outputs.

Tensors are flattened in C order, so Flatten changes a shape and no number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_protocols.errors import DoesNotFit, UserError

MAX_ENTRIES = 20_000_000
"""Entries of one matrix before zeros are dropped."""

Shape = tuple[int, ...]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Operator:
    """y = matrix · x + bias. `matrix` is a scipy.sparse CSR matrix (outputs, inputs), bias float64 (outputs,)."""

    matrix: Any
    bias: Floats
    shape: Shape


def operator_of(kind: str, node: Any, shape: Shape) -> Operator:
    """Return the operator of a linear node for inputs of a shape; ValueError when they do not go together."""
    return _BUILDERS[kind](node, shape)


def is_linear(kind: str) -> bool:
    """Return whether a node of this type is one."""
    return kind in _BUILDERS


def _linear(node: Any, shape: Shape) -> Operator:
    from scipy import sparse

    weight = np.asarray(node.weight, float)
    if weight.ndim != 2 or weight.shape[1] != math.prod(shape):
        raise ValueError(f"its weight has the shape {weight.shape}, its input {shape}")
    bias = np.broadcast_to(np.asarray(getattr(node, "bias", 0.0), float), (len(weight),))
    return Operator(sparse.csr_matrix(weight), np.array(bias), (len(weight),))


def _scale(node: Any, shape: Shape) -> Operator:
    from scipy import sparse

    scale = np.broadcast_to(np.asarray(node.scale, float), shape).ravel()
    return Operator(sparse.diags(scale, format="csr"), np.zeros(len(scale)), shape)


def _flatten(node: Any, shape: Shape) -> Operator:  # noqa: ARG001 - every builder has these arguments
    from scipy import sparse

    size = math.prod(shape)
    return Operator(sparse.identity(size, format="csr"), np.zeros(size), (size,))


def _conv2d(node: Any, shape: Shape) -> Operator:
    weight, groups = np.asarray(node.weight, float), int(node.groups)
    channels, height, width = _image(shape)
    if weight.ndim != 4:
        raise ValueError(f"its weight has the shape {weight.shape}, not (outputs, channels, height, width)")
    outputs, per_group, *kernel = weight.shape
    if groups < 1 or outputs % groups or per_group * groups != channels:
        raise ValueError(f"its weight has the shape {weight.shape} with {groups} groups, its input {shape}")
    grid = _grid((height, width), (kernel[0], kernel[1]), node.stride, node.padding, node.dilation)
    return _shared(weight, groups, channels, grid, np.broadcast_to(np.asarray(node.bias, float), (outputs,)))


def _conv1d(node: Any, shape: Shape) -> Operator:
    """Return a convolution along a line as that of an image of height 1."""
    weight = np.asarray(node.weight, float)
    if len(shape) != 2 or weight.ndim != 3:
        raise ValueError(f"its weight has the shape {weight.shape}, its input {shape}, not (channels, length)")
    flat = SimpleNamespace(
        weight=weight[:, :, np.newaxis, :],
        bias=node.bias,
        groups=node.groups,
        stride=(1, _whole(node.stride)),
        dilation=(1, _whole(node.dilation)),
        padding=node.padding if isinstance(node.padding, str | bytes) else (0, _whole(node.padding)),
    )
    found = _conv2d(flat, (shape[0], 1, shape[1]))
    return Operator(found.matrix, found.bias, (found.shape[0], found.shape[2]))


def _pool2d(mean: bool) -> Callable[[Any, Shape], Operator]:
    def build(node: Any, shape: Shape) -> Operator:
        channels, height, width = _image(shape)
        kernel = _pair(node.kernel_size)
        grid = _grid((height, width), kernel, node.stride, node.padding, 1)
        share = 1.0 / math.prod(kernel) if mean else 1.0
        return _shared(np.full((channels, 1, *kernel), share), channels, channels, grid, np.zeros(channels))

    return build


@dataclass(frozen=True)
class _Grid:
    """Which pixel each kernel element reads for each output pixel: `pixel` int64 (kernel elements, out), -1 outside."""

    pixel: Ints
    pixels_in: int
    out: tuple[int, int]


def _grid(size: tuple[int, int], kernel: tuple[int, int], stride: Any, padding: Any, dilation: Any) -> _Grid:
    steps, spread = _pair(stride), _pair(dilation)
    if min(*steps, *spread, *kernel) < 1:
        raise ValueError("a stride, a dilation or a kernel is smaller than 1")
    _bound(max(kernel) * max(_reach(size, padding)))
    axes = [_axis(size[k], kernel[k], steps[k], _padding(padding, k, kernel[k], spread[k]), spread[k]) for k in (0, 1)]
    (rows, out_h), (cols, out_w) = axes
    entries = len(rows) * len(cols) * out_h * out_w
    _bound(entries)
    row = rows[:, np.newaxis, :, np.newaxis]
    col = cols[np.newaxis, :, np.newaxis, :]
    pixel = np.where((row >= 0) & (col >= 0), row * size[1] + col, -1)
    return _Grid(pixel.reshape(len(rows) * len(cols), out_h * out_w), math.prod(size), (out_h, out_w))


def _reach(size: tuple[int, int], padding: Any) -> list[int]:
    """Return the most positions that a kernel may take along each axis, before any array of them is made."""
    text = isinstance(padding, str | bytes)
    return [size[k] if text else size[k] + 2 * abs(_pair(padding)[k]) for k in (0, 1)]


def _axis(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int) -> tuple[Ints, int]:
    """Return the positions (kernel, out) that are read along one axis, -1 outside, and the output's length."""
    before, after = padding
    reach = dilation * (kernel - 1) + 1
    out = (size + before + after - reach) // stride + 1
    if out < 1:
        raise ValueError(f"its kernel reaches over {reach} of {size + before + after} positions")
    position = np.arange(kernel)[:, np.newaxis] * dilation + np.arange(out)[np.newaxis, :] * stride - before
    return np.where((position >= 0) & (position < size), position, -1), out


def _padding(padding: Any, axis: int, kernel: int, dilation: int) -> tuple[int, int]:
    text = padding.decode() if isinstance(padding, bytes) else padding
    if isinstance(text, str):
        if text not in ("same", "valid"):
            raise ValueError(f"its padding is '{text}'")
        total = dilation * (kernel - 1) if text == "same" else 0
        return total // 2, total - total // 2
    size = _pair(padding)[axis]
    if size < 0:
        raise ValueError("its padding is negative")
    return size, size


def _shared(weight: Floats, groups: int, channels: int, grid: _Grid, bias: Floats) -> Operator:
    """Return the matrix of a kernel (outputs, channels per group, kh, kw) that is moved over an image."""
    from scipy import sparse

    outputs, per_group = weight.shape[:2]
    pixels_out = math.prod(grid.out)
    _bound(weight.size * pixels_out)
    element, place = np.nonzero(grid.pixel >= 0)
    pixel = grid.pixel[element, place]
    flat = weight.reshape(outputs, per_group, -1)
    rows, cols, values = [], [], []
    for output in range(outputs):
        first = output // (outputs // groups) * per_group
        for channel in range(per_group):
            rows.append(output * pixels_out + place)
            cols.append((first + channel) * grid.pixels_in + pixel)
            values.append(flat[output, channel, element])
    shape = (outputs * pixels_out, channels * grid.pixels_in)
    matrix = sparse.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(cols))), shape=shape)
    matrix.eliminate_zeros()
    return Operator(matrix, np.repeat(np.asarray(bias, float), pixels_out), (outputs, *grid.out))


def _image(shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(f"its input has the shape {shape}, not (channels, height, width)")
    return shape[0], shape[1], shape[2]


def _pair(value: Any) -> tuple[int, int]:
    found = np.broadcast_to(np.asarray(value), (2,))
    if not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"{value!r} is not a pair of whole numbers")
    return int(found[0]), int(found[1])


def _whole(value: Any) -> Any:
    """Return a number, also where a file holds it as an array of one."""
    return np.asarray(value).reshape(-1)[0] if np.size(value) == 1 else value


def _bound(entries: int) -> None:
    if entries > MAX_ENTRIES:
        raise DoesNotFit(
            f"a layer has {entries:,} connections, {MAX_ENTRIES:,} are read at most",
            where="model",
            limit="connections of a layer",
            needed=entries,
            available=MAX_ENTRIES,
        )


_BUILDERS: dict[str, Callable[[Any, Shape], Operator]] = {
    "Linear": _linear,
    "Affine": _linear,
    "Conv1d": _conv1d,
    "Conv2d": _conv2d,
    "Flatten": _flatten,
    "SumPool2d": _pool2d(mean=False),
    "AvgPool2d": _pool2d(mean=True),
    "Scale": _scale,
}


_OTHERS = ("Input", "Output", "IF", "LIF", "CubaLIF", "Threshold", "Delay")

_READOUT = (
    "A readout of potentials gives no spikes. Let the Output follow the last spiking neurons, or replace this node by "
    "the spiking one ({}) of the same equation with a threshold, and take the output with the most spikes."
)
_ADVICE = {
    "LI": _READOUT.format("LIF"),
    "CubaLI": _READOUT.format("CubaLIF"),
    "I": _READOUT.format("IF"),
}


def is_supported(kind: str) -> bool:
    """Return whether nodes of this type are read; graphs within graphs are opened before."""
    return kind in _BUILDERS or kind in _OTHERS


def unsupported(name: str, kind: str) -> UserError:
    """Return the refusal of a node by its name and type, with what may stand in its place."""
    supported = f"Supported are {', '.join((*_OTHERS, *_BUILDERS))} and graphs of these."
    return UserError(
        f"the node '{name}' is of the type {kind[:80]}, which is not supported",
        where="model",
        next_step=f"{_ADVICE[kind]} {supported}" if kind in _ADVICE else supported,
    )
