"""An instrument's command table: program messages in, answers out. No input or output of its own.

The common commands of IEEE 488.2 and SYSTem:ERRor are built in; an instrument adds its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from neurorig_protocols.scpi.errors import ScpiError, format_record
from neurorig_protocols.scpi.program import Unit, parse_program
from neurorig_protocols.scpi.status import Status
from neurorig_protocols.scpi.values import parse_whole

Reply = str | bytes | None
"""Text, or a block that is framed already, or nothing."""

_NODE = re.compile(r"\[?:?(\*?[A-Z]+)([a-z]*)\]?")
_SUFFIXED = re.compile(r"(.*?[^\d])(\d+)")


@dataclass(frozen=True)
class Command:
    """What a header does. `run` is called with `least` to `most` parameters as text and may raise ScpiError."""

    run: Callable[..., Reply]
    least: int = 0
    most: int = 0


class Device:
    """Executes program messages. `commands` maps headers such as "SENSe:POWer:RANGe?" to what they do.

    Capitals are the short form, `[:NEXT]` may be left out, case does not matter.
    """

    def __init__(self, identity: str, commands: Mapping[str, Command], *, reset: Callable[[], None]) -> None:
        self.status = Status()
        self._identity = identity
        self._reset = reset
        table = self._common() | dict(commands)
        self._table = {spelling: command for header, command in table.items() for spelling in spellings(header)}

    def execute(self, message: bytes) -> bytes:
        """Do what a program message says; returns the response message with its newline, b"" when it has none.

        Never raises for what a controller sent: errors go to the queue. A command error ends the message, after any
        other error the rest is still done.
        """
        answers: list[bytes] = []
        try:
            for unit in parse_program(_text(message)):
                try:
                    answer = self._run(unit, bool(answers))
                except ScpiError as error:
                    if error.ends_message:
                        raise
                    self.status.report(error)
                    continue
                if answer is not None:
                    answers.append(answer if isinstance(answer, bytes) else answer.encode("ascii"))
        except ScpiError as error:
            self.status.report(error)
        return b";".join(answers) + b"\n" if answers else b""

    def _run(self, unit: Unit, message_available: bool) -> Reply:
        if unit.header == "*STB?":
            return str(self.status.byte(message_available=message_available))
        if (command := self._table.get(_without_suffix(unit))) is None:
            raise ScpiError(-113, unit.header)
        if len(unit.arguments) < command.least:
            raise ScpiError(-109, unit.header)
        if len(unit.arguments) > command.most:
            raise ScpiError(-108, unit.header)
        return command.run(*unit.arguments)

    def _common(self) -> dict[str, Command]:
        status = self.status
        return {
            "*IDN?": Command(lambda: self._identity),
            "*RST": Command(self._reset),
            "*CLS": Command(status.clear),
            "*ESE": Command(self._set_event_mask, 1, 1),
            "*ESE?": Command(lambda: str(status.event_mask)),
            "*ESR?": Command(lambda: str(status.take_events())),
            "*OPC": Command(status.complete),
            "*OPC?": Command(lambda: "1"),
            "*SRE": Command(self._set_service_mask, 1, 1),
            "*SRE?": Command(lambda: str(status.service_mask)),
            "*TST?": Command(lambda: "0"),
            # Every command is done before the next one is read, so there is nothing to wait for.
            "*WAI": Command(lambda: None),
            "SYSTem:ERRor[:NEXT]?": Command(lambda: format_record(status.errors.take())),
            "SYSTem:ERRor:COUNt?": Command(lambda: str(len(status.errors))),
        }

    def _set_event_mask(self, mask: str) -> None:
        self.status.event_mask = parse_whole(mask, 0, 255)

    def _set_service_mask(self, mask: str) -> None:
        self.status.service_mask = parse_whole(mask, 0, 255)


def spellings(header: str) -> list[str]:
    """Return every upper-case spelling of a header: each node long or short, optional nodes there or not."""
    query = "?" if header.endswith("?") else ""
    choices: list[list[str]] = []
    for node in _NODE.finditer(header.removesuffix("?")):
        forms = {node[1], node[1] + node[2].upper()} | ({""} if node[0].startswith("[") else set())
        choices.append(sorted(forms))
    return [":".join(filter(None, path)) + query for path in itertools.product(*choices)]


def _without_suffix(unit: Unit) -> str:
    """Return the header with suffixes of 1 removed, which mean the same as none; -114 for another one."""
    nodes = []
    for node in unit.path:
        match = _SUFFIXED.fullmatch(node)
        if match is not None and int(match[2]) != 1:
            raise ScpiError(-114, unit.header)
        nodes.append(match[1] if match is not None else node)
    return ":".join(nodes) + ("?" if unit.query else "")


def _text(message: bytes) -> str:
    try:
        return message.decode("ascii")
    except UnicodeDecodeError as error:
        raise ScpiError(-101, f"byte {error.start}") from None
