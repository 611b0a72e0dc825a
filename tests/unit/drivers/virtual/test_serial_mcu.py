"""However long the virtual board is held up, a meter sees every pulse and every joule between them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_lab.serial_mcu import DYNAMIC_POWER_W, HOLD_S, VirtualMcu, inference_s
from neurorig_lab.world import Marks, World

MACS = 25_408
SAMPLE_NS = round(HOLD_S * 1e9)


class HeldUp:
    """A virtual world whose every call takes as long as it is told, and a meter that has sampled all until then."""

    def __init__(self, delays_us: Sequence[int]) -> None:
        self._now_ns = 0
        self._delays = itertools.cycle(delays_us)
        self.inner = World(["other", "mcu"], mode="realtime", marker_mode="pulse", clock=lambda: self._now_ns)
        self.rails, self.mode, self.marker_mode = self.inner.rails, self.inner.mode, self.inner.marker_mode
        self._sampled_ns = 0
        self.energy_j: list[float] = []
        self.line: list[int] = []

    def pass_time(self, ns: int) -> None:
        """Let time pass, and the meter sample."""
        self._now_ns += ns
        edges = np.arange(float(self._sampled_ns), self._now_ns + 1, SAMPLE_NS)
        if len(edges) > 1:
            power, line = self.inner.sample(edges, ["mcu"])
            self.energy_j += (power[:, 0] * HOLD_S).tolist()
            self.line += line.tolist()
            self._sampled_ns = int(edges[-1])

    def _call(self) -> None:
        self.pass_time(next(self._delays) * 1000)

    def now_ns(self) -> int:
        """See WorldAccess."""
        self._call()
        return self.inner.now_ns()

    def standing(self, power_w: dict[str, float]) -> None:
        """See WorldAccess."""
        self._call()
        self.inner.standing(power_w)

    def play(self, durations_s: npt.NDArray[np.float64], power_w: npt.NDArray[np.float64], marks: Marks = ()) -> int:
        """See WorldAccess."""
        self._call()
        return self.inner.play(durations_s, power_w, marks)

    def wait(self, seconds: float) -> None:
        """See WorldAccess."""
        self.pass_time(round(seconds * 1e9))

    def mark(self, level: int, at_ns: int | None = None) -> None:
        """See WorldAccess."""
        self._call()
        self.inner.mark(level, at_ns)

    def session(self, label: str) -> None:
        """See WorldAccess."""
        self._call()
        self.inner.session(label)

    def sample(
        self, t_edges_ns: npt.NDArray[np.float64], rails: Sequence[str]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
        """See WorldAccess."""
        return self.inner.sample(t_edges_ns, rails)

    @property
    def windows(self) -> list[tuple[float, float]]:
        """What the meter saw between each two falling edges: energy in joules and length in seconds."""
        falls = [i for i, (a, b) in enumerate(itertools.pairwise([1, *self.line])) if (a, b) == (1, 0)]
        pairs = zip(falls[::2], falls[1::2], strict=True)
        return [(sum(self.energy_j[a:b]), (b - a) * HOLD_S) for a, b in pairs]


def board(world: HeldUp) -> VirtualMcu:
    """Return a board in energy mode that does not sleep: the tests let time pass."""
    stopped = threading.Event()
    stopped.set()
    return VirtualMcu(world, "energy", MACS, stopped)


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=40), st.integers(1, 3))
def test_no_delay_loses_a_pulse_or_a_joule(delays_us: list[int], count: int) -> None:
    """Held up by up to 20 ms at any call, each window on the meter holds the whole energy of its inferences."""
    world = HeldUp(delays_us)
    mcu = board(world)
    world.pass_time(1_000_000)
    for _ in range(3):
        mcu.finish(mcu.start(count))
        world.pass_time(50_000_000)
    energy = count * inference_s(MACS) * DYNAMIC_POWER_W
    assert len(world.windows) == 3
    assert sum(world.energy_j) == pytest.approx(3 * energy)
    for energy_j, length_s in world.windows:
        # The first sample that sees the edge may hold up to one sample's worth from before it, of no power here.
        assert energy_j == pytest.approx(energy, abs=DYNAMIC_POWER_W * HOLD_S)
        assert abs(length_s - count * inference_s(MACS)) <= HOLD_S


def test_a_window_is_as_long_as_its_inferences() -> None:
    """The two edges lie where the inferences begin and end, within the meter's samples."""
    world = HeldUp([100])
    mcu = board(world)
    world.pass_time(1_000_000)
    span = mcu.start(1)
    world.pass_time(50_000_000)
    [(_, length_s)] = world.windows
    assert span.end_ns - span.begin_ns == 1_588_000
    assert abs(length_s - inference_s(MACS)) <= HOLD_S


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=20))
def test_plain_timestamps_are_never_merged(delays_us: list[int]) -> None:
    """Each timestamp is a pulse of its own on the meter, however close they are asked for."""
    world = HeldUp(delays_us)
    mcu = board(world)
    world.pass_time(1_000_000)
    for _ in range(4):
        assert mcu.timestamp() is None
        world.pass_time(SAMPLE_NS)
    world.pass_time(20_000_000)
    assert len(world.windows) == 2
