"""Linear nodes as matrices give what their definitions give, element by element."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neurorig_drivers.snn import operators
from neurorig_drivers.snn.operators import operator_of
from neurorig_protocols.errors import DoesNotFit


def convolved(image: Any, weight: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """Return a convolution by its definition; image (channels, height, width)."""
    outputs, per_group, kh, kw = weight.shape
    (top, bottom), (left, right) = padding
    padded = np.pad(image, ((0, 0), (top, bottom), (left, right)))
    height = (padded.shape[1] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    width = (padded.shape[2] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    out = np.zeros((outputs, height, width))
    for o in range(outputs):
        first = o // (outputs // groups) * per_group
        for c in range(per_group):
            for y in range(height):
                for x in range(width):
                    for j in range(kh):
                        for i in range(kw):
                            pixel = padded[first + c, y * stride[0] + j * dilation[0], x * stride[1] + i * dilation[1]]
                            out[o, y, x] += weight[o, c, j, i] * pixel
    return out


CONVOLUTIONS = [
    ((2, 5, 6), (4, 2, 3, 3), (1, 1), (0, 0), (1, 1), 1),
    ((2, 6, 5), (4, 2, 3, 2), (2, 1), (1, 2), (1, 1), 1),
    ((4, 7, 7), (4, 2, 3, 3), (2, 2), (1, 1), (2, 1), 2),
    ((3, 4, 4), (3, 1, 2, 2), (1, 1), "valid", (1, 1), 3),
    ((1, 5, 5), (2, 1, 4, 3), (1, 1), "same", (1, 1), 1),
    ((1, 5, 5), (2, 1, 3, 3), 2, 1, 1, 1),
]


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_a_convolution_is_a_matrix(case: tuple[Any, ...]) -> None:
    """Stride, padding, dilation and groups act as they are defined."""
    shape, kernel, stride, padding, dilation, groups = case
    rng = np.random.default_rng(1)
    weight, bias, image = rng.normal(size=kernel), rng.normal(size=kernel[0]), rng.normal(size=shape)
    node = SimpleNamespace(weight=weight, bias=bias, stride=stride, padding=padding, dilation=dilation, groups=groups)

    found = operator_of("Conv2d", node, shape)

    spread = [np.broadcast_to(value, 2) for value in (stride, dilation)]
    total = [spread[1][k] * (kernel[2 + k] - 1) for k in (0, 1)]
    pads = {"same": [(t // 2, t - t // 2) for t in total], "valid": [(0, 0)] * 2}
    around = pads[padding] if isinstance(padding, str) else [(p, p) for p in np.broadcast_to(padding, 2)]
    right = (
        convolved(image, weight, stride=spread[0], padding=around, dilation=spread[1], groups=groups)
        + bias[:, np.newaxis, np.newaxis]
    )
    assert found.shape == right.shape
    assert np.allclose(found.matrix @ image.ravel() + found.bias, right.ravel())


@pytest.mark.parametrize("padding", [0, 2, np.array([1]), "same", "valid"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (np.array([3]), np.array([2]))])
def test_a_convolution_along_a_line_is_numpys(padding: Any, stride: Any, dilation: Any) -> None:
    """Conv1d gives what numpy's correlation of each channel gives, at every stride, padding and dilation."""
    rng = np.random.default_rng(5)
    line, weight, bias = rng.normal(size=(2, 11)), rng.normal(size=(3, 2, 3)), rng.normal(size=3)
    node = SimpleNamespace(weight=weight, bias=bias, stride=stride, padding=padding, dilation=dilation, groups=1)
    found = operator_of("Conv1d", node, line.shape)

    step, spread = int(np.max(stride)), int(np.max(dilation))
    around = {"same": spread, "valid": 0}[padding] if isinstance(padding, str) else int(np.max(padding))
    padded = np.pad(line, ((0, 0), (around, around)))
    kernel = np.zeros((3, 2, 2 * spread + 1))
    kernel[:, :, ::spread] = weight
    right = [sum(np.correlate(padded[c], kernel[o, c]) for c in (0, 1))[::step] + bias[o] for o in range(3)]
    assert found.shape == (3, len(right[0]))
    assert np.allclose(found.matrix @ line.ravel() + found.bias, np.concatenate(right))


