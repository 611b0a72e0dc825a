"""What an MLPerf Tiny device can be asked to do, one method per thing. The order of a job is `mlperf_serial.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field

from neurorig_drivers.boards.mlperf_dialogue import SerialDialogue, plain_text, refuse_failure
from neurorig_drivers.boards.mlperf_identity import first, identify
from neurorig_protocols.errors import BoardLost, DoesNotFit, WrongAnswer
from neurorig_protocols.records import Finite, Record
from neurorig_protocols.serial.mlperf_tiny import (
    DIRECT_CHUNK_BYTES,
    LAP_WRAP_US,
    MAX_CHUNK_BYTES,
    AskResults,
    Command,
    DbLoad,
    Fractured,
    Infer,
    InferDone,
    Lap,
    LoadDone,
    Other,
    Reply,
    Results,
    Timestamp,
    TooLarge,
)
from neurorig_protocols.serial.mlperf_tiny_host import load_commands


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
