"""The bookkeeping of a wait: pauses double, patience is counted per outage."""

from __future__ import annotations

import pytest
from whole_answers import record

from neurorig.connection import LONGEST_PAUSE_S
from neurorig.errors import Unreachable
from neurorig.waiting import Waiting
from neurorig_protocols.api.jobs import JobView


def test_pauses_double_up_to_a_limit():
    """Each failure in a row doubles the pause, up to five seconds."""
    waiting = Waiting(["a"], poll_s=0.5, patience_s=1e9)
    pauses = [waiting.outage(Unreachable("gone"), k) for k in range(8)]

    assert pauses[:5] == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert pauses[5:] == [LONGEST_PAUSE_S] * 3


def test_an_answer_ends_the_outage(bodies):
    """After an answer, pauses start small again and the patience is whole again."""
    waiting = Waiting(["a"], poll_s=0.5, patience_s=10)
    waiting.outage(Unreachable("gone"), 0)
    waiting.outage(Unreachable("gone"), 9)
    waiting.take(record(JobView, bodies.job("a")))

    assert waiting.outage(Unreachable("gone"), 15) == 0.2
    with pytest.raises(Unreachable):
        waiting.outage(Unreachable("gone"), 25)
