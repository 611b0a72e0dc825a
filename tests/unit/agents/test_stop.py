"""The wish to stop arrives from signals, wakes whoever waits, and breaks off waiting only."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from neurorig_agents.attempt_control import Control, Ended, Stop, Stopped


@pytest.fixture
def stop() -> Iterator[Stop]:
    """Return a wish to stop that nobody has yet."""
    made = Stop()
    yield made
    made.close()


def test_waiting_ends_with_the_wish(stop: Stop) -> None:
    """A wait lasts its time, or until somebody asks to stop, and then no longer at all."""
    assert stop.wait(0.001) is False
    asker = threading.Timer(0.05, stop.set)
    asker.start()
    begin = time.monotonic()

    assert stop.wait(30) is True
    assert stop.wait(30) is True
    assert time.monotonic() - begin < 10
    asker.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_wish(stop: Stop, number: signal.Signals) -> None:
    """SIGTERM and SIGINT set the wish and interrupt nothing by themselves; handlers come back as they were."""
    before = signal.getsignal(number)
    with stop.on_signals():
        signal.raise_signal(number)
        assert stop.is_set

    assert signal.getsignal(number) is before


def test_a_second_interrupt_breaks_off(stop: Stop) -> None:
    """Ctrl-C twice means now."""
    with stop.on_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_breaks_off_an_interruptible_wait(stop: Stop) -> None:
    """Inside `interruptible` a signal raises through blocking calls."""
    kill = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
    with stop.on_signals():
        kill.start()
        begin = time.monotonic()
        with pytest.raises(Stopped), stop.interruptible():
            time.sleep(30)
        kill.join()

    assert time.monotonic() - begin < 10


def test_nothing_interruptible_begins_after_the_wish(stop: Stop) -> None:
    """A wish that came just before is not overlooked."""
    stop.set()
    with pytest.raises(Stopped), stop.interruptible():
        pytest.fail("the block was entered")


def test_asking_often_does_not_block(stop: Stop) -> None:
    """A full pipe holds up no signal handler."""
    for _ in range(100_000):
        stop.set()

    assert stop.is_set


def test_control_says_why_it_ends(stop: Stop) -> None:
    """Nothing, too little time, cancelling and stopping are told apart."""
    control = Control(stop, limit_s=30)
    control.check()
    with pytest.raises(Ended) as late:
        control.check(needed_s=40)
    assert late.value.record is not None
    assert late.value.record.code == "job_error"

    stop.set()
    with pytest.raises(Ended) as stopped:
        control.check()
    assert stopped.value.record is not None
    assert (stopped.value.outcome, stopped.value.record.code) == ("failed", "agent_stopped")

    control.cancel()
    with pytest.raises(Ended) as cancelled:
        control.check()
    assert (cancelled.value.outcome, cancelled.value.record) == ("cancelled", None)
