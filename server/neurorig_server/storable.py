"""Finds in a JSON body what validators let pass and no database or answer can hold. Pure.

Fields that take any value (provenance, health, details of errors) are kept as they came, so what could not be
written out again has to be refused here: infinities, nesting without end, NUL and halves of surrogate pairs.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 64

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\x00|NaN|Infinity|[eE]\+?\d{3}")
"""Bodies without any of these, and with few brackets, need no second look."""


class NotStorable(ValueError):
    """The body is refused; `code` is the problem's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def require_storable(body: bytes) -> None:
    """Raise NotStorable for a body that is no JSON, or holds what cannot be stored."""
    if not _SUSPECT.search(body) and body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotStorable("invalid_json", "the body is not JSON") from error
    _walk(found)


def _walk(value: Any) -> None:
    waiting = [(value, 1)]
    while waiting:
        at, depth = waiting.pop()
        if isinstance(at, dict):
            for key in at:
                _check_text(key)
            waiting += [(inner, depth + 1) for inner in at.values()]
        elif isinstance(at, list):
            waiting += [(inner, depth + 1) for inner in at]
        elif isinstance(at, str):
            _check_text(at)
        elif isinstance(at, float) and not math.isfinite(at):
            raise NotStorable("invalid_number", "the body holds a number that is too large")
        if depth > MAX_DEPTH:
            raise NotStorable("too_deep", f"the body is nested more than {MAX_DEPTH} levels deep")


def _check_text(text: str) -> None:
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise NotStorable("invalid_text", "the body holds text with a NUL or half of a surrogate pair")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
