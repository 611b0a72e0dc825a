"""The one table that gives each reply of the MLPerf Tiny protocol its line, read in both directions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from neurorig_protocols.wire.mlperf_tiny.words import (
    BufferRow,
    Expecting,
    Failure,
    Fractured,
    InferDone,
    InferStart,
    InitDone,
    Lap,
    LoadDone,
    Model,
    Name,
    Profile,
    Ready,
    Reply,
    Results,
    Text,
    TimestampMode,
    TooLarge,
    WarmupDone,
    WarmupStart,
)

# The first line that matches wins, so `Text` is last.
_LINES: tuple[tuple[type[Any], str], ...] = (
    (Ready, "m-ready"),
    (Lap, "m-lap-us-{us}"),
    (Results, "m-results-[{values}]"),
    (InferStart, "m-infer-start-{count}"),
    (InferDone, "m-infer-done"),
    (WarmupStart, "m-warmup-start-{count}"),
    (WarmupDone, "m-warmup-done"),
    (Expecting, "m-[Expecting {count} bytes]"),
    (LoadDone, "m-load-done"),
    (BufferRow, "m-buffer-{data}"),
    (Profile, "m-profile-[{version}]"),
    (Model, "m-model-[{model}]"),
    (Name, "m-name-{device}-[{vendor}]"),
    (TimestampMode, "m-timestamp-mode-{mode}"),
    (InitDone, "m-init-done"),
    (Failure, "e-[{text}]"),
    (Fractured, "e-?{part}"),
    (TooLarge, "Supplied buffer size {count} exceeds maximum of {maximum}"),
    (Text, "{text}"),
)


def _hex_row(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(","))


def _as_numbers(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:.3f}" for value in values)


@dataclass(frozen=True)
class _Field:
    """How one kind of field stands in a line: its pattern, from text, to text."""

    pattern: str
    read: Callable[[str], object]
    write: Callable[[Any], str]


# Keyed by a field's annotation as it stands in the reply's dataclass.
_FIELDS = {
    "int": _Field(r"-?[0-9]{1,18}", int, str),
    "str": _Field(r".*?", str, str),
    "bytes": _Field(r"[0-9a-f]{2}(?:-[0-9a-f]{2})*", _hex_row, lambda data: data.hex("-")),
    "tuple[float, ...]": _Field(
        r"[-+]?[0-9.]+(?:e[-+]?[0-9]+)?(?:, ?[-+]?[0-9.]+(?:e[-+]?[0-9]+)?)*", _numbers, _as_numbers
    ),
}


def _pattern_of(kind: type[Any], line: str) -> re.Pattern[str]:
    pattern = re.escape(line)
    for field in fields(kind):
        pattern = pattern.replace(
            re.escape("{" + field.name + "}"), f"(?P<{field.name}>{_FIELDS[str(field.type)].pattern})"
        )
    return re.compile(pattern, re.DOTALL)


_PATTERNS = [(kind, _pattern_of(kind, line)) for kind, line in _LINES]
_TEMPLATES = dict(_LINES)


def reply_of(line: str) -> Reply:
    """Return what a line without its end says; what no other reply matches is `Text`."""
    for kind, pattern in _PATTERNS:
        if match := pattern.fullmatch(line):
            try:
                values = {f.name: _FIELDS[str(f.type)].read(match[f.name]) for f in fields(kind)}
            except ValueError:
                # It looked right but 1.2.3 is not a number: keep the line rather than guess.
                continue
            reply: Reply = kind(**values)
            return reply
    return Text(line)


def line_of(reply: Reply) -> str:
    """Return the line of a reply, without its end."""
    kind = type(reply)
    texts = {f.name: _FIELDS[str(f.type)].write(getattr(reply, f.name)) for f in fields(kind)}
    return _TEMPLATES[kind].format(**texts)
