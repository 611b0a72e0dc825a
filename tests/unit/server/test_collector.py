"""The collector is off inside, and afterwards as it was."""

from __future__ import annotations

import gc

import pytest

from neurorig_server.threads import held_off


def test_last_one_out_turns_it_on_again() -> None:
    """Nested and overlapping holders are counted."""
    first, second = held_off(), held_off()
    with first:
        second.__enter__()
        assert not gc.isenabled()
    assert not gc.isenabled()
    second.__exit__(None, None, None)

    assert gc.isenabled()


def test_an_exception_leaves_it_on() -> None:
    """A request that fails does not leave the server without a collector."""
    with pytest.raises(KeyError), held_off():
        raise KeyError

    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    """Whoever turned it off before keeps it off."""
    gc.disable()
    try:
        with held_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
