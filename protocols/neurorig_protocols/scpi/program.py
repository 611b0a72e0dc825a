"""Program messages of IEEE 488.2: units chained with `;`, headers in a tree, parameters as text.

Only takes a message apart; what the parameters mean is in `values.py`, what a header does in `device.py`.
Blocks travel from instrument to controller only, so a message from a controller is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from neurorig_protocols.scpi.errors import ScpiError

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


def format_program(units: list[Unit]) -> str:
    """Chain units, each from the root, so that the text means the same wherever it stands."""
    return ";".join(str(unit) for unit in units)


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
