"""The kernel does, step by step, what a slow model of the same network does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurorig_drivers.annealing import schedule as annealing
from neurorig_drivers.annealing.network import from_arrays
from neurorig_drivers.annealing.schedule import Schedule, schedule_for
from neurorig_drivers.process.framing import Arrays
from neurorig_lab.chip import kernel
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.placed import accept, leaf_cores
from neurorig_lab.chip.routing import Mesh, routes_of, single

MASK = 2**64 - 1
SOMA, SPIKE, OUT, IN, SYNAPSE = 97, 300, 51, 160, 47
SYNC = {(1, 1): 6000, (1, 2): 10000, (1, 4): 14000, (2, 32): 143000, (5, 32): 143000}


class SlowChip:
    """The network in dense matrices and plain Python integers, written from the published description.

    It recomputes every sum from the state, so it shares no bookkeeping with the kernel. `leaves` are the cores of the
    leaf integrators, by chip, none when all report to core 0.
    """

    def __init__(  # noqa: PLR0917 - what a run consists of
        self, matrix: np.ndarray, core: list[int], mesh: Mesh, leaves: list[int], schedule: Schedule, seed: int
    ) -> None:
        self.q, self.core, self.mesh, self.leaves, self.schedule = matrix, core, mesh, leaves, schedule
        self.n = len(matrix)
        self.words = schedule.words(max(1.0, float(np.abs(np.diag(matrix)).max())))
        self.key = annealing.key_of(seed)
        self.until = [(self.draw(-1, i, 1) & 255) >> schedule.start_scaling for i in range(self.n)]
        self.states = [np.zeros(self.n, np.int64)]
        self.temperature, self.level, self.level_steps = self.words["t_max"], 0, schedule.steps_per_level
        self.level_ends = self.level_steps
        self.costs: list[int] = []
        self.steps: list[dict[str, int]] = []

    def draw(self, step: int, i: int, which: int) -> int:
        """Return the 24 bits of a neuron's acceptance (0) or refractory time (1) in a step."""
        z = self.key + (2 * ((step + 1) * self.n + i) + which) * 0x9E3779B97F4A7C15 & MASK
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        return (z ^ z >> 31) >> 40

    def cost(self, x: np.ndarray) -> int:
        """Return xᵀQx."""
        return int(x @ self.q @ x)

    def shares(self, x: np.ndarray) -> np.ndarray:
        """Return each neuron's part of the cost."""
        return x * (self.q @ x)

    def state(self, steps_ago: int) -> np.ndarray:
        """Return the state after so many steps before the present one."""
        return self.states[max(len(self.states) - 1 - steps_ago, 0)]

    def step(self) -> None:
        """Take one step of the network."""
        t = len(self.states) - 1
        spikes: list[tuple[int, dict[int, int]]] = []
        if t == self.level_ends:
            self.anneal(t)
            hosted = [self.core.count(c) for c in range(self.mesh.cores)]
            spikes.append((0, {c: k for c, k in enumerate(hosted) if k}))
        now, before = self.state(0), self.state(1)
        self.costs.append(self.cost(self.state(2 if self.leaves else 1)))
        changes = self.shares(now) - self.shares(before)
        spikes += [(self.core[i], {self.integrator(i): 1}) for i in np.flatnonzero(changes)]
        earlier = self.shares(before) - self.shares(self.state(2))
        for leaf in self.leaves:
            if sum(earlier[i] for i in range(self.n) if self.integrator(i) == leaf):
                spikes.append((leaf, {0: 1}))
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

    def integrator(self, i: int) -> int:
        """Return the core to which a neuron reports."""
        return self.leaves[self.core[i] // (4 * self.mesh.tiles)] if self.leaves else 0

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
            r = max(self.draw(t, i, 0), 1)
            top = r.bit_length() - 1
            e = 24 * 256 - 256 * top - ((r << 23 >> top) - (1 << 23) >> 15)
            if rise * 65536 > temperature * e:
                return False
        clash = rise < 0 and x[i] == 1
        scaling = self.schedule.clash_scaling if clash else self.schedule.refract_scaling
        self.until[i] = t + 1 + ((self.draw(t, i, 1) & 255) >> scaling)
        return True

    def place(self, core: int) -> tuple[int, int]:
        """Return the tile of a core: chips of 8 x 4 tiles in rows of four."""
        chip, tile = divmod(core // 4, self.mesh.tiles)
        return chip % 4 * 8 + tile % 8, chip // 4 * 4 + tile // 8

    def account(self, spikes: list[tuple[int, dict[int, int]]]) -> None:
        """Add up what the step's spikes cost on each core and on each link."""
        cores = self.mesh.cores
        work = [self.core.count(c) * SOMA for c in range(cores)]
        work[0] += 2 * SOMA
        for leaf in self.leaves:
            work[leaf] += SOMA
        synapses = [0] * cores
        links: list[tuple[tuple[int, int], tuple[int, int]]] = []
        for source, fan in spikes:
            work[source] += SPIKE + OUT * len(fan)
            for target, count in fan.items():
                work[target] += IN + SYNAPSE * count
                synapses[target] += count
                links += way(self.place(source), self.place(target))
        crossings = [a for a, b in links if a[0] // 8 != b[0] // 8 or a[1] // 4 != b[1] // 4]
        across = sum(a[0] // 8 != b[0] // 8 for a, b in links)
        east_west = sum(a[1] == b[1] for a, b in links)
        busiest_link = max((links.count(link) for link in set(links)), default=0)
        self.steps.append(
            {
                "SEG_TICKS": max(*work, math.ceil(busiest_link * 1000 / 344)) + SYNC[self.mesh.chips, self.mesh.tiles],
                "SEG_STEPS": 1,
                "SYNOPS": sum(synapses),
                "BUSIEST": max(synapses),
                "SPIKES": len(spikes),
                "MESSAGES": sum(len(fan) for _, fan in spikes),
                "HOPS_EW": east_west - across,
                "HOPS_NS": len(links) - east_west - len(crossings) + across,
                "CROSSINGS": len(crossings),
            }
        )


def way(a: tuple[int, int], b: tuple[int, int]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the links from tile to tile, along the row first."""
    path = [a]
    while path[-1] != b:
        x, y = path[-1]
        path.append((x + (b[0] > x) - (b[0] < x), y) if x != b[0] else (x, y + (b[1] > y) - (b[1] < y)))
    return list(itertools.pairwise(path))


def symmetric(values: list[int], n: int) -> np.ndarray:
    """Return a symmetric matrix from the values of its upper triangle."""
    matrix = np.zeros((n, n), np.int64)
    matrix[np.triu_indices(n)] = values
    return matrix + np.triu(matrix, 1).T


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Return a small network on some tiles or chips with a short, eventful schedule."""
    n = draw(st.integers(1, 9))
    mesh = Mesh(*draw(st.sampled_from([(1, 1), (1, 2), (1, 4), (2, 32), (5, 32)])))
    tree = mesh.chips > 1 or draw(st.booleans())
    kept = [0, *leaf_cores(mesh, n).ravel().tolist()] if tree else []
    hosts = [core for core in range(mesh.cores) if core not in kept]
    core = draw(st.lists(st.sampled_from(hosts), min_size=n, max_size=n))
    count = n * (n + 1) // 2
    return {
        "matrix": symmetric(draw(st.lists(st.integers(-4, 4), min_size=count, max_size=count)), n),
        "mesh": mesh,
        "tree": tree,
        "core": core,
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
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_step_equals_the_slow_model(case: dict[str, Any], qubo: Callable[[np.ndarray], Arrays]) -> None:
    """States, costs, improvements, times and all counts agree, step by step, on any small network."""
    network = from_arrays(qubo(case["matrix"]))
    mapping = accept(network, np.array(case["core"], np.int64), case["mesh"], tree=case["tree"])
    fast = Annealer(network, mapping, case["schedule"], seed=case["seed"], limit_s=1, limit_steps=90, segment_s=0.0)
    leaves = leaf_cores(case["mesh"], network.n)[:, 0].tolist() if case["tree"] else []
    slow = SlowChip(case["matrix"], case["core"], case["mesh"], leaves, case["schedule"], case["seed"])
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
    assert len(rows) == 90


def test_the_integrator_holds_the_cost_of_two_steps_before(mis: Callable[[int, float, int], Arrays]) -> None:
    """After step t the cost on one chip is xᵀQx of the state after step t-2, at any moment of a run."""
    network = from_arrays(mis(40, 0.2, 0))
    mapping = accept(network, np.arange(40) % 4, Mesh(1, 1), tree=False)
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


def tile(mesh: Mesh, core: int) -> tuple[int, int]:
    """Return column and row of one core's tile."""
    x, y = mesh.place_of(np.array([core]))
    return int(x[0]), int(y[0])


@given(
    shape=st.sampled_from([(1, 8), (1, 32), (3, 32), (6, 32)]),
    ends=st.lists(st.tuples(st.integers(0, 767), st.integers(0, 767)), min_size=1, max_size=30),
)
@settings(max_examples=60)
def test_links_carry_what_lies_on_the_way(shape: tuple[int, int], ends: list[tuple[int, int]]) -> None:
    """The kernel's walk, the running sums of the mesh and a slow walk agree on every link of any set of messages."""
    kernel.compiled()
    mesh = Mesh(*shape)
    home, to = (np.array([end[k] % mesh.cores for end in ends]) for k in (0, 1))
    routes = routes_of(mesh, home, single(to))
    load = np.zeros((4, *mesh.extent), np.int64)
    busiest = kernel._busiest_link(np.arange(len(ends)), len(ends), routes.as_tuple(), load)
    slow = np.zeros_like(load)
    for a, b in zip(home, to, strict=True):
        for (x, y), (x1, y1) in way(tile(mesh, a), tile(mesh, b)):
            slow[{(1, 0): 0, (-1, 0): 1, (0, 1): 2, (0, -1): 3}[x1 - x, y1 - y], x, y] += 1

    assert np.array_equal(load, slow)
    assert np.array_equal(mesh.loads(home, to, np.ones(len(ends), np.int64)), slow)
    assert busiest == slow.max()
    assert routes.way.sum() == slow.sum()


def test_a_crowded_link_sets_the_time_of_a_step() -> None:
    """1000 messages over one link take 1000 / 3.44 ns, rounded up to 0.1 ns, when no core takes longer."""
    kernel.compiled()
    mesh, c = Mesh(1, 2), np.zeros(kernel.CONSTANTS, np.int64)
    c[kernel.LINK_RATE], c[kernel.SYNC_TICKS] = 344, 10_000
    routes = routes_of(mesh, np.zeros(1000, np.int64), single(np.full(1000, 4)))
    load = np.zeros((4, *mesh.extent), np.int64)

    def ticks(busiest_core: int) -> int:
        return int(kernel.step_ticks(np.arange(1000), 1000, 1000, routes.as_tuple(), busiest_core, load, c))

    assert ticks(0) == ticks(2907) == 2907 + 10_000
    assert ticks(2908) == 2908 + 10_000


def test_one_word_per_core_holds_its_ticks_and_its_synaptic_operations() -> None:
    """The longest core and the one with most operations may be different cores."""
    kernel.compiled()
    work = np.array([[5_000_000, 3], [40, 131_072], [0, 0]])

    assert kernel.busiest_core(work[:, 0] + (work[:, 1] << kernel.CORE_TICKS_BITS)) == (5_000_000, 131_072)


@given(
    marks=st.lists(st.integers(0, 3), min_size=1, max_size=200),
    which=st.sampled_from([0, 1]),
)
@settings(max_examples=60)
def test_a_list_holds_the_marked_neurons_in_order(marks: list[int], which: int) -> None:
    """Each of the two marks is found wherever it stands, and only it."""
    kernel.compiled()
    padded = np.array(marks + [0] * (-len(marks) % kernel.MARKS), np.uint8)
    listed = np.zeros(len(marks) + 1, np.uint32)
    count = kernel._list(padded.view(np.uint64), np.uint64(which), listed)

    assert listed[:count].tolist() == [i for i, mark in enumerate(marks) if mark >> which & 1]


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
    neurons = (np.array(x, np.int8), np.array(u, np.int32), np.array(until, np.int64), np.zeros(len(x), np.int32))
    marks = np.zeros(-(-len(x) // kernel.MARKS) * kernel.MARKS, np.uint8)
    listed, flips = np.zeros(len(x) + 1, np.uint32), np.zeros(len(x), np.int64)
    kernel._look(np.array(diagonal, np.int32), neurons, np.int32(0), marks)
    willing = kernel._list(marks.view(np.uint64), np.uint64(0), listed)
    count = kernel._decide(np.array(diagonal, np.int32), neurons, listed, willing, flips, s, c, np.uint64(7))
    until[:] = neurons[2].tolist()
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
