"""Question and answer with an MLPerf Tiny device on a serial port: every wait has an end.

What the answers mean for a job is `mlperf_serial.py`. Nothing here assumes which device it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from neurorig_protocols.errors import BoardLost, DriverMissing, JobError
from neurorig_protocols.wire.mlperf_tiny.host_side import ReplyReader, encode_command
from neurorig_protocols.wire.mlperf_tiny.words import Command, Failure, Fractured, InitDone, Ready, Reply, Text

QUIET_S = 0.3
"""A pause that ends an answer whose last line arrived torn."""

_SETTLE_S = 0.05
_CHATTER_S = 1.0
_WRITE_S = 2.0
_POLL_S = 0.02

# Answers to well-formed commands that can only mean characters were lost or changed on the way.
_DAMAGE = ("Unknown command", "Invalid hex digit", "Insufficent number", "Command 'db")

OnReply = Callable[[Reply], None]


def _ignore(_: Reply) -> None:
    return


class SerialDialogue:
    """An open port. After any BoardLost it is closed: a late answer can never be taken for another question's."""

    def __init__(self, port: str, baud: int) -> None:
        try:
            import serial
        except ImportError as error:
            raise DriverMissing(
                "the serial library is not installed", where="board", next_step="pip install 'neurorig[agent]'"
            ) from error
        self.where = f"serial port {port}"
        self._reader = ReplyReader()
        self._heard = b""
        try:
            self._port: Any = serial.Serial(port, baud, timeout=_POLL_S, write_timeout=_WRITE_S, exclusive=True)
        except (OSError, ValueError) as error:
            raise BoardLost(
                f"the port cannot be opened: {error}",
                where=self.where,
                next_step="check the cable, board.options.port and whether another program holds the port",
            ) from error

    @property
    def closed(self) -> bool:
        """Whether the port has been given up."""
        return not self._port.is_open

    def ask(
        self,
        command: Command,
        *,
        limit_s: float,
        on_reply: OnReply = _ignore,
        over_with: tuple[type[Reply], ...] = (),
    ) -> list[Reply]:
        """Send a command and return the lines that answer it, without the final `m-ready`.

        `on_reply` sees each line as it arrives. An answer whose end was torn on the wire ends with a pause, but not
        before one of `over_with` has arrived. BoardLost when it does not end within `limit_s` seconds.
        """
        if self.closed:
            raise BoardLost("the connection was lost before", where=self.where)
        replies, ended = self._converse(command, limit_s, on_reply, over_with)
        if not ended:
            raise self._lost(f"no end of the answer to '{encode_command(command).decode()}' within {limit_s:g} s")
        if any(isinstance(reply, InitDone) for reply in replies):
            raise self._lost("the board restarted", next_step="check its supply")
        return replies

    def probe(self, command: Command, limit_s: float) -> list[Reply]:
        """Send a command and return the lines heard within `limit_s` seconds, which may be none."""
        return self._converse(command, limit_s, _ignore, ())[0]

    def settle(self) -> None:
        """Let late answers run out; BoardLost when the device does not stop talking."""
        deadline = time.monotonic() + _CHATTER_S
        while self._listen(_SETTLE_S):
            if time.monotonic() > deadline:
                raise self._lost("the device talks without being asked")
        self._reader = ReplyReader()

    def close(self) -> None:
        """Give the port up. Idempotent, never raises."""
        try:
            self._port.close()
        except OSError:
            # A port that has vanished cannot be restored, and need not be.
            self._port.is_open = False

    def _converse(
        self, command: Command, limit_s: float, on_reply: OnReply, over_with: tuple[type[Reply], ...]
    ) -> tuple[list[Reply], bool]:
        self._send(encode_command(command))
        deadline = time.monotonic() + limit_s
        replies: list[Reply] = []
        torn = False
        while (left := deadline - time.monotonic()) > 0:
            arrived = self._listen(min(left, QUIET_S) if torn else left)
            if torn and not arrived:
                return replies, True
            for reply in arrived:
                if isinstance(reply, Ready):
                    return replies, True
                on_reply(reply)
                replies.append(reply)
            torn = _is_torn(replies, over_with)
        return replies, False

    def _send(self, data: bytes) -> None:
        self._heard = b""
        try:
            self._port.write(data)
        except OSError as error:
            raise self._lost(f"the port does not take data: {error}") from error

    def _listen(self, limit_s: float) -> list[Reply]:
        """Return the lines of the next bytes that arrive, at the latest after `limit_s` seconds."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                data: bytes = self._port.read(1)
                data += self._port.read(self._port.in_waiting) if data else b""
            except (OSError, TypeError) as error:
                # TypeError: pyserial trips over a port that another thread has closed.
                raise self._lost(f"the port vanished: {error}") from error
            self._heard = (self._heard + data)[-200:]
            if (replies := self._reader.feed(data)) or time.monotonic() > deadline:
                return replies

    def _lost(self, why: str, next_step: str | None = None) -> BoardLost:
        self.close()
        garbage = self._heard and not self._heard.isascii()
        advice = "check that board.options.baud is the firmware's rate" if garbage else "check power and cable"
        return BoardLost(
            f"{why}; last heard {self._heard!r}" if self._heard else why,
            where=self.where,
            next_step=next_step or advice,
        )


def _is_torn(replies: list[Reply], over_with: tuple[type[Reply], ...]) -> bool:
    over = not over_with or any(isinstance(reply, over_with) for reply in replies)
    return over and any(isinstance(reply, Fractured) for reply in replies)


def refuse_failure(replies: list[Reply], where: str) -> None:
    """Raise the first error among the lines, in the device's words: BoardLost for damage on the line, else JobError."""
    for reply in replies:
        if isinstance(reply, Failure):
            cls = BoardLost if reply.text.startswith(_DAMAGE) else JobError
            raise cls(f"the board answered with the error '{reply.text}'", where=where)


def plain_text(replies: list[Reply]) -> str:
    """Return what the device said outside the protocol, for a message to people."""
    return " | ".join(reply.text for reply in replies if isinstance(reply, Text))[:200]
