"""Lines of a problem file: decoded once, numbered from 1, without comments. Not for what a line means."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn

from neurorig_protocols.errors import InvalidProblem

_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SHOWN = 60


Reason = Literal[
    "ambiguous",
    "asymmetric",
    "count_mismatch",
    "decimals",
    "duplicate",
    "empty",
    "encoding",
    "format",
    "header",
    "index_out_of_range",
    "loop",
    "not_finite",
    "option",
    "overflow",
    "rounds_to_nothing",
    "sense",
    "syntax",
    "too_large",
    "truncated",
    "vartype",
]
"""Why a file is refused: stable words, explained in docs/reference/qubo-formats.md."""


def decode(data: bytes) -> str:
    """Return the text of a file; a byte order mark of UTF-8 is dropped. Reasons: empty, encoding."""
    if data.startswith(_OTHER_MARKS):
        raise InvalidProblem("the file is UTF-16, it must be UTF-8", reason="encoding")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidProblem("this is no UTF-8 text", where=f"line {line}", reason="encoding") from error
    if not text.strip():
        raise InvalidProblem("the file is empty", reason="empty")
    return text


def lines(text: str, comments: tuple[str, ...] = ()) -> Iterator[tuple[int, list[str]]]:
    """Yield number and words of every line that is neither blank nor a comment; any line ending counts."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        words = line.split()
        if words and not words[0].startswith(comments):
            yield number, words


def refuse(line: int | None, message: str, reason: Reason, *, next_step: str | None = None) -> NoReturn:
    """Raise InvalidProblem at a line."""
    where = None if line is None else f"line {line}"
    raise InvalidProblem(message, where=where, next_step=next_step, reason=reason)


def listed(names: Iterable[str]) -> str:
    """Return names as people read them in a message."""
    return ", ".join(f"'{name}'" for name in names)


def count(word: str, line: int, what: str) -> int:
    """Return a number of things, at most nine digits; reasons: syntax, too_large."""
    if not (word.isascii() and word.isdigit()):
        refuse(line, f"'{word[:_SHOWN]}' is no number of {what}", "syntax")
    if len(word.lstrip("0")) > 9:
        refuse(line, f"{word[:_SHOWN]} {what} are too many", "too_large")
    return int(word)
