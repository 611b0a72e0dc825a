"""A run on the chip: stop rules, kept states, determinism, and answers good enough to be worth measuring."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neurorig_drivers.annealing.network import Network, from_arrays
from neurorig_drivers.annealing.schedule import schedule_for
from neurorig_drivers.process.framing import Arrays
from neurorig_lab.chip import kernel
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.mapping import place
from neurorig_protocols.errors import UserError

MakeMis = Callable[[int, float, int], Arrays]


def start(network: Network, **options: object) -> Annealer:
    """Return a run with the default schedule of the network's size and density."""
    chosen = {"seed": 0, "limit_s": 0.01} | options
    return Annealer(network, place(network), schedule_for(network.n, network.density, {}), **chosen)


def finish(run: Annealer) -> np.ndarray:
    """Run to the end and return all segments."""
    parts = []
    while len(part := run.advance()):
        parts.append(part)
    return np.concatenate(parts)


def test_the_same_seed_gives_the_same_run(mis: MakeMis) -> None:
    """Everything a run gives is a function of problem and seed; another seed gives another run."""
    network = from_arrays(mis(100, 0.05, 1))
    runs = [start(network, seed=seed) for seed in (3, 3, 4)]
    first, again, other = (finish(run) for run in runs)

    assert np.array_equal(first, again)
    assert np.array_equal(runs[0].solution, runs[1].solution)
    assert not np.array_equal(first[: len(other)], other[: len(first)])


def test_runs_of_one_placement_share_its_routing_table(mis: MakeMis) -> None:
    """The table of a large network takes a second to make: it is made once, and a run leaves it as it was."""
    network = from_arrays(mis(100, 0.05, 1))
    mapping, schedule = place(network), schedule_for(network.n, network.density, {})
    before = mapping.routes().way.copy()
    runs = [Annealer(network, mapping, schedule, seed=3, limit_s=1e-3) for _ in range(2)]
    first, again = (finish(run) for run in runs)

    assert runs[0].routes is runs[1].routes
    assert np.array_equal(mapping.routes().way, before)
    assert np.array_equal(first, again)


def test_a_fixed_timeout_ends_with_the_step_that_reaches_it(mis: MakeMis) -> None:
    """Chip time is the limit or at most one step more, and the segments add up to it."""
    run = start(from_arrays(mis(100, 0.05, 0)), limit_s=0.002)
    segments = finish(run)

    assert 0.002 <= run.elapsed_s < 0.002 + 5e-6
    assert segments[:, kernel.SEG_TICKS].sum() * 1e-10 == pytest.approx(run.elapsed_s, rel=1e-12)
    assert segments.sum(axis=0).tolist() == run.events.tolist()
    assert (segments[:-1, kernel.SEG_TICKS] >= 1e5).all()


def test_targets_stop_the_run_and_keep_the_states_that_met_them(mis: MakeMis) -> None:
    """Targets in any order: each kept state has the cost, at a time when the record of bests had it too."""
    network = from_arrays(mis(250, 0.05, 0))
    targets = [-62.5, -55.0, -66.33]
    run = start(network, limit_s=1.0, target_costs=targets, stop_at_targets=True)
    finish(run)
    reached_s, states = run.reached
    improvement_s, improvement_cost = run.improvements

    assert run.all_reached
    assert run.elapsed_s == reached_s[2] == reached_s.max() < 0.2
    for target, seconds, state in zip(targets, reached_s, states, strict=True):
        assert network.cost(state) <= target
        assert seconds == improvement_s[np.argmax(improvement_cost <= target)]
    assert network.cost(run.solution) == run.best_cost == improvement_cost[-1]


def test_targets_out_of_reach_are_not_a_number(mis: MakeMis) -> None:
    """What was not reached has no time, and the run ends by its limit."""
    run = start(from_arrays(mis(50, 0.1, 0)), target_costs=[-10.0, -51.0], stop_at_targets=True)
    finish(run)
    reached_s, states = run.reached

    assert not run.all_reached
    assert run.elapsed_s >= 0.01
    assert np.isfinite(reached_s[0])
    assert np.isnan(reached_s[1])
    assert not states[1].any()


def test_improvements_fall_from_the_cleared_state_on(mis: MakeMis) -> None:
    """The record begins with cost 0 at time 0, then time rises and cost falls at every entry."""
    run = start(from_arrays(mis(250, 0.05, 2)))
    finish(run)
    seconds, costs = run.improvements

    assert (seconds[0], costs[0]) == (0.0, 0)
    assert (np.diff(seconds) > 0).all()
    assert (np.diff(costs) < 0).all()


def test_results_do_not_depend_on_how_time_is_cut(mis: MakeMis) -> None:
    """Fine and coarse segments tell of the same run."""
    network = from_arrays(mis(100, 0.05, 0))
    fine, coarse = start(network, segment_s=0.0), start(network, segment_s=1e-3)
    segments = finish(fine), finish(coarse)

    assert len(segments[0]) > len(segments[1]) >= 10
    assert segments[0].sum(axis=0).tolist() == segments[1].sum(axis=0).tolist()
    assert np.array_equal(fine.solution, coarse.solution)


def test_a_problem_without_edges_is_solved_by_all_ones(mis: MakeMis) -> None:
    """At n = 10, 1 % there is no edge, and a single variable works too."""
    for n in (1, 10):
        run = start(from_arrays(mis(n, 0.01, 0)))
        finish(run)
        assert run.solution.tolist() == [1] * n


def test_dense_networks_do_not_flip_to_and_fro(mis: MakeMis) -> None:
    """At 25 % density the neurons do not fall into flipping together: spikes stay rare, answers good."""
    network = from_arrays(mis(250, 0.25, 0))
    run = start(network, limit_s=0.02)
    finish(run)

    assert run.events[kernel.SPIKES] / run.events[kernel.SEG_STEPS] < 0.05 * network.n
    assert run.best_cost <= -20


@pytest.mark.parametrize(("seed", "official"), [(0, -67), (1, -69), (2, -67), (3, -67), (4, -67)])
def test_official_targets_of_the_benchmark_are_reached(mis: MakeMis, seed: int, official: int) -> None:
    """Each tuning instance of n = 250, 5 % comes within 1 % of the official target in 0.2 s of chip time."""
    run = start(from_arrays(mis(250, 0.05, seed)), limit_s=0.2, target_costs=[0.99 * official], stop_at_targets=True)
    finish(run)

    assert run.all_reached


def test_a_thousand_variables_come_close_to_the_official_target(mis: MakeMis) -> None:
    """The instance n = 1000, 1 %, seed 0 comes within 5 % of -306 in 0.5 s of chip time."""
    run = start(from_arrays(mis(1000, 0.01, 0)), limit_s=0.5, target_costs=[-0.95 * 306], stop_at_targets=True)
    finish(run)

    assert run.all_reached


def test_a_mistyped_parameter_is_answered_with_the_valid_ones() -> None:
    """The chip's parameters are listed, with the closest one."""
    with pytest.raises(UserError) as refused:
        schedule_for(40, 0.2, {"levls": 8})

    assert "levls: unknown field. Did you mean 'levels'?" in refused.value.message
    assert "t_max" in refused.value.message
