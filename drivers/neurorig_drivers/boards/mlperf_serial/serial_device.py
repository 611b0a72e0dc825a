"""An MLPerf Tiny device on a serial line: who it is, and one method for each thing it can be asked to do."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import Field

from neurorig_drivers.boards.mlperf_serial.dialogue import SerialDialogue, plain_text, refuse_failure
from neurorig_protocols.errors import BoardLost, DoesNotFit, WrongAnswer
from neurorig_protocols.records import Finite, Record
from neurorig_protocols.wire.mlperf_tiny.host_side import load_commands
from neurorig_protocols.wire.mlperf_tiny.words import (
    DIRECT_CHUNK_BYTES,
    LAP_WRAP_US,
    MAX_CHUNK_BYTES,
    AskName,
    AskProfile,
    AskResults,
    Command,
    DbLoad,
    Fractured,
    Infer,
    InferDone,
    Lap,
    LoadDone,
    Model,
    Name,
    Other,
    Profile,
    Reply,
    Results,
    Timestamp,
    TooLarge,
)

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


class Options(Record):
    """`board.options` of a bench file. Times in seconds."""

    port: str = Field(min_length=1)
    baud: int = Field(default=115200, gt=0)
    boot_s: Finite = Field(default=6.0, gt=0, le=120, description="how long a device may take to answer at first")
    reply_s: Finite = Field(default=5.0, gt=0, le=120, description="limit of every answer but an inference's")
    infer_s: Finite = Field(default=120.0, gt=0, le=86400, description="limit of one command's inferences")
    chunk_bytes: int = Field(
        default=DIRECT_CHUNK_BYTES, ge=1, le=MAX_CHUNK_BYTES, description="input bytes in one command"
    )


@dataclass(frozen=True)
class Outcome:
    """What one input gave; latency of one inference in seconds, NaN where the board does not tell."""

    scores: tuple[float, ...]
    latency_s: float


class MlperfDevice:
    """One connected device. BoardLost from any method when it vanishes or falls silent."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._dialogue = SerialDialogue(options.port, options.baud)
        self.where = self._dialogue.where
        self._session = ""
        try:
            self.identity = identify(self._dialogue, boot_s=options.boot_s, reply_s=options.reply_s)
        except BaseException:
            self._dialogue.close()
            raise

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._dialogue.closed

    def close(self) -> None:
        """Let go of the port. Idempotent, never raises."""
        self._dialogue.close()

    def stamp(self) -> None:
        """Pulse the marker line, if this firmware has one."""
        if self.identity.mode == "energy":
            self._ask(Timestamp())

    def name_session(self, label: str) -> None:
        """Tell a virtual board which session its truth belongs to. Real firmware knows no such thing."""
        if self.identity.virtual and label != self._session:
            self._ask(Other(f"session {label}"))
            self._session = label

    def expect(self, count: int) -> None:
        """Announce an input of `count` bytes; DoesNotFit when the buffer is smaller."""
        if refused := first(self._ask(DbLoad(count)), TooLarge):
            raise DoesNotFit(
                f"an input of {count} bytes exceeds the board's buffer of {refused.maximum} bytes",
                where=self.where,
                limit="input buffer bytes",
                needed=count,
                available=refused.maximum,
            )

    def bring(self, data: bytes) -> None:
        """Bring one input; a second time when an answer arrived torn, for the line may have torn a byte as well."""
        replies: list[Reply] = []
        for _ in range(2):
            self.expect(len(data))
            replies = []
            for command in load_commands(data, self._options.chunk_bytes)[1:]:
                replies += self._ask(command)
            if first(replies, LoadDone):
                return
            if not first(replies, Fractured):
                break
        raise BoardLost(
            f"the board did not confirm an input of {len(data)} bytes {plain_text(replies)}".rstrip(),
            where=self.where,
        )

    def infer(self, command: Infer, done: Callable[[], None]) -> Outcome:
        """Run inferences on the input that was brought; `done` is called when the device says that they have ended."""
        replies = self._dialogue.ask(
            command,
            limit_s=self._options.infer_s,
            on_reply=lambda reply: done() if isinstance(reply, InferDone) else None,
            over_with=(InferDone, Results),
        )
        refuse_failure(replies, self.where)
        # Older firmware tells the results only when asked; so does one whose line was torn.
        results = first(replies, Results) or first(self._ask(AskResults()), Results)
        if results is None:
            raise WrongAnswer(f"the board gave no results {plain_text(replies)}".rstrip(), where=self.where)
        return Outcome(results.values, self._latency_s(replies, command.iterations))

    def _latency_s(self, replies: list[Reply], iterations: int) -> float:
        laps = [reply.us for reply in replies if isinstance(reply, Lap)]
        if self.identity.mode != "performance" or len(laps) != 2:
            return math.nan
        return (laps[1] - laps[0]) % LAP_WRAP_US * 1e-6 / iterations

    def _ask(self, command: Command) -> list[Reply]:
        replies = self._dialogue.ask(command, limit_s=self._options.reply_s)
        refuse_failure(replies, self.where)
        return replies
