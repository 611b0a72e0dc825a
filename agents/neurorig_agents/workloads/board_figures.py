"""Reads the figures that a board gives beside its output; WrongAnswer when it breaks its contract."""

from __future__ import annotations

import math
from typing import Any

from neurorig_protocols.errors import WrongAnswer

_DRIVER = "Run `neurorig agent check` on the bench: the board's driver breaks its contract."


def number(meta: dict[str, Any], key: str) -> float:
    """Return a finite number that a board must give; WrongAnswer otherwise."""
    value = meta.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WrongAnswer(f"the board's output gives {value!r} as '{key}'", where="run", next_step=_DRIVER)
    return float(value)


def whole(meta: dict[str, Any], key: str) -> int:
    """Return a whole number that a board must give, to its last digit; WrongAnswer otherwise."""
    if isinstance(meta.get(key), int) and not isinstance(meta[key], bool):
        return int(meta[key])
    value = number(meta, key)
    if value != int(value):
        raise WrongAnswer(f"the board's output gives {value!r} as '{key}'", where="run", next_step=_DRIVER)
    return int(value)


def activity(meta: dict[str, Any], known: frozenset[str]) -> dict[str, float]:
    """Return the counts that a board gives beside the keys that every board of its kind gives."""
    return {
        key: float(value)
        for key, value in meta.items()
        if key not in known and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
