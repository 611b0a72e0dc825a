"""The chip behind its port: power and marks in the world, and callers that misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurorig_drivers.annealing.network import from_arrays
from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Link, LinkServer, RemoteFailure
from neurorig_lab.chip import constants
from neurorig_lab.chip.chip_device import ChipDevice
from neurorig_lab.chip.mapping import place
from neurorig_lab.world import World

MakeMis = Callable[[int, float, int], Arrays]
Truth = Callable[[], list[dict[str, Any]]]

RUN = {"call": "run", "scenario": "fixed-timeout", "limit_s": 0.002, "seed": 1, "params": {}, "marked": True}
NO_TARGETS = {"target_costs": np.zeros(0)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a stepped world with the chip's rails."""
    return World(constants.RAILS, mode="stepped", marker_mode="level", truth=tmp_path / "truth")


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """Serve a chip in the world."""
    with LinkServer(ChipDevice(world).handle).serving() as served:
        yield served


@pytest.fixture
def link(address: str) -> Iterator[Link]:
    """Return a connection to the chip."""
    caller = Link(address)
    yield caller
    caller.close()


def configure(link: Link, arrays: Arrays, **more: object) -> None:
    """Place a problem and configure the chip with it."""
    mapping = place(from_arrays(arrays))
    link.call({"call": "configure", "tiles": mapping.mesh.tiles, **more}, {**arrays, "core": mapping.core})


def error_of(link: Link, message: dict[str, Any], arrays: Arrays | None = None) -> dict[str, Any]:
    """Return the error record with which the chip answers."""
    answer, _ = link.call(message, arrays)
    return dict(answer["error"])


def test_true_energy_of_a_run_is_the_sum_of_its_events(
    link: Link, mis: MakeMis, world: World, read_truth: Truth
) -> None:
    """Each rail's energy in the window is the closed form of the counts that the chip reports."""
    arrays = mis(50, 0.1, 0)
    configure(link, arrays, session="a1")
    account, _ = link.call({**RUN, "session": "a1"}, NO_TARGETS)
    window, activity = read_truth()[0], account["activity"]
    seconds = account["elapsed_s"]

    assert window["session"] == "a1"
    # A window ends on a whole nanosecond, up to one after the last step.
    assert 0 <= (window["t1_ns"] - window["t0_ns"]) * 1e-9 - seconds < 1.001e-9
    assert activity["hops"] == 0
    assert activity["neuron_updates"] == activity["steps"] * 52
    assert window["energy_j"] == {
        "neurocores": pytest.approx(activity["neuron_updates"] * 72.8e-12 + activity["spikes"] * 69.3e-12, rel=1e-9),
        "memory": pytest.approx(activity["synaptic_operations"] * 33.6e-12, rel=1e-9),
        "io": pytest.approx(activity["messages"] * 111e-12, rel=1e-9),
        "management": pytest.approx(seconds * 65e-3, abs=65e-3 * 1.1e-9),
        "static": pytest.approx(seconds * 104.4e-3, abs=104.4e-3 * 1.1e-9),
        "supply": pytest.approx(sum(v for r, v in window["energy_j"].items() if r != "supply"), rel=1e-9),
    }


def test_waiting_is_idle_power_inside_its_window(link: Link, world: World, read_truth: Truth) -> None:
    """A marked wait is one window at standing power; an unmarked one moves the clock only."""
    link.call({"call": "wait", "seconds": 0.01, "marked": False})
    link.call({"call": "wait", "seconds": 0.02, "marked": True})
    (window,) = read_truth()

    assert (window["t0_ns"], window["t1_ns"]) == (10_000_000, 30_000_000)
    assert window["energy_j"]["supply"] == pytest.approx(0.02 * 0.1694)
    assert window["idle_power_w"]["supply"] == pytest.approx(0.1694)


def test_an_unmarked_run_leaves_the_line_alone(link: Link, mis: MakeMis, world: World, read_truth: Truth) -> None:
    """The ranging pass draws power and makes no window."""
    configure(link, mis(50, 0.1, 0))
    link.call({**RUN, "marked": False}, NO_TARGETS)
    power, digital = world.sample(np.array([0.0, world.now_ns()]), ["neurocores"])

    assert read_truth() == []
    assert power[0, 0] > 1e-3
    assert digital.tolist() == [0]


