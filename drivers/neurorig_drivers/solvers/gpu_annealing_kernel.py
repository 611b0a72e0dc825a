"""The inner loop of simulated annealing on an NVIDIA GPU. `gpu_annealing` wraps this; it solves any QUBO.

One block of threads holds one replica. Its threads look at neighbouring variables at once; the first one that wants to
flip does, the whole block carries its row through, and those behind it look again. A variable's random number belongs
to (replica, sweep, variable), so the outcome is that of one thread that tries the variables in order, exactly, whatever
the number of threads.

The state is `bit` and `field`, by how much the cost rises if a variable goes from 0 to 1. All costs are exact int64.
Plain functions until `compiled`, which makes machine code of them for the GPU, or hands them to numba's simulator.
"""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves all types.

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurorig_drivers.solvers.machine_code import link_parts, plain

# Scalars of a replica, int64.
COST, BEST, SWEEPS, FLIPS, UNKEPT = range(5)
SCALARS = 5
# What the threads of a block tell each other, int64.
PICK, HALT = range(2)
_SLOTS = 2
_NOBODY = (1 << 62) - 1
_FAR = (1 << 63) - 1
_NEVER = 33 * math.log(2)
"""A rise of more temperatures than this is never accepted: the smallest random number is 2**-33."""
_ROUNDS = 10
_MULTIPLY, _WEYL, _LOW, _HALF = np.uint64(0xD256D193), np.uint64(0x9E3779B9), np.uint64(0xFFFFFFFF), np.uint64(32)

# Known once the kernels are compiled.
cuda: Any = None


def philox(key: Any, high: Any, low: Any) -> Any:
    """Return the first word of Philox-2x32-10 (Salmon et al. 2011): 32 random bits that follow from the arguments."""
    x, y, k = np.uint64(low), np.uint64(high) & _LOW, np.uint64(key)
    for _ in range(_ROUNDS):
        product = x * _MULTIPLY
        x = (product >> _HALF) ^ k ^ y
        y = product & _LOW
        k = (k + _WEYL) & _LOW
    return x


def threshold(temperature: float, key: Any, sweep: Any, i: Any) -> Any:
    """Return the highest rise that is accepted of variable i in this sweep."""
    return -temperature * math.log((np.float64(philox(key, sweep, i)) + 0.5) / 4294967296.0)


def _keep(mine: Any, s: Any) -> None:
    """Keep the state as the replica's best so far."""
    _, bit, best = mine
    for i in range(cuda.threadIdx.x, len(bit), cuda.blockDim.x):
        best[i] = bit[i]
    s[UNKEPT] = 0


def _flip(rows: Any, mine: Any, s: Any, slots: Any) -> Any:
    """Flip the variable in the slot and carry its row through; the state before that is kept if it is the best."""
    start, target, coupling = rows
    field, bit, _ = mine
    v = slots[PICK]
    sign = 1 - 2 * bit[v]
    rise = field[v] * sign
    if s[UNKEPT] != 0 and rise >= 0:
        _keep(mine, s)
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        slots[PICK] = _NOBODY
        bit[v] = 1 - bit[v]
    for at in range(start[v] + cuda.threadIdx.x, start[v + 1], cuda.blockDim.x):
        field[target[at]] += coupling[at] * sign
    s[COST] += rise
    s[FLIPS] += 1
    if s[COST] < s[BEST]:
        s[BEST] = s[COST]
        s[UNKEPT] = 1
    cuda.syncthreads()
    return v


def _sweep(rows: Any, mine: Any, s: Any, slots: Any, key: Any, temperature: float, stop_at: int) -> None:
    """Try every variable once, in order; end early when the cost is low enough."""
    field, bit, _ = mine
    n = len(bit)
    cut = temperature * _NEVER
    for base in range(0, n, cuda.blockDim.x):
        i = base + cuda.threadIdx.x
        settled = base
        # At no temperature a flip must lower the cost; else the number is drawn when a rise first asks for it.
        limit = 0.0 if temperature > 0.0 else -0.5
        while True:
            wants = 0
            if settled <= i < n:
                rise = field[i] * (1 - 2 * bit[i])
                if limit == 0.0 and 0 < rise <= cut:
                    limit = threshold(temperature, key, s[SWEEPS], i)
                wants = 1 if rise <= limit else 0
            if not cuda.syncthreads_or(wants):
                break
            if wants:
                cuda.atomic.min(slots, PICK, i)
            cuda.syncthreads()
            settled = _flip(rows, mine, s, slots) + 1
            if s[BEST] <= stop_at:
                return


def _found(slots: Any, best_of_all: Any, stop_at: int) -> Any:
    """Return whether any replica reached the target."""
    if cuda.threadIdx.x == 0:
        slots[HALT] = 1 if cuda.atomic.min(best_of_all, 0, _FAR) <= stop_at else 0
    cuda.syncthreads()
    return slots[HALT] != 0


