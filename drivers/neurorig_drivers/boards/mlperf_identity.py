"""Finds out who is at the other end of an MLPerf Tiny serial line, whatever state it was left in."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TypeVar

from neurorig_drivers.boards.mlperf_dialogue import SerialDialogue, refuse_failure
from neurorig_protocols.errors import BoardLost
from neurorig_protocols.serial.mlperf_tiny import AskName, AskProfile, Lap, Model, Name, Profile, Reply, Timestamp

R = TypeVar("R", bound=Reply)

_PROBE_S = 1.0


@dataclass(frozen=True)
class Identity:
    """What a device says of itself; `model` is None when older firmware does not tell."""

    vendor: str
    firmware: str
    model: str | None
    mode: str
    """"performance" when timestamps are text, "energy" when they are pulses on a wire."""

    @property
    def virtual(self) -> bool:
        """Whether it calls itself virtual."""
        return "VIRTUAL" in self.vendor


def identify(dialogue: SerialDialogue, *, boot_s: float, reply_s: float) -> Identity:
    """Return who answers; BoardLost when nobody does within `boot_s` seconds.

    Makes one timestamp, because nothing else tells the firmware's mode once the boot transcript is gone.
    """
    name = _greet(dialogue, boot_s)
    profile = dialogue.ask(AskProfile(), limit_s=reply_s)
    stamp = dialogue.ask(Timestamp(), limit_s=reply_s)
    refuse_failure(stamp, dialogue.where)
    version, model = first(profile, Profile), first(profile, Model)
    return Identity(
        vendor=name.vendor,
        firmware=version.version if version else "",
        model=model.model if model else None,
        mode="performance" if first(stamp, Lap) else "energy",
    )


def _greet(dialogue: SerialDialogue, boot_s: float) -> Name:
    """Ask for the name until it comes: a booting device swallows commands, a stale half command spoils the first."""
    deadline = time.monotonic() + boot_s
    while (left := deadline - time.monotonic()) > 0:
        if name := first(dialogue.probe(AskName(), min(left, _PROBE_S)), Name):
            dialogue.settle()
            return name
    dialogue.close()
    raise BoardLost(
        f"no MLPerf Tiny device told its name within {boot_s:g} s",
        where=dialogue.where,
        next_step="check power, cable, board.options.port and board.options.baud",
    )


def first(replies: list[Reply], kind: type[R]) -> R | None:
    """Return the first reply of a kind."""
    return next((reply for reply in replies if isinstance(reply, kind)), None)
