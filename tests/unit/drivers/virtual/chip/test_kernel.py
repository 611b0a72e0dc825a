"""The kernel does, step by step, what a slow model of the same network does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurorig_drivers.framing import Arrays
from neurorig_drivers.virtual.chip import annealer as annealing
from neurorig_drivers.virtual.chip import kernel
from neurorig_drivers.virtual.chip.annealer import Annealer
from neurorig_drivers.virtual.chip.mapping import Mapping, accept
from neurorig_drivers.virtual.chip.network import Network, from_arrays
from neurorig_drivers.virtual.chip.schedule import Schedule, schedule_for
from neurorig_protocols.errors import JobError

MASK = 2**64 - 1
SOMA, SPIKE, OUT, IN, SYNAPSE = 97, 300, 51, 160, 47
SYNC = {1: 6000, 2: 10000, 4: 14000}


class SlowChip:
    """The network in dense matrices and plain Python integers, written from the published description.

    It recomputes every sum from the state, so it shares no bookkeeping with the kernel.
    """

    def __init__(self, matrix: np.ndarray, core: list[int], tiles: int, schedule: Schedule, seed: int) -> None:
        self.q, self.core, self.tiles, self.schedule = matrix, core, tiles, schedule
        self.n = len(matrix)
        self.words = schedule.words(max(1.0, float(np.abs(np.diag(matrix)).max())))
        self.rng = annealing._mix(seed)
        self.until = [(self.draw() & 255) >> schedule.start_scaling for _ in range(self.n)]
        self.states = [np.zeros(self.n, np.int64)]
        self.temperature, self.level, self.level_steps = self.words["t_max"], 0, schedule.steps_per_level
        self.level_ends = self.level_steps
        self.costs: list[int] = []
        self.steps: list[dict[str, int]] = []

    def draw(self) -> int:
        """Return 24 bits of a 64-bit xorshift."""
        x = self.rng
        x ^= x << 13 & MASK
        x ^= x >> 7
        x ^= x << 17 & MASK
        self.rng = x
        return x >> 40

    def cost(self, x: np.ndarray) -> int:
        """Return xᵀQx."""
        return int(x @ self.q @ x)

    def shares(self, x: np.ndarray) -> np.ndarray:
        """Return each neuron's part of the cost."""
        return x * (self.q @ x)

    def step(self) -> None:
        """Take one step of the network."""
        t = len(self.states) - 1
        spikes: list[tuple[int, dict[int, int]]] = []
        if t == self.level_ends:
            self.anneal(t)
            hosted = [self.core.count(c) for c in range(4 * self.tiles)]
            spikes.append((0, {c: k for c, k in enumerate(hosted) if k}))
        now, before = self.states[-1], self.states[-2] if t else self.states[-1]
        self.costs.append(self.cost(before))
        changed = np.flatnonzero(self.shares(now) != self.shares(before))
        spikes += [(self.core[i], {0: 1}) for i in changed]
        flips = [i for i in range(self.n) if self.flips(i, now, t)]
        for i in flips:
            fan: dict[int, int] = {}
            for j in range(self.n):
                if j != i and self.q[i, j]:
                    fan[self.core[j]] = fan.get(self.core[j], 0) + 1
            spikes.append((self.core[i], fan))
        after = now.copy()
        after[flips] ^= 1
        self.states.append(after)
        self.account(spikes)

    def anneal(self, t: int) -> None:
        """Move to the next temperature, or to the next and longer cycle."""
        self.level += 1
        if self.level == self.schedule.levels:
            self.level, self.temperature = 0, self.words["t_max"]
            self.level_steps = min(self.level_steps * self.schedule.growth, self.schedule.steps_per_level_max)
        else:
            falling = (self.temperature * self.words["factor"] >> 16) - self.words["decrement"]
            self.temperature = max(falling, self.words["t_min"])
        self.level_ends = t + self.level_steps

    def flips(self, i: int, x: np.ndarray, t: int) -> bool:
        """Decide on one neuron; draws only where the decision needs it."""
        other = x.copy()
        other[i] ^= 1
        rise = self.cost(other) - self.cost(x)
        temperature = self.temperature >> 8
        if self.until[i] > t or rise > temperature * 24 * 256 >> 16:
            return False
        if rise > 0:
            r = max(self.draw(), 1)
            top = r.bit_length() - 1
            e = 24 * 256 - 256 * top - ((r << 23 >> top) - (1 << 23) >> 15)
            if rise * 65536 > temperature * e:
                return False
        clash = rise < 0 and x[i] == 1
        scaling = self.schedule.clash_scaling if clash else self.schedule.refract_scaling
        self.until[i] = t + 1 + ((self.draw() & 255) >> scaling)
        return True

    def account(self, spikes: list[tuple[int, dict[int, int]]]) -> None:
        """Add up what the step's spikes cost on each core."""
        cores = 4 * self.tiles
        work = [self.core.count(c) * SOMA for c in range(cores)]
        work[0] += 2 * SOMA
        synapses = [0] * cores
        hops = [0, 0]
        for source, fan in spikes:
            work[source] += SPIKE + OUT * len(fan)
            for target, count in fan.items():
                work[target] += IN + SYNAPSE * count
                synapses[target] += count
                hops[0] += abs(source // 4 % 8 - target // 4 % 8)
                hops[1] += abs(source // 4 // 8 - target // 4 // 8)
        self.steps.append(
            {
                "SEG_TICKS": max(work) + SYNC[self.tiles],
                "SEG_STEPS": 1,
                "SYNOPS": sum(synapses),
                "BUSIEST": max(synapses),
                "SPIKES": len(spikes),
                "MESSAGES": sum(len(fan) for _, fan in spikes),
                "HOPS_EW": hops[0],
                "HOPS_NS": hops[1],
            }
        )


def symmetric(values: list[int], n: int) -> np.ndarray:
    """Return a symmetric matrix from the values of its upper triangle."""
    matrix = np.zeros((n, n), np.int64)
    matrix[np.triu_indices(n)] = values
    return matrix + np.triu(matrix, 1).T


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Return a small network on one, two or four tiles with a short, eventful schedule."""
    n, tiles = draw(st.integers(1, 9)), draw(st.sampled_from([1, 2, 4]))
    count = n * (n + 1) // 2
    return {
        "matrix": symmetric(draw(st.lists(st.integers(-4, 4), min_size=count, max_size=count)), n),
        "tiles": tiles,
        "core": draw(st.lists(st.integers(0, 4 * tiles - 1), min_size=n, max_size=n)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "schedule": Schedule(
            kind=draw(st.sampled_from(["geometric", "linear"])),
            t_max=draw(st.floats(1, 8)),
            t_min=0.5,
            levels=3,
            steps_per_level=draw(st.integers(1, 5)),
            growth=2,
            steps_per_level_max=8,
            refract_scaling=draw(st.integers(4, 8)),
            clash_scaling=draw(st.integers(4, 8)),
            start_scaling=draw(st.integers(5, 8)),
        ),
    }


@given(case=cases())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_step_equals_the_slow_model(case: dict[str, Any], qubo: Callable[[np.ndarray], Arrays]) -> None:
    """States, costs, improvements, times and all counts agree, step by step, on any small network."""
    network = from_arrays(qubo(case["matrix"]))
    mapping = accept(network, np.array(case["core"], np.int64), case["tiles"])
    fast = Annealer(network, mapping, case["schedule"], seed=case["seed"], limit_s=150e-6, segment_s=0.0)
    slow = SlowChip(case["matrix"], case["core"], case["tiles"], case["schedule"], case["seed"])
    rows = fast.advance()
    for _ in rows:
        slow.step()
    improvements, best, elapsed = [(0, 0)], 0, 0
    for cost, step in zip(slow.costs, slow.steps, strict=True):
        elapsed += step["SEG_TICKS"]
        if cost < best:
            best = cost
            improvements.append((elapsed, cost))

    assert len(fast.advance()) == 0
    assert [{name: row[getattr(kernel, name)] for name in slow.steps[0]} for row in rows] == slow.steps
    assert fast.state()["x"].tolist() == slow.states[-1].tolist()
    assert fast.state()["until"].tolist() == slow.until
    assert fast.state()["cost"] == slow.costs[-1]
    assert fast._improvements == improvements
    assert slow.cost(fast.solution.astype(np.int64)) == best == fast.best_cost


def test_the_integrator_holds_the_cost_of_two_steps_before(mis: Callable[[int, float, int], Arrays]) -> None:
    """After step t the cost on the chip is xᵀQx of the state after step t-2, at any moment of a run."""
    network = from_arrays(mis(40, 0.2, 0))
    mapping = accept(network, np.arange(40) % 4, 1)
    run = {"schedule": schedule_for(40, 0.2, {"start_scaling": 8}), "seed": 5}
    states, costs = [], []
    rows = Annealer(network, mapping, limit_s=1e-4, segment_s=0.0, **run).advance()
    for end_s in np.cumsum(rows[:, kernel.SEG_TICKS]) * 1e-10:
        part = Annealer(network, mapping, limit_s=end_s, **run)
        part.advance()
        states.append(part.state()["x"])
        costs.append(part.state()["cost"])

    assert len({tuple(state) for state in states}) > 10
    assert costs[2:] == [network.cost(state) for state in states[:-2]]


def test_the_integer_logarithm_is_close_and_falls() -> None:
    """E is -256·log2(r/2²⁴) within 0.087 bit and one unit of rounding, and never rises with r."""
    kernel.compiled()
    r = np.unique(np.concatenate([np.arange(1, 5000), np.geomspace(5000, 2**24 - 1, 5000).astype(int)]))
    e = np.array([kernel._neg_log2(int(value)) for value in r])
    exact = -256 * (np.log2(r) - 24)

    assert ((e - exact >= 0) & (e - exact < 256 * 0.087 + 1)).all()
    assert (np.diff(e) <= 0).all()


@pytest.mark.parametrize("rise", [1, 2, 3, 8])
@pytest.mark.parametrize("sent", [35, 71, 180, 700])
def test_acceptance_is_metropolis_up_to_the_logarithm(sent: int, rise: int) -> None:
    """An uphill move is taken with probability exp(-d/T) at T = sent / (256 ln 2), or up to 6.5 % more."""
    kernel.compiled()
    # E never rises with r, so the accepted draws are those up to one largest r.
    low, high = 0, 2**24
    while high - low > 1:
        r = (low + high) // 2
        low, high = (r, high) if rise << 16 <= sent * kernel._neg_log2(r) else (low, r)
    exact = math.exp(-rise * 256 * math.log(2) / sent)

    if exact > 1e-5:
        assert 0.99 <= low / 2**24 / exact <= 1.065
    else:
        assert low / 2**24 < 2e-5


def decide(diagonal: list[int], u: list[int], x: list[int], until: list[int], step: int) -> list[int]:
    """Return which neurons flip in one decision at a very low temperature."""
    kernel.compiled()
    s, c = np.zeros(kernel.SCALARS, np.int64), np.zeros(kernel.CONSTANTS, np.int64)
    s[kernel.STEP], s[kernel.TEMPERATURE], c[kernel.SHIFT], c[kernel.CLASH_SHIFT] = step, 256, 4, 0
    state = np.array(x, np.int8)
    arrays = [np.array(values, np.int64) for values in (diagonal, u, until)]
    flips = np.zeros(len(x), np.int64)
    count = kernel._decide(arrays[0], state, arrays[1], arrays[2], flips, s, c, np.array([7], np.uint64))
    until[:] = arrays[2].tolist()
    return flips[:count].tolist()


def test_a_refractory_neuron_stays_until_its_time() -> None:
    """A neuron that would gain by flipping does not before `until`, and draws a new time when it does."""
    until = [5, 5, 0]
    assert decide([-1, -1, 1], [0, 0, 0], [0, 0, 0], until, step=4) == []
    assert decide([-1, -1, 1], [0, 0, 0], [0, 0, 0], until, step=5) == [0, 1]
    assert all(6 <= value <= 6 + 15 for value in until[:2])
    assert until[2] == 0


def test_who_gives_way_to_a_neighbour_waits_in_a_wider_range() -> None:
    """Switching off to lower the cost draws from 0..255 steps here, every other flip from 0..15."""
    until = [0] * 2000
    assert len(decide([-1] * 2000, [4] * 2000, [1] * 2000, until, step=0)) == 2000
    assert 200 < max(value - 1 for value in until) <= 255
    until = [0] * 2000
    decide([-1] * 2000, [0] * 2000, [0] * 2000, until, step=0)
    assert {value - 1 for value in until} == set(range(16))


def unchecked(diagonal: list[int], rows: list[int], cols: list[int], weight: int) -> tuple[Network, Mapping]:
    """Return a network that the checks of `from_arrays` would refuse, on one tile."""
    source, target = np.array(rows + cols), np.array(cols + rows)
    order = np.lexsort((target, source))
    start = np.zeros(len(diagonal) + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=len(diagonal)), out=start[1:])
    network = Network(np.array(diagonal), start, target[order], np.full(len(target), weight))
    return network, accept(network, np.arange(len(diagonal)) % 4, 1)


def test_a_state_beyond_24_bits_stops_the_run() -> None:
    """Two spikes of -2²² leave the range of a neuron's state, which is told and not wrapped."""
    network, mapping = unchecked([-1, -1, -1], [0, 1], [1, 2], -(2**22))
    run = Annealer(network, mapping, schedule_for(3, 1.0, {}), seed=1, limit_s=1e-3)
    with pytest.raises(JobError, match="24 bits"):
        run.advance()


def test_a_cost_beyond_32_bits_stops_the_run() -> None:
    """A ring whose best cost is below -2³¹ is told to overflow, with every neuron's state in range."""
    n = 600
    network, mapping = unchecked([-1] * n, list(range(n)), [*range(1, n), 0], -(2**21))
    run = Annealer(network, mapping, schedule_for(n, 0.01, {}), seed=1, limit_s=1e-2)
    with pytest.raises(JobError, match="32 bits"):
        run.advance()