def test_long_runs_are_played_without_a_break(link: Link, mis: MakeMis, world: World, read_truth: Truth) -> None:
    """A run of several pieces is one window, and no sample in it falls back to idle."""
    configure(link, mis(50, 0.1, 0))
    link.call({**RUN, "limit_s": 0.3}, NO_TARGETS)
    (window,) = read_truth()
    power, digital = world.sample(np.arange(window["t0_ns"], window["t1_ns"], 1e5), ["neurocores"])

    assert window["t1_ns"] - window["t0_ns"] == pytest.approx(0.3e9, rel=1e-4)
    assert power.min() > 0.8 * power.max() > 0
    assert digital.all()


def test_the_same_session_goes_on_and_another_one_begins_anew(link: Link, mis: MakeMis, read_truth: Truth) -> None:
    """Windows count on while the label stays, and from 0 when it changes."""
    for label in ("a", "a", "b"):
        configure(link, mis(10, 0.1, 0), session=label)
        link.call({**RUN, "session": label}, NO_TARGETS)

    assert [(line["session"], line["window"]) for line in read_truth()] == [("a", 0), ("a", 1), ("b", 0)]


def test_running_before_configuring_is_refused(link: Link) -> None:
    """The order of the verbs is kept by the chip too."""
    assert error_of(link, RUN, NO_TARGETS)["code"] == "infra_error"
    assert error_of(link, {"call": "read"})["code"] == "infra_error"


@pytest.mark.parametrize(
    "change", [{"scenario": "guess"}, {"limit_s": 0.0}, {"limit_s": float("nan")}, {"params": {"t_max": -1}}]
)
def test_senseless_runs_are_the_users_error(
    link: Link, mis: MakeMis, change: dict[str, Any], read_truth: Truth
) -> None:
    """A run that cannot be is refused before the line moves."""
    configure(link, mis(10, 0.1, 0))
    assert error_of(link, RUN | change, NO_TARGETS)["fault"] == "user"
    assert read_truth() == []


def test_a_placement_beyond_a_limit_is_refused_by_the_chip(link: Link, mis: MakeMis) -> None:
    """The chip does not believe its caller."""
    arrays = {**mis(1100, 0.0, 0), "core": np.zeros(1100, np.int64)}
    error = error_of(link, {"call": "configure", "tiles": 1}, arrays)

    assert error["code"] == "does_not_fit"
    assert error["detail"]["limit"] == "neurons_per_core"


@pytest.mark.parametrize("message", [{"call": "explode"}, {}, {"call": "wait"}, {"call": "wait", "seconds": "x"}])
def test_nonsense_is_answered_and_the_chip_lives_on(link: Link, message: dict[str, Any]) -> None:
    """A malformed request fails alone."""
    with pytest.raises(RemoteFailure):
        link.call(message)
    assert link.call({"call": "identify"})[0]["family"].startswith("VIRTUAL")


def test_a_caller_that_hangs_up_ends_its_run(address: str, mis: MakeMis, world: World) -> None:
    """An hour of chip time for nobody is not computed: the next caller gets its answer and the line is low."""
    leaver = Link(address)
    configure(leaver, mis(50, 0.1, 0))
    gone = threading.Thread(target=_ignore_the_end, args=(leaver, {**RUN, "limit_s": 3600.0}))
    gone.start()
    _until(lambda: world.now_ns() > 0)
    leaver.close()
    gone.join(60)
    with_answer = Link(address)

    assert with_answer.call({"call": "identify"})[0]["firmware"]
    assert world.sample(np.array([world.now_ns() - 1.0, world.now_ns()]), ["io"])[1].tolist() == [1]
    with_answer.call({"call": "wait", "seconds": 1e-3, "marked": False})
    assert world.sample(np.array([world.now_ns() - 1.0, world.now_ns()]), ["io"])[1].tolist() == [0]
    assert world.now_ns() < 3600e9
    with_answer.close()


def _ignore_the_end(link: Link, message: dict[str, Any]) -> None:
    with pytest.raises(OSError, match="no answer"):
        link.call(message, NO_TARGETS)


def _until(holds: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait until a condition holds."""
    tick = threading.Event()
    for _ in range(int(limit_s / 0.01)):
        if holds():
            return
        tick.wait(0.01)
    raise AssertionError("the condition never held")


def test_a_world_with_other_rails_is_refused() -> None:
    """The chip does not feed from rails that it does not know."""
    with pytest.raises(ValueError, match="the chip feeds from"):
        ChipDevice(World(["mcu"], mode="stepped", marker_mode="level"))
