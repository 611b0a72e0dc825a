"""Signed integer weights through Lava's own fixed-point Sparse process, exactly.

Sparse keeps 0...255 of one sign whole, and loses the lowest bit of a matrix of both signs. So a matrix is split by sign
and into digits of 8 bits, each with its weight exponent; more than one digit is rare, from -256 or from parallel
synapses that have been added up. Several connections into one port add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.proc.sparse.process import Sparse
from scipy.sparse import csr_matrix

_DIGIT_BITS = 8
_MESSAGE_BITS = 8

Ints = npt.NDArray[np.int64]


def connect(source: Any, into: Any, sources: Ints, targets: Ints, weights: Ints) -> None:
    """Connect an out-port to an in-port by synapses; a spike arrives one step later."""
    for part in (np.maximum(weights, 0), np.minimum(weights, 0)):
        used = part != 0
        shape = (into.shape[0], source.shape[0])
        matrix = csr_matrix((part[used], (targets[used], sources[used])), shape=shape, dtype=np.int64)
        for exponent, digits in _digits(matrix):
            synapses = Sparse(weights=digits, weight_exp=exponent, num_message_bits=_MESSAGE_BITS)
            source.connect(synapses.s_in)
            synapses.a_out.connect(into)


def _digits(matrix: Any) -> Iterator[tuple[int, Any]]:
    """Yield (exponent, digits) of a matrix of one sign, whose sum of digits * 2**exponent it is."""
    sign, rest, exponent = np.sign(matrix.data), np.abs(matrix.data), 0
    while rest.any():
        layer = matrix.copy()
        layer.data = sign * (rest & ((1 << _DIGIT_BITS) - 1))
        layer.eliminate_zeros()
        if layer.nnz:
            yield exponent, layer
        rest >>= _DIGIT_BITS
        exponent += _DIGIT_BITS
