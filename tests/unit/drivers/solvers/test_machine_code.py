"""What the kernels share: the clock inside machine code, random numbers, compilation without a cache."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_drivers.solvers import machine_code
from neurorig_drivers.solvers.machine_code import compile_parts, random_state
from neurorig_drivers.solvers.qubo_search import neighbours


def reads_the_clock(stamp):
    """Return the kernel's instant; `now_ns` is found among the globals of this module."""
    return now_ns(stamp)


now_ns = machine_code.now_ns


def test_the_kernels_clock_is_the_processs():
    """Machine code reads the clock of the process, between two readings of it; so does the plain function."""
    plain = reads_the_clock
    names = {"now_ns": machine_code.now_ns}
    compiled = compile_parts(names, (plain,))
    stamp = np.zeros(2, np.int64)
    compiled(stamp)
    for read in (compiled, machine_code.now_ns):
        before, inside, after = machine_code.clock_ns(), read(stamp), machine_code.clock_ns()
        assert before <= inside <= after


def test_compiled_parts_take_the_names_over():
    """The compiled functions stand in the module's names afterwards, and a part that is compiled already is kept."""
    names = {"draw": machine_code.draw}
    first = compile_parts(names, (reads_the_clock,))

    assert names["reads_the_clock"] is first
    assert hasattr(names["draw"], "py_func")
    assert compile_parts({}, (first,)) is first


@given(seed=st.integers(-(2**63), 2**64), below=st.integers(1, 2**31))
def test_draws_lie_in_their_range(seed, below):
    """Whatever the seed, a draw lies in 0 … below-1 and the state is never stuck at 0."""
    state = random_state(seed)
    with np.errstate(over="ignore"):
        drawn = [machine_code.draw(state, below) for _ in range(5)]

    assert all(0 <= value < below for value in drawn)
    assert state[0] != 0


def test_draws_are_spread_evenly():
    """Of 8000 draws below 8, each value comes up about 1000 times."""
    state = random_state(7)
    with np.errstate(over="ignore"):
        counts = np.bincount([machine_code.draw(state, 8) for _ in range(8000)], minlength=8)

    assert counts.min() > 850
    assert counts.max() < 1150


def test_code_is_compiled_where_nothing_can_be_kept(monkeypatch):
    """Where numba finds no place for its cache, the code is made all the same."""
    real = numba.njit

    def refuses_a_cache(**options):
        if options.pop("cache", False):
            raise RuntimeError("no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", refuses_a_cache)

    assert machine_code._jit(abs_of)(-3) == 3


def abs_of(x):
    """Return |x|."""
    return x if x > 0 else -x


@pytest.mark.parametrize("n", [1, 5])
def test_neighbours_of_nothing(n):
    """Without pairs all rows are empty."""
    rows = neighbours(n, np.zeros(0, np.int64), np.zeros(0, np.int64))

    assert (rows.n, rows.start.tolist(), rows.target.size) == (n, [0] * (n + 1), 0)


@given(pairs=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] < p[1])))
def test_neighbours_hold_each_pair_twice(pairs):
    """Each row lists its partners in order, with the number of the pair that they come from."""
    listed = sorted(pairs, key=lambda p: p[1] - p[0])
    rows, cols = (np.array([p[side] for p in listed], np.int64) for side in (0, 1))
    held = neighbours(8, rows, cols)

    for v in range(8):
        span = slice(held.start[v], held.start[v + 1])
        partners = sorted({a + b - v for a, b in pairs if v in {a, b}})
        assert held.target[span].tolist() == partners
        assert all(set(listed[k]) == {v, w} for k, w in zip(held.pair[span], partners, strict=True))
