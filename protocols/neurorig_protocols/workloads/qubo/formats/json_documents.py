"""JSON that holds a problem: numbers kept as they are written, a member given twice refused. Not for its meaning."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.coefficients import BadNumber, Decimals, read_number, read_numbers
from neurorig_protocols.workloads.qubo.formats.statements import SENSES, number_in, subject_of
from neurorig_protocols.workloads.qubo.formats.text_source import Entries, refuse, require_once
from neurorig_protocols.workloads.qubo.problem import Ints

Document = dict[str, Any]

_SHORT = 4


class Number(str):
    """A number as it stands in the file: no digit is lost before it is read exactly."""

    __slots__ = ()


def load(text: str) -> Document:
    """Return the object that a text is. Reasons: syntax, not_finite, duplicate."""
    try:
        kept = _kept_once()
        found = json.loads(
            text, parse_float=kept, parse_int=kept, parse_constant=_not_finite, object_pairs_hook=_members
        )
    except json.JSONDecodeError as error:
        refuse(error.lineno, f"this is not JSON: {error.msg}, column {error.colno}", "syntax")
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidProblem):
            raise
        refuse(None, "this is not JSON that can be read: it is nested too deeply", "syntax")
    if not isinstance(found, dict):
        refuse(None, "a JSON object is due", "syntax")
    return found


def wrong(key: str, why: str, *, next_step: str | None = None) -> NoReturn:
    """Refuse a member; reason: syntax."""
    refuse(None, f"'{key}' {why}", "syntax", next_step=next_step)


_DEEPEST = 20


def label_texts(labels: Sequence[Any], key: str) -> tuple[str, ...]:
    """Return what a file calls its variables as text that can be printed, each once.

    Texts and numbers are taken as they are, lists as `(a, 1)`. An empty text, or one with characters that cannot be
    printed, becomes JSON, in quotes; so do all texts where a text and a number would look alike. Reason: duplicate.
    """
    found = tuple(map(_label, labels))
    if len(set(found)) == len(found):
        return found
    found = tuple(json.dumps(label) if _is_text(label) else _label(label) for label in labels)
    if len(set(found)) < len(found):
        refuse(None, f"'{key}' names a variable twice", "duplicate")
    return found


def _label(label: Any, depth: int = 0) -> str:
    if isinstance(label, list):
        if depth == _DEEPEST:
            refuse(None, "the name of a variable is nested too deeply", "syntax")
        return f"({', '.join(_label(part, depth + 1) for part in label)})"
    text = str(label)
    return text if text and text.isprintable() else json.dumps(text)


def _is_text(label: Any) -> bool:
    return isinstance(label, str) and not isinstance(label, Number)


_NOTES = ("info", "metadata")
"""Members for notes of every kind."""


def refuse_foreign(text: str, document: Document, *own: str) -> None:
    """Refuse members that would change the value and that the format does not have; reason: statement.

    Args:
        text: the file.
        document: what it holds.
        own: the format's own members of this kind; notes may repeat them.
    """
    for name, value in document.items():
        if name not in own and _changes_value(name, value):
            _refuse_member(text, name, 0)
    for note in _NOTES:
        found = document.get(note)
        for name, value in found.items() if isinstance(found, dict) else ():
            if _changes_value(name, value) and not (name in own and value == document.get(name)):
                _refuse_member(text, name, text.find(f'"{note}"'))


def _changes_value(name: str, value: Any) -> bool:
    """Return whether a member states anything but minimise, a constant of 0 or a scale of 1."""
    subject = subject_of(name)
    if subject is None or value is None:
        return False
    if subject == "sense":
        return value is not (SENSES.get(name.lower()) == "min") and SENSES.get(str(value).lower()) != "min"
    return subject == "vartype" or number_in(str(value)) != (subject == "scale")


def _refuse_member(text: str, name: str, begin: int) -> NoReturn:
    member = re.compile(rf"{re.escape(json.dumps(name))}\s*:").search(text, max(0, begin))
    line = text.count("\n", 0, member.start()) + 1 if member else None
    refuse(line, f"the member '{name[:60]}' is not part of this format, and would change the value", "statement")


def vartype_of(document: Document, key: str, spin: str, binary: str, stated: str | None) -> str:
    """Return "spin" or "binary" as the member says it, which nothing stated may contradict."""
    said = document.get(key)
    if said not in (spin, binary):
        wrong(key, f"is not {spin} or {binary}")
    found = "spin" if said == spin else "binary"
    if stated not in (None, found):
        refuse(None, f"the file says {said}, '{stated}' cannot be stated", "option")
    return found


def number(document: Document, key: str) -> Fraction:
    """Return a member that is a number, exactly."""
    value = document.get(key)
    if not isinstance(value, Number):
        wrong(key, "is not a number")
    try:
        mantissa, exponent, _ = read_number(value)
    except BadNumber as bad:
        refuse(None, f"'{key}': {bad}", bad.reason)
    return mantissa * Fraction(10) ** exponent


def numbers(words: Sequence[str], key: str) -> Decimals:
    """Return the numbers of a member, exactly."""
    try:
        return read_numbers(words)
    except BadNumber as bad:
        refuse(None, f"'{key}', number {bad.index} (counted from 0): {bad}", bad.reason)


def require_pairs(head: Ints, tail: Ints, values: Decimals, n: int) -> None:
    """Refuse interactions of a variable with itself, and those given twice. Reasons: loop, duplicate."""
    loops = np.flatnonzero(head == tail)
    if len(loops):
        refuse(None, f"interaction {loops[0]} (counted from 0) is of a variable with itself", "loop")
    try:
        require_once(Entries(head, tail, values, np.arange(len(head))), n)
    except InvalidProblem as error:
        refuse(None, f"an interaction is given twice: {error.message.partition(' is given')[0]}", "duplicate")


def _kept_once() -> Callable[[str], Number]:
    """Return a maker of numbers that keeps one object for each short word: a list of millions stays small."""
    known: dict[str, Number] = {}

    def made(word: str) -> Number:
        return Number(word) if len(word) > _SHORT else known.setdefault(word, Number(word))

    return made


def _not_finite(name: str) -> NoReturn:
    raise InvalidProblem(f"{name} is not a finite number", reason="not_finite")


def _members(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        refuse(None, f"the member '{twice[:60]}' is given twice", "duplicate")
    return found
