"""A counter's updates are found between the readings that show the old and the new value."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurorig_drivers.monitors.counters import LateUpdates, Steps, Updates
from neurorig_protocols.trace import FLAG_LATE

MS = 1_000_000


def followed(updates_ns: list[int], begins_ns: list[int], cuts: list[int]) -> tuple[Updates, Steps]:
    """Follow a counter that goes up by one at each update, read at instants, the readings handed over in pieces."""
    begin_ns = np.array(begins_ns, np.int64)
    end_ns = begin_ns + 1000
    counts = np.searchsorted(np.array(updates_ns), begin_ns, "right")
    updates = Updates()
    pieces = np.split(np.arange(len(begin_ns)), sorted(cuts))
    found = [updates.follow(begin_ns[piece], end_ns[piece], counts[piece]) for piece in pieces]
    joined = [np.concatenate([getattr(steps, name) for steps in found]) for name in ("t_ns", "counts", "since_ns")]
    return updates, Steps(*joined, np.concatenate([steps.span_ns for steps in found]))


READINGS = st.lists(st.integers(1, 20), min_size=2, max_size=60).map(lambda ms: (np.cumsum(ms) * MS).tolist())
UPDATES = st.lists(st.integers(25, 60), min_size=1, max_size=20).map(lambda ms: (np.cumsum(ms) * MS + 17).tolist())


@given(UPDATES, READINGS, st.lists(st.integers(0, 60), max_size=4))
def test_each_update_lies_where_it_may(updates_ns: list[int], begins_ns: list[int], cuts: list[int]) -> None:
    """Updates slower than the readings are all seen; each span is at least the true time between two."""
    seen_ns = [t for t in updates_ns if begins_ns[0] < t <= begins_ns[-1]]
    updates, steps = followed(updates_ns, begins_ns, cuts)

    assert updates.seen == len(steps.t_ns) == len(seen_ns)
    assert (np.abs(steps.t_ns - np.array(seen_ns, np.int64)) <= 10.5 * MS).all()
    assert (steps.span_ns[1:] >= np.diff(seen_ns)).all()
    assert steps.span_ns[:1].tolist() == [0] * bool(seen_ns)
    assert steps.since_ns[1:].tolist() == steps.t_ns[:-1].tolist()
    assert updates.longest_s == (steps.span_ns.max() * 1e-9 if seen_ns else 0.0)


def test_it_does_not_matter_how_the_readings_arrive() -> None:
    """One by one or all at once, the updates are the same."""
    updates_ns = [25 * MS * k + 3 for k in range(1, 12)]
    begins_ns = [5 * MS * k for k in range(60)]
    whole, one_by_one = (followed(updates_ns, begins_ns, cuts) for cuts in ([], list(range(60))))

    assert [a.tolist() for a in vars(whole[1]).values()] == [a.tolist() for a in vars(one_by_one[1]).values()]
    assert whole[0].mean_s == one_by_one[0].mean_s
    assert abs(whole[0].mean_s - 0.025) < 1e-9


def test_a_counter_that_stands_still_has_no_update() -> None:
    """Equal readings are no update, and no mean is made up."""
    updates, steps = followed([], [5 * MS * k for k in range(60)], [10])

    assert (updates.seen, updates.mean_s, updates.last_ns, len(steps.t_ns)) == (0, 0.0, None, 0)


def steps(since_ms: int, at_ms: int) -> Steps:
    """One update and the one before."""
    return Steps(*(np.array([value * MS]) for value in (at_ms, 1, since_ms, at_ms - since_ms)))


def test_only_late_updates_are_marked() -> None:
    """Samples that an interval longer than promised touches carry the flag, in whichever block they come."""
    late = LateUpdates([0.02, 0.05], 0, 5 * MS)
    for begin, end in [(0, 20), (20, 47), (47, 60)]:
        late.note(0, steps(begin, end))
    late.note(1, steps(0, 47))

    assert late.seen == [1, 0]
    flags = np.concatenate([late.flags(0, 6), late.flags(6, 1), late.flags(7, 5)])
    assert np.flatnonzero(flags == FLAG_LATE).tolist() == [4, 5, 6, 7, 8, 9]
    assert not late.flags(12, 3).any()