def test_pooling_sums_or_averages() -> None:
    """SumPool2d adds a patch, AvgPool2d divides by its size, padding counts as zeros."""
    image = np.arange(32.0).reshape(2, 4, 4)
    node = SimpleNamespace(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([1, 1]))

    summed, mean = (operator_of(kind, node, (2, 4, 4)) for kind in ("SumPool2d", "AvgPool2d"))

    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    right = padded.reshape(2, 3, 2, 3, 2).sum(axis=(2, 4))
    assert np.allclose(summed.matrix @ image.ravel(), right.ravel())
    assert np.allclose(mean.matrix @ image.ravel(), right.ravel() / 4)


def test_the_others_are_what_they_say() -> None:
    """Affine multiplies and adds, Scale multiplies, Flatten changes the shape alone."""
    affine = operator_of("Affine", SimpleNamespace(weight=np.array([[1.0, 2.0]]), bias=np.array([3.0])), (2,))
    scale = operator_of("Scale", SimpleNamespace(scale=np.array([2.0, 3.0])), (2,))
    flat = operator_of("Flatten", SimpleNamespace(), (2, 3))

    assert (affine.matrix @ [10, 100] + affine.bias).tolist() == [213]
    assert (scale.matrix @ [10, 100]).tolist() == [20, 300]
    assert (flat.shape, (flat.matrix @ np.arange(6)).tolist()) == ((6,), [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("kind", "node", "shape"),
    [
        ("Linear", {"weight": np.ones((2, 3))}, (4,)),
        ("Linear", {"weight": np.ones(3)}, (3,)),
        ("Scale", {"scale": np.ones(3)}, (4,)),
        ("Conv2d", {"weight": np.ones((2, 1, 3, 3))}, (9,)),
        ("Conv2d", {"weight": np.ones((2, 1, 3))}, (1, 5, 5)),
        ("Conv1d", {"weight": np.ones((2, 1, 3))}, (1, 5, 5)),
        ("Conv1d", {"weight": np.ones((2, 1, 3, 3))}, (1, 5)),
        ("Conv1d", {"weight": np.ones((2, 1, 9))}, (1, 5)),
        ("Conv1d", {"weight": np.ones((2, 1, 3)), "stride": np.array([1, 2])}, (1, 5)),
        ("Conv2d", {"weight": np.ones((2, 1, 9, 9))}, (1, 5, 5)),
        ("Conv2d", {"weight": np.ones((3, 1, 3, 3)), "groups": 2}, (2, 5, 5)),
        ("Conv2d", {"weight": np.ones((2, 1, 3, 3)), "stride": 0}, (1, 5, 5)),
        ("Conv2d", {"weight": np.ones((2, 1, 3, 3)), "padding": -1}, (1, 5, 5)),
        ("Conv2d", {"weight": np.ones((2, 1, 3, 3)), "padding": "full"}, (1, 5, 5)),
        ("Conv2d", {"weight": np.ones((2, 1, 3, 3)), "stride": 1.5}, (1, 5, 5)),
    ],
)
def test_what_does_not_go_together_is_refused(kind: str, node: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Shapes and numbers that make no sense are a ValueError."""
    usual = {"bias": 0.0, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}

    with pytest.raises(ValueError, match=r"."):
        operator_of(kind, SimpleNamespace(**(usual | node if kind.startswith("Conv") else node)), shape)


def test_a_layer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A convolution with too many connections is refused before it is built."""
    monkeypatch.setattr(operators, "MAX_ENTRIES", 100)
    node = SimpleNamespace(weight=np.ones((2, 1, 3, 3)), bias=0.0, stride=1, padding=0, dilation=1, groups=1)

    with pytest.raises(DoesNotFit, match="connections"):
        operator_of("Conv2d", node, (1, 12, 12))
