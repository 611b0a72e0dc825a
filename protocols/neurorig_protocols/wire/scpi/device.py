"""An instrument's command table and the program messages it takes: messages in, answers out. No input or output."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from neurorig_protocols.wire.scpi.status import ScpiError, Status, format_record
from neurorig_protocols.wire.scpi.values import parse_whole

MAX_DEPTH = 12
"""Longest header path that is taken."""

_HEADER = re.compile(r"(\*[A-Za-z]{1,12}|:?[A-Za-z]\w{0,31}(?::[A-Za-z]\w{0,31})*)(\?)?(?:\s+|$)", re.ASCII)
_CLOSERS = {'"': '"', "'": "'", "(": ")"}


@dataclass(frozen=True)
class Unit:
    """One command or query. `path` is absolute and upper case; a common command's is `("*IDN",)`."""

    path: tuple[str, ...]
    query: bool = False
    arguments: tuple[str, ...] = ()

    @property
    def header(self) -> str:
        """The header as text, from the root of the tree."""
        return ":".join(self.path) + ("?" if self.query else "")

    def __str__(self) -> str:
        prefix = "" if self.path[0].startswith("*") else ":"
        return f"{prefix}{self.header} {','.join(self.arguments)}".rstrip()


def parse_program(text: str) -> Iterator[Unit]:
    """Yield the units of a program message without its terminator, in order.

    A header without a leading colon continues from the parent of the header before it. Raises ScpiError when the
    next unit is malformed; the units before it have been yielded by then.
    """
    parent: tuple[str, ...] = ()
    for part in _split(text, ";"):
        if not part.strip():
            continue
        unit = _parse_unit(part.strip(), parent)
        # A common command does not move the place in the tree.
        parent = parent if unit.path[0].startswith("*") else unit.path[:-1]
        yield unit


def _parse_unit(text: str, parent: tuple[str, ...]) -> Unit:
    if not text.replace("\t", " ").isprintable():
        raise ScpiError(-101)
    if (match := _HEADER.match(text)) is None:
        raise ScpiError(-102, text[:40])
    header = match[1].upper()
    if header.startswith("*"):
        path: tuple[str, ...] = (header,)
    else:
        path = (() if header.startswith(":") else parent) + tuple(header.lstrip(":").split(":"))
    if len(path) > MAX_DEPTH:
        raise ScpiError(-102, text[:40])
    rest = text[match.end() :]
    arguments = tuple(argument.strip() for argument in _split(rest, ",")) if rest else ()
    if any(not argument for argument in arguments):
        raise ScpiError(-109, text[:40])
    return Unit(path, match[2] is not None, arguments)


def _split(text: str, separator: str) -> Iterator[str]:
    """Split where the separator stands outside of quotes and parentheses."""
    begin, closer = 0, ""
    for at, character in enumerate(text):
        if closer:
            closer = "" if character == closer else closer
        elif character in _CLOSERS:
            closer = _CLOSERS[character]
        elif character == separator:
            yield text[begin:at]
            begin = at + 1
    if closer:
        raise ScpiError(-102, f"no {closer} in {text[begin : begin + 40]}")
    yield text[begin:]


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
