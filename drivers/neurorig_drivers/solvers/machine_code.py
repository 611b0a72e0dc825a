"""What all kernels share: compilation, the clock and random numbers. Kernels are plain functions until `compile_parts`.

The clock is read inside the machine code, so that a kernel ends by itself on time. It is CLOCK_MONOTONIC, on Linux also
the clock of `time.perf_counter_ns`, called by its symbol so that numba can keep the code on disk.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SECOND_NS = 1_000_000_000
# Both are known once the clock is compiled.
_MONOTONIC = 0
_clock_gettime: Any = None
_SHIFT_A, _SHIFT_B, _SHIFT_C, _HALF = np.uint64(13), np.uint64(7), np.uint64(17), np.uint64(32)


def draw(rng: Any, below: int) -> Any:
    """Return a random integer of 0 … below-1; rng is the uint64 state in an array (1,), never 0 (xorshift)."""
    state = rng[0]
    state ^= state << _SHIFT_A
    state ^= state >> _SHIFT_B
    state ^= state << _SHIFT_C
    rng[0] = state
    return np.int64(((state >> _HALF) * np.uint64(below)) >> _HALF)


def random_state(seed: int) -> Any:
    """Return the state that `draw` starts from: any integer seed, never 0."""
    return np.random.SeedSequence(abs(seed)).generate_state(1, np.uint64) | np.uint64(1)


def compile_parts(module: dict[str, Any], parts: tuple[Callable[..., Any], ...]) -> Any:
    """Turn kernel functions into machine code, callees first, and return the last one."""
    return link_parts(module, parts, _jit, {"now_ns": _clock(), "draw": _compiled_draw()})


def link_parts(
    module: dict[str, Any],
    parts: tuple[Callable[..., Any], ...],
    jit: Callable[[Callable[..., Any]], Any],
    ready: dict[str, Any],
) -> Any:
    """Compile the parts with `jit`, callees first, beside what is `ready` by name, and return the last one.

    The parts find each other by their global names, so the compiled ones take the names over: in the globals of
    `module` and in those of the module that a part comes from.
    """
    compiled = dict(ready)
    for part in parts:
        source = plain(part)
        for names in (module, source.__globals__):
            names.update({name: code for name, code in compiled.items() if name in names})
        compiled[source.__name__] = part if source is not part else jit(part)
    module.update(compiled)
    return module[plain(parts[-1]).__name__]


def plain(part: Callable[..., Any]) -> Any:
    """Return a part as the Python function that it was before it was compiled."""
    return getattr(part, "py_func", part)


def clock_ns() -> int:
    """Return the instant on the clock that the kernels read."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def now_ns(stamp: Any) -> int:  # noqa: ARG001 - the compiled clock needs the room
    """Return the instant on the kernels' clock; stamp is scratch room, int64 (2,)."""
    return clock_ns()


def _read_clock(stamp: Any) -> Any:
    _clock_gettime(_MONOTONIC, stamp.ctypes)
    return stamp[0] * SECOND_NS + stamp[1]


@functools.cache
def _clock() -> Any:
    from numba.core import types

    # int clock_gettime(clockid_t, struct timespec *), both fields of timespec 64 bits wide. A global, because numba
    # takes what a closure holds into the key of its cache, and this has another key in each process.
    signature = types.int32(types.int32, types.CPointer(types.int64))  # type: ignore[no-untyped-call]  # numba ships no types
    globals().update(
        _clock_gettime=types.ExternalFunction("clock_gettime", signature), _MONOTONIC=int(time.CLOCK_MONOTONIC)
    )
    return _jit(_read_clock)


@functools.cache
def _compiled_draw() -> Any:
    return _jit(draw)


def _jit(part: Callable[..., Any]) -> Any:
    import numba

    try:
        return numba.njit(nogil=True, cache=True)(part)
    except RuntimeError:
        # Nowhere to keep the machine code, as in a read-only installation: then it is made anew each time.
        return numba.njit(nogil=True)(part)
