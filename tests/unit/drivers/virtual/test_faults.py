"""Faults are read from text, and what is no fault is refused by name."""

from __future__ import annotations

import math

import pytest

from neurorig_lab.meter_frontend import Faults, parse_faults


def test_all_faults_can_be_given_at_once() -> None:
    """Each text sets its own field, drops add up."""
    texts = ["die:2.5", "drop:0.1:7", "drop:1:1", "idn:ACME,X-1,0,1", "late:3", "mute"]

    assert parse_faults(texts) == Faults(
        die_after_s=2.5, drops=((0.1, 7), (1.0, 1)), identity="ACME,X-1,0,1", late_s=3.0, mute=True
    )
    assert parse_faults([]) == Faults(die_after_s=math.inf)


@pytest.mark.parametrize(
    "text",
    ["", "die", "die:", "die:-1", "die:nan", "die:soon", "drop:1", "drop:1:0", "drop:1:x", "idn:", "idn:\n", "late:inf",
     "mute:1", "explode"],
)  # fmt: skip
def test_what_is_no_fault_is_refused(text: str) -> None:
    """The message repeats the text."""
    with pytest.raises(ValueError, match="is no fault"):
        parse_faults(["mute", text])
