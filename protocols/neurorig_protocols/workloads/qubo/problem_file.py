"""The one form in which problems are kept and sent to agents: equal problems, equal bytes.

    neurorig-qubo 1
    {"entries":m,"n":n,"offset":"0","rounding_bound":0.0,"scale":"1","width":8}
    diagonal (n), rows (m), cols (m), weights (m)       little-endian; rows and cols uint32, the others int of `width`

`width` is the smallest of 1, 2, 4, 8 bytes that holds every number. Not for reading other people's files.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from decimal import InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.coefficients import require_size
from neurorig_protocols.workloads.qubo.problem import MAX_SUM, Problem, decimal_text, frozen

MAGIC = b"neurorig-qubo 1\n"
_LONGEST_HEADER = 1024
_FIELDS = {"entries", "n", "offset", "rounding_bound", "scale", "width"}
_DECIMAL = re.compile(r"-?\d{1,200}(\.\d{1,200})?(E[+-]?\d{1,3})?", re.ASCII)


def to_bytes(problem: Problem) -> bytes:
    """Write a problem; its name is left out, because it says nothing of the problem."""
    width = _width(problem)
    signed = f"<i{width}"
    header = {
        "entries": len(problem.rows),
        "n": problem.n,
        "offset": problem.offset,
        "rounding_bound": problem.rounding_bound,
        "scale": problem.scale,
        "width": width,
    }
    parts = [
        problem.diagonal.astype(signed),
        problem.rows.astype("<u4"),
        problem.cols.astype("<u4"),
        problem.weights.astype(signed),
    ]
    return MAGIC + _header(header) + b"".join(part.tobytes() for part in parts)


def digest_of(problem: Problem) -> str:
    """Return the problem's digest: that of its bytes in this form."""
    return "sha256:" + hashlib.sha256(to_bytes(problem)).hexdigest()


def from_bytes(data: bytes, *, name: str = "") -> Problem:
    """Read `to_bytes`; InvalidProblem for anything that it does not write."""
    if not data.startswith(MAGIC):
        raise _broken("it does not begin with the line 'neurorig-qubo 1'")
    end = data.find(b"\n", len(MAGIC), len(MAGIC) + _LONGEST_HEADER)
    header = _read_header(data[len(MAGIC) : end + 1])
    n, entries, width = header["n"], header["entries"], header["width"]
    require_size(n, entries)
    if len(data) != end + 1 + n * width + entries * (8 + width):
        raise _broken(f"{len(data)} bytes are not the length that its header gives")
    signed, at = f"<i{width}", end + 1
    diagonal = np.frombuffer(data, signed, n, at)
    rows = np.frombuffer(data, "<u4", entries, at + n * width)
    cols = np.frombuffer(data, "<u4", entries, at + n * width + 4 * entries)
    weights = np.frombuffer(data, signed, entries, at + n * width + 8 * entries)
    problem = Problem(
        n=n,
        rows=frozen(rows.astype(np.int64)),
        cols=frozen(cols.astype(np.int64)),
        weights=frozen(weights.astype(np.int64)),
        diagonal=frozen(diagonal.astype(np.int64)),
        scale=header["scale"],
        offset=header["offset"],
        rounding_bound=header["rounding_bound"],
        name=name,
    )
    _require_ordered(problem)
    if _width(problem) != width:
        raise _broken("its numbers are wider than they need be")
    return problem


def _header(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _read_header(line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
        sound = isinstance(header, dict) and set(header) == _FIELDS and _header(header) == line
    except (ValueError, RecursionError):
        sound = False
    if not sound or not _is_sound(header):
        raise _broken("its header is not one that neurorig writes")
    found: dict[str, Any] = header
    return found


def _is_sound(header: dict[str, Any]) -> bool:
    counts = (header["n"], header["entries"], header["width"])
    bound = header["rounding_bound"]
    return (
        all(type(count) is int and count >= 0 for count in counts)
        and header["width"] in (1, 2, 4, 8)
        and type(bound) is float
        and math.isfinite(bound)
        and bound >= 0
        and all(_is_decimal(header[key]) for key in ("scale", "offset"))
        and Fraction(header["scale"]) != 0
    )


def _is_decimal(text: object) -> bool:
    try:
        return isinstance(text, str) and _DECIMAL.fullmatch(text) is not None and decimal_text(Fraction(text)) == text
    except (ValueError, InvalidOperation):
        return False


def _require_ordered(problem: Problem) -> None:
    keys = problem.rows * problem.n + problem.cols
    ordered = (
        bool((problem.rows < problem.cols).all())
        and bool((problem.cols < problem.n).all())
        and bool((np.diff(keys) > 0).all())
        and bool(problem.weights.all())
    )
    if not ordered:
        raise _broken("its couplings are not in order, or one is 0")
    size = np.abs(problem.diagonal.astype(float)).sum() + 2 * np.abs(problem.weights.astype(float)).sum()
    if size >= MAX_SUM:
        raise _broken("its coefficients add up to 2^62 or more")


def _width(problem: Problem) -> int:
    values: list[npt.NDArray[np.int64]] = [problem.diagonal, problem.weights]
    low = min(int(v.min()) for v in values if len(v))
    high = max(int(v.max()) for v in values if len(v))
    return next(width for width in (1, 2, 4, 8) if -(2 ** (8 * width - 1)) <= low and high < 2 ** (8 * width - 1))


def _broken(why: str) -> InvalidProblem:
    return InvalidProblem(
        f"this is not a problem as neurorig keeps it: {why}",
        reason="syntax",
        next_step="Upload the original file again.",
    )
