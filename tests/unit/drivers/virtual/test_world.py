"""The world keeps energy exactly, and writes the truth of each window."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_lab.world import Forgotten, NotYet, World

Truth = Callable[..., list[dict[str, Any]]]

NS = st.integers(1, 10**7)
WATTS = st.floats(0, 10)
SEGMENT = st.tuples(NS, WATTS, WATTS)


def stepped(**options: Any) -> World:
    """Return a stepped world of two rails."""
    return World(["a", "b"], mode="stepped", marker_mode=options.pop("marker_mode", "level"), **options)


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 10**15

    def __call__(self) -> int:
        """Return the time in ns."""
        return self.ns


def play(world: World, segments: list[tuple[int, float, float]]) -> int:
    """Play segments of (ns, W, W)."""
    table = np.array(segments, float)
    return world.play(table[:, 0] * 1e-9, table[:, 1:])


def closed_form_j(segments: list[tuple[int, float, float]], a: float, b: float) -> np.ndarray:
    """Return the energy (2,) between two instants, segment by segment in plain arithmetic."""
    energy, at = np.zeros(2), 0
    for ns, *power in segments:
        overlap = max(0.0, min(b, at + ns) - max(a, at))
        energy += np.array(power) * overlap * 1e-9
        at += ns
    return energy


@given(plays=st.lists(st.lists(SEGMENT, min_size=1, max_size=8), min_size=1, max_size=5), data=st.data())
@settings(max_examples=60)
def test_sampled_energy_equals_the_closed_form(
    plays: list[list[tuple[int, float, float]]], data: st.DataObject
) -> None:
    """Mean power times length is the sum over segments, wherever the edges lie, and the supply is the sum."""
    world = stepped()
    for segments in plays:
        play(world, segments)
    every = [segment for segments in plays for segment in segments]
    total = sum(ns for ns, *_ in every)
    assert world.now_ns() == total
    eighths = data.draw(st.lists(st.integers(0, 8 * total), min_size=2, max_size=20, unique=True))
    edges = np.array(sorted(eighths)) / 8
    power, _ = world.sample(edges, ["b", "supply", "a"])

    energy = power * np.diff(edges)[:, np.newaxis] * 1e-9
    for (start, stop), row in zip(itertools.pairwise(edges), energy, strict=True):
        a, b = closed_form_j(every, start, stop)
        assert row == pytest.approx([b, a + b, a], rel=1e-9, abs=1e-15)


@given(
    steps=st.lists(st.tuples(SEGMENT, st.integers(0, 10**6)), min_size=1, max_size=6),
    idle=st.tuples(WATTS, WATTS),
)
@settings(max_examples=40)
def test_truth_of_each_window_equals_what_was_played(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[tuple[int, float, float], int]],
    idle: tuple[float, float],
) -> None:
    """A window marked around a play holds the energy of that play and nothing of the waits between."""
    folder = tmp_path_factory.mktemp("truth")
    world = stepped(truth=folder)
    world.standing({"a": idle[0], "b": idle[1]})
    for segment, pause_ns in steps:
        world.wait(pause_ns * 1e-9)
        world.mark(1)
        play(world, [segment])
        world.mark(0)
    lines = (folder / "virtual.jsonl").read_text().splitlines()

    assert len(lines) == len(steps)
    for number, (line, ((ns, a, b), _)) in enumerate(zip(lines, steps, strict=True)):
        record = json.loads(line)
        assert record["window"] == number
        assert record["t1_ns"] - record["t0_ns"] == ns
        energy = [record["energy_j"][rail] for rail in ("a", "b", "supply")]
        assert energy == pytest.approx([a * ns * 1e-9, b * ns * 1e-9, (a + b) * ns * 1e-9], rel=1e-9, abs=1e-15)
        assert record["idle_power_w"] == pytest.approx({"a": idle[0], "b": idle[1], "supply": sum(idle)})


def test_fractions_of_a_nanosecond_are_filled_with_standing_power() -> None:
    """Every play begins on a whole nanosecond; the rest of the last one is idle."""
    world = stepped()
    world.standing({"a": 1.0})
    world.play(np.array([1.5e-9]), np.array([[3.0, 0.0]]))

    assert world.now_ns() == 2
    power, _ = world.sample(np.array([0.0, 1.5, 2.0]), ["a"])
    assert power[:, 0] == pytest.approx([3.0, 1.0])


def test_standing_power_of_one_rail_leaves_the_others() -> None:
    """Setting one rail keeps what the others had, and time before stays as it was."""
    world = stepped()
    world.standing({"a": 1.0, "b": 2.0})
    world.wait(1e-3)
    world.standing({"b": 5.0})
    world.wait(1e-3)

    power, _ = world.sample(np.array([0.0, 1e6, 2e6]), ["a", "b"])
    assert power == pytest.approx(np.array([[1, 2], [1, 5]]))


def test_level_line_is_high_during_the_window_only() -> None:
    """Samples from the rising to the falling edge are 1; an edge inside a sample counts from that sample on."""
    world = stepped()
    world.wait(10e-6)
    world.mark(1)
    world.wait(10e-6)
    world.mark(0)
    world.wait(10e-6)

    assert world.sample(np.arange(0, 30_001, 5000.0), ["a"])[1].tolist() == [0, 0, 1, 1, 0, 0]
    assert world.sample(np.array([0, 12_000, 18_000, 22_000, 30_000.0]), ["a"])[1].tolist() == [0 + 1, 1, 0, 0]


def test_a_short_low_pulse_is_latched_into_its_sample() -> None:
    """In pulse mode a pulse far shorter than a sample still shows as one low sample."""
    world = stepped(marker_mode="pulse")
    world.wait(10.5e-6)
    world.mark(0)
    world.wait(1e-9)
    world.mark(1)
    world.wait(20e-6)

    digital = world.sample(np.arange(0, 30_001, 1000.0), ["a"])[1]
    assert np.flatnonzero(digital == 0).tolist() == [10]


def test_pulse_windows_run_from_fall_to_fall(tmp_path: Path, read_truth: Truth) -> None:
    """Falling edges alternately begin and end a window; rising edges mean nothing."""
    world = stepped(marker_mode="pulse", truth=tmp_path / "truth")
    world.standing({"a": 1.0})
    for _ in range(4):
        world.mark(0)
        world.wait(1e-3)
        world.mark(1)
        world.wait(2e-3)

    windows = [(line["t0_ns"], line["t1_ns"], line["energy_j"]["a"]) for line in read_truth()]
    assert windows == [(0, 3_000_000, pytest.approx(3e-3)), (6_000_000, 9_000_000, pytest.approx(3e-3))]


def test_a_new_session_counts_its_windows_from_zero(tmp_path: Path, read_truth: Truth) -> None:
    """A window belongs to the session in which it began."""
    world = stepped(truth=tmp_path / "truth")

    def window() -> None:
        world.mark(1)
        world.wait(1e-3)
        world.mark(0)

    world.session("first")
    window()
    window()
    world.mark(1)
    world.session("second")
    world.mark(0)
    window()

    assert [(line["session"], line["window"]) for line in read_truth()] == [
        ("first", 0),
        ("first", 1),
        ("first", 2),
        ("second", 0),
    ]


def test_marking_the_level_that_is_there_makes_no_edge(tmp_path: Path, read_truth: Truth) -> None:
    """Lowering a low line, or raising a high one, begins and ends nothing."""
    world = stepped(truth=tmp_path / "truth")
    world.mark(0)
    world.mark(1)
    world.wait(1e-3)
    world.mark(1)
    world.mark(0)

    assert [line["window"] for line in read_truth()] == [0]


def test_an_edge_before_the_last_one_is_refused() -> None:
    """Edges never run backwards."""
    world = stepped()
    world.wait(1e-3)
    world.mark(1)
    with pytest.raises(ValueError, match="before the last one"):
        world.mark(0, at_ns=10)


def test_realtime_follows_its_clock_and_queues_plays(tmp_path: Path, read_truth: Truth) -> None:
    """Plays begin now or after what plays already; the future is refused until it has come; truth waits for it."""
    clock = Clock()
    world = World(["a"], mode="realtime", marker_mode="level", clock=clock, truth=tmp_path / "truth")
    world.standing({"a": 1.0})
    clock.ns += 1_000_000
    world.mark(1)
    first = world.play(np.array([1e-3]), np.array([[2.0]]))
    second = world.play(np.array([1e-3]), np.array([[3.0]]))
    world.mark(0, at_ns=second + 1_000_000)
    world.standing({"a": 4.0})

    assert (first, second) == (1_000_000, 2_000_000)
    assert world.now_ns() == 1_000_000
    with pytest.raises(NotYet):
        world.sample(np.array([0, 1_000_001.0]), ["a"])
    clock.ns += 3_000_000
    power, digital = world.sample(np.arange(0, 4_000_001, 1_000_000.0), ["a"])
    assert power[:, 0] == pytest.approx([1, 2, 3, 4])
    assert digital.tolist() == [0, 1, 1, 0]
    assert [line["energy_j"]["a"] for line in read_truth()] == [pytest.approx(5e-3)]


def test_realtime_truth_of_an_edge_in_the_future_waits_until_it_has_come(tmp_path: Path, read_truth: Truth) -> None:
    """An end edge beyond all plays is written once the time up to it is known."""
    clock = Clock()
    world = World(["a"], mode="realtime", marker_mode="level", clock=clock, truth=tmp_path / "truth")
    world.standing({"a": 1.0})
    world.mark(1)
    world.mark(0, at_ns=2_000_000)
    clock.ns += 1_000_000
    world.standing({"a": 3.0})
    assert read_truth() == []
    clock.ns += 1_000_000
    world.mark(0)

    assert [line["energy_j"]["a"] for line in read_truth()] == [pytest.approx(4e-3)]


def test_memory_stays_bounded_and_the_truth_of_a_long_window_survives(tmp_path: Path, read_truth: Truth) -> None:
    """Old segments are forgotten and refused afterwards; a window longer than memory keeps its energy."""
    world = stepped(truth=tmp_path / "truth", max_edges=100)
    world.mark(1)
    durations, power = np.full(50, 1e-6), np.full((50, 2), [1.0, 2.0])
    for _ in range(100):
        world.play(durations, power)
    world.mark(0)

    assert len(world._history) <= 250
    assert read_truth()[0]["energy_j"] == pytest.approx({"a": 5e-3, "b": 1e-2, "supply": 1.5e-2})
    recent, _ = world.sample(np.array([4_950_000, 5_000_000.0]), ["a"])
    assert recent[0, 0] == pytest.approx(1.0)
    with pytest.raises(Forgotten):
        world.sample(np.array([0, 1000.0]), ["a"])


def test_old_marker_edges_are_forgotten_without_moving_the_line() -> None:
    """After many windows the line still reads right, in both modes."""
    for mode in ("level", "pulse"):
        world = stepped(marker_mode=mode, horizon_s=1e-3)
        for _ in range(101):
            world.mark(0 if mode == "pulse" else 1)
            world.wait(10e-6)
            world.mark(1 if mode == "pulse" else 0)
            world.wait(30e-6)
        end = float(world.now_ns())

        assert len(world._line._edges) < 202
        high = world.sample(np.array([end - 40_000, end - 30_000, end]), ["a"])[1]
        assert high.tolist() == ([1, 0] if mode == "level" else [0, 1])


@pytest.mark.parametrize("edges", [[], [1.0], [1.0, 1.0], [2.0, 1.0], [0.0, 1e-9], [0.0, np.nan]])
def test_senseless_samples_are_refused(edges: list[float]) -> None:
    """Sample edges must rise."""
    world = stepped()
    world.wait(1e-3)
    with pytest.raises(ValueError, match="rise by"):
        world.sample(np.array(edges), ["a"])


@pytest.mark.parametrize("rails", [[], ["a", "a"], ["supply"]])
def test_senseless_rails_are_refused(rails: list[str]) -> None:
    """A world needs different rails, and makes the supply itself."""
    with pytest.raises(ValueError, match="rails"):
        World(rails, mode="stepped", marker_mode="level")


@pytest.mark.parametrize(
    ("durations", "power"),
    [([], []), ([1.0], [[1.0]]), ([0.0], [[1.0, 1.0]]), ([np.inf], [[1.0, 1.0]]), ([1.0], [[np.nan, 1.0]])],
)
def test_senseless_segments_are_refused(durations: list[float], power: list[list[float]]) -> None:
    """A segment has a positive finite length and a finite power on every rail; refusal leaves no trace."""
    world = stepped()
    with pytest.raises(ValueError, match=r"segment|finite"):
        world.play(np.array(durations), np.array(power))
    assert world.now_ns() == 0


def test_unknown_rails_are_named() -> None:
    """Sampling or setting a rail that is not there says so; the supply cannot be set."""
    world = stepped()
    world.wait(1e-3)
    with pytest.raises(KeyError, match="no rail 'c'"):
        world.sample(np.array([0, 10.0]), ["c"])
    with pytest.raises(KeyError, match="no rail 'supply'"):
        world.standing({"supply": 1.0})


def test_waiting_a_negative_time_is_refused() -> None:
    """Time does not run backwards."""
    with pytest.raises(ValueError, match="cannot wait"):
        stepped().wait(-1.0)
