"""Counters are read in a thread and unwrapped; energies become mean powers without losing a joule."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_drivers.monitors.counters import EvenPowers, Poller, mean_powers_w, unmarked_block
from neurorig_protocols.errors import MonitorLost

A_DAY_S = 86400.0


class Scripted:
    """A counter that shows what a list says; at the list's end it cannot be read."""

    def __init__(self, readings: list[int], wrap: int = 1000) -> None:
        self._readings, self.wrap = readings, wrap
        self.over = threading.Event()

    def read(self) -> int:
        """See Counter."""
        if not self._readings:
            self.over.set()
            raise OSError("the counter is gone")
        return self._readings.pop(0)


def poller(counter: Scripted, period_s: float = A_DAY_S) -> Poller:
    """A poller of one counter; by default it sleeps for a day and the test takes the readings itself."""
    return Poller([counter], period_s, where="here", next_step="Look.")


@given(st.lists(st.integers(0, 999), max_size=30))
def test_wraps_are_undone(steps: list[int]) -> None:
    """However often the counter wraps, what is counted since the start is what flowed."""
    totals = np.cumsum([7, *steps]).tolist()
    made = poller(Scripted([total % 1000 for total in totals]))
    made.start()
    for _ in steps:
        made._read()
    polls = made.take()
    made.stop()

    assert polls.counts[:, 0].tolist() == [total - 7 for total in totals]
    assert (polls.begin_ns <= polls.t_ns).all()
    assert (polls.t_ns <= polls.end_ns).all()
    assert (np.diff(polls.t_ns) >= 0).all()
    assert len(made.take().t_ns) == 0


def test_what_was_read_before_a_failure_is_given_first() -> None:
    """A counter that vanishes loses the monitor, and no reading with it."""
    counter = Scripted([1, 2, 3])
    made = poller(counter, 0.001)
    made.start()
    assert counter.over.wait(10)
    made.stop()
    polls = made.take()

    assert polls.counts[:, 0].tolist() == [0, 1, 2]
    with pytest.raises(MonitorLost, match="read no longer: the counter is gone") as raised:
        made.take()
    with pytest.raises(MonitorLost):
        made.check()
    assert (raised.value.where, raised.value.next_step) == ("here", "Look.")


def test_a_counter_that_cannot_be_read_does_not_start() -> None:
    """The first reading's failure is the caller's to explain; no thread is left."""
    made = poller(Scripted([]))
    with pytest.raises(OSError, match="gone"):
        made.start()
    made.stop()


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10_000)), min_size=1, max_size=20),
    st.integers(1, 60),
)
def test_interpolation_conserves_energy(steps: list[tuple[int, int]], count: int) -> None:
    """Whenever the readings came, the samples add up to the energy between first and last reading."""
    t_ns = np.cumsum([0, *(t for t, _ in steps)]) * 1e6
    energy_j = np.cumsum([5, *(e for _, e in steps)]) * 1e-6
    edges_ns = np.linspace(0, t_ns[-1], count + 1)
    joules = mean_powers_w(edges_ns, t_ns, energy_j) @ np.diff(edges_ns) * 1e-9

    assert joules == pytest.approx(energy_j[-1] - 5e-6, rel=1e-5, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 12)), max_size=25))
def test_samples_come_as_far_as_every_channel_is_known(arrivals: list[tuple[int, int]]) -> None:
    """In whatever order two channels of 3 W and 7 W become known, every sample is right and none comes twice."""
    powers = EvenPowers(1_000, 5_000_000, 2)
    at_ns = [1_000, 1_000]
    for channel, watts in enumerate((3.0, 7.0)):
        powers.add(channel, np.array([1_000]), np.array([watts * 1e-6]))
    found: list[np.ndarray] = []
    for channel, later_ms in arrivals:
        at_ns[channel] += later_ms * 1_000_000
        watts = (3.0, 7.0)[channel]
        powers.add(channel, np.array([at_ns[channel]]), np.array([watts * at_ns[channel] * 1e-9]))
        index, values = powers.take()
        assert index == sum(map(len, found))
        found.append(values)

    assert powers.samples == sum(map(len, found)) == (min(at_ns) - 1_000) // 5_000_000 * bool(arrivals)
    for values in found:
        assert np.allclose(values, [[3.0, 7.0]], rtol=1e-5)


def test_a_block_of_counted_samples_has_no_marker() -> None:
    """Nothing is wired to a counter; flags are the driver's, or none."""
    values = np.ones((3, 1), np.float32)

    assert not unmarked_block(0, values).digital.any()
    assert not unmarked_block(0, values).flags.any()
    assert unmarked_block(4, values, np.array([0, 2, 0], np.uint8)).flags.tolist() == [0, 2, 0]