def _anneal(
    rows: Any, mine: Any, s: Any, slots: Any, key: Any, best_of_all: Any, cooling: Any, goal: Any, sweeps: int
) -> None:
    """Sweep so many times; at temperature 0 until nothing flips. Ends early when any replica reached the target."""
    base, slope, position = cooling
    stop_at, look = goal
    for turn in range(sweeps):
        before = s[FLIPS]
        temperature = base * math.exp(slope * (position + turn))
        _sweep(rows, mine, s, slots, key, temperature, stop_at)
        s[SWEEPS] += 1
        if s[BEST] <= stop_at or (temperature == 0.0 and s[FLIPS] == before):
            break
        if look > 0 and turn % look == look - 1 and _found(slots, best_of_all, stop_at):
            break
    if s[UNKEPT] != 0:
        _keep(mine, s)
    if cuda.threadIdx.x == 0:
        cuda.atomic.min(best_of_all, 0, s[BEST])


def _load(mine: Any, kept_field: Any, kept_bit: Any, diagonal: Any, fresh: bool) -> None:
    """Take up the replica's state, or begin with all zeros."""
    field, bit, best = mine
    for i in range(cuda.threadIdx.x, len(diagonal), cuda.blockDim.x):
        if fresh:
            field[i] = diagonal[i]
            bit[i] = 0
            best[i] = 0
        else:
            field[i] = kept_field[i]
            bit[i] = kept_bit[i]


def _turn(
    rows: Any, mine: Any, scalars: Any, keys: Any, best_of_all: Any, cooling: Any, goal: Any, sweeps: int, fresh: bool
) -> None:
    """Anneal a replica whose state is at hand, and note its scalars."""
    r = cuda.blockIdx.x
    slots = cuda.shared.array(_SLOTS, np.int64)
    s = cuda.local.array(SCALARS, np.int64)
    for k in range(SCALARS):
        s[k] = 0 if fresh else scalars[k, r]
    if cuda.threadIdx.x == 0:
        slots[PICK] = _NOBODY
    cuda.syncthreads()
    _anneal(rows, mine, s, slots, keys[r], best_of_all, cooling, goal, sweeps)
    if cuda.threadIdx.x == 0:
        for k in range(SCALARS):
            scalars[k, r] = s[k]


def anneal_in_shared(
    start: Any, target: Any, coupling: Any, diagonal: Any, fields: Any, bits: Any, best: Any, scalars: Any, keys: Any,
    best_of_all: Any, fresh: bool, sweeps: int, base: float, slope: float, position: int, stop_at: int, look: int,
) -> None:  # fmt: skip
    """Anneal all replicas; their states lie in shared memory meanwhile: the fields first, the bits behind them."""
    r, n = cuda.blockIdx.x, len(diagonal)
    field = cuda.shared.array(0, fields.dtype)[:n]
    bit = cuda.shared.array(0, bits.dtype)[n * fields.itemsize : n * (fields.itemsize + 1)]
    rows, mine = (start, target, coupling), (field, bit, best[r])
    _load(mine, fields[r], bits[r], diagonal, fresh)
    _turn(rows, mine, scalars, keys, best_of_all, (base, slope, position), (stop_at, look), sweeps, fresh)
    for i in range(cuda.threadIdx.x, n, cuda.blockDim.x):
        fields[r, i] = field[i]
        bits[r, i] = bit[i]


def anneal_in_global(
    start: Any, target: Any, coupling: Any, diagonal: Any, fields: Any, bits: Any, best: Any, scalars: Any, keys: Any,
    best_of_all: Any, fresh: bool, sweeps: int, base: float, slope: float, position: int, stop_at: int, look: int,
) -> None:  # fmt: skip
    """Anneal all replicas where they lie, for states that are too large for shared memory."""
    r = cuda.blockIdx.x
    rows, mine = (start, target, coupling), (fields[r], bits[r], best[r])
    _load(mine, fields[r], bits[r], diagonal, fresh)
    _turn(rows, mine, scalars, keys, best_of_all, (base, slope, position), (stop_at, look), sweeps, fresh)


_KERNELS = (anneal_in_shared, anneal_in_global)
_PARTS = (philox, threshold, _keep, _flip, _sweep, _found, _anneal, _load, _turn, *_KERNELS)


def the_cuda() -> Any:
    """Return numba's CUDA, for a GPU or its simulator; `Any` because numba ships no types."""
    from numba import cuda as loaded

    return loaded


@functools.cache
def compiled() -> tuple[Any, Any]:
    """Return the kernels for states in shared and in global memory; their machine code is made at the first launch."""
    loaded = the_cuda()
    globals()["cuda"] = loaded

    def jit(part: Callable[..., Any]) -> Any:
        return loaded.jit(device=plain(part) not in _KERNELS)(part)

    link_parts(globals(), _PARTS, jit, {})
    return anneal_in_shared, anneal_in_global
