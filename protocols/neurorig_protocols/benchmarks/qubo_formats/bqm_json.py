"""dimod's serialised binary quadratic model as JSON: the output of `to_serializable`, schema versions 2 and 3.

Biases as numbers (`use_bytes` false), or as base64 of little-endian arrays (`use_bytes` true, version 3: before, bytes
were laid out in another way). Variables are numbered in the order of `variable_labels`; the labels themselves do not
come along. A pair given twice is refused. SPIN becomes binary exactly.
"""

from __future__ import annotations

import base64
import binascii
import json
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from neurorig_protocols.benchmarks.qubo_decimals import BadNumber, Decimals, from_floats, read_number, read_numbers
from neurorig_protocols.benchmarks.qubo_formats.entries import Entries, require_once
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed
from neurorig_protocols.benchmarks.qubo_formats.source import refuse
from neurorig_protocols.benchmarks.qubo_formats.spins import to_binary
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size
from neurorig_protocols.errors import InvalidProblem

NAME = "bqm-json"

_BIASES = {"float32": "<f4", "float64": "<f8"}
_INDICES = {
    f"{sign}int{bits}": f"<{kind}{bits // 8}" for sign, kind in (("", "i"), ("u", "u")) for bits in (8, 16, 32, 64)
}

Ints = npt.NDArray[np.int64]


class _Number(str):
    """A number as it stands in the file: no digit is lost before it is read exactly."""


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(sense=options.sense), NAME)
    document = _load(text)
    packed = _require_schema(document)
    vartype = document.get("variable_type")
    if vartype not in ("SPIN", "BINARY"):
        _wrong("variable_type", "is not SPIN or BINARY")
    if options.vartype is not None and options.vartype.upper() != vartype:
        refuse(None, f"the file says {vartype}, '{options.vartype}' cannot be stated", "option")
    n, m = _count(document, "num_variables"), _count(document, "num_interactions")
    require_size(n, n + m)
    if not isinstance(labels := document.get("variable_labels"), list) or len(labels) != n:
        _wrong("variable_labels", f"has not {n} labels")
    linear, pairs = _biases(document, "linear_biases", n, packed), _biases(document, "quadratic_biases", m, packed)
    head, tail = (_indices(document, f"quadratic_{end}", n, m, packed) for end in ("head", "tail"))
    _require_pairs(head, tail, pairs, n)
    variables = np.arange(n, dtype=np.int64)
    coefficients = Decimals(
        np.concatenate([linear.mantissa, pairs.mantissa]), np.concatenate([linear.exponent, pairs.exponent])
    )
    terms = Terms(
        n,
        np.concatenate([variables, head]),
        np.concatenate([variables, tail]),
        coefficients,
        offset=_offset(document),
        error=linear.error + pairs.error,
    )
    return to_binary(terms) if vartype == "SPIN" else terms


def _load(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_not_finite)
    except json.JSONDecodeError as error:
        refuse(error.lineno, f"this is no JSON: {error.msg}", "syntax")
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidProblem):
            raise
        refuse(None, "this is no JSON that can be read: it is nested too deeply", "syntax")
    if not isinstance(found, dict):
        refuse(None, "a JSON object is due", "syntax")
    return found


def _not_finite(name: str) -> NoReturn:
    raise InvalidProblem(f"{name} is no finite number", reason="not_finite")


def _require_schema(document: dict[str, Any]) -> bool:
    """Return whether the arrays are packed as bytes."""
    version = document.get("version")
    schema = version.get("bqm_schema") if isinstance(version, dict) else None
    if not isinstance(schema, str) or schema.split(".")[0] not in ("2", "3"):
        _wrong("version.bqm_schema", "is not 2 or 3")
    packed = document.get("use_bytes")
    if not isinstance(packed, bool):
        _wrong("use_bytes", "is not true or false")
    if packed and schema.startswith("2"):
        _wrong("use_bytes", "is true in schema version 2, whose bytes are laid out in another way")
    return packed


def _count(document: dict[str, Any], key: str) -> int:
    value = document.get(key)
    if not isinstance(value, _Number) or not (value.isascii() and value.isdigit()):
        _wrong(key, "is not a whole number")
    if len(value) > 9:
        refuse(None, f"'{key}' is too large", "too_large")
    return int(value)


def _biases(document: dict[str, Any], key: str, count: int, packed: bool) -> Decimals:
    try:
        if packed:
            kind = _kind(document, "bias_type", _BIASES)
            return from_floats(_unpacked(document, key, kind, count))
        return read_numbers(_numbers(document, key, count))
    except BadNumber as bad:
        refuse(None, f"'{key}', number {bad.index} (counted from 0): {bad}", bad.reason)


def _indices(document: dict[str, Any], key: str, n: int, count: int, packed: bool) -> Ints:
    if packed:
        raw = _unpacked(document, key, _kind(document, "index_type", _INDICES), count)
        outside = np.flatnonzero((raw < 0) | (raw >= n))
    else:
        words = _numbers(document, key, count)
        if not all(word.isascii() and word.removeprefix("-").isdigit() for word in words):
            _wrong(key, "holds what is no index")
        raw = np.array([int(word) if len(word) <= 9 else -1 for word in words], np.int64)
        outside = np.flatnonzero((raw < 0) | (raw >= n))
    if len(outside):
        refuse(None, f"'{key}', number {outside[0]} (counted from 0) is outside 0…{n - 1}", "index_out_of_range")
    return raw.astype(np.int64)


def _numbers(document: dict[str, Any], key: str, count: int) -> list[str]:
    values = document.get(key)
    if not isinstance(values, list) or not all(isinstance(value, _Number) for value in values):
        _wrong(key, "is not a list of numbers")
    if len(values) != count:
        refuse(None, f"'{key}' has {len(values)} numbers, {count} are announced", "count_mismatch")
    return values


def _unpacked(document: dict[str, Any], key: str, kind: str, count: int) -> npt.NDArray[Any]:
    value = document.get(key)
    if not isinstance(value, str) or isinstance(value, _Number):
        _wrong(key, "is no base64 text")
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        _wrong(key, "is no base64 text")
    if len(raw) != count * np.dtype(kind).itemsize:
        refuse(None, f"'{key}' has {len(raw)} bytes, {count} numbers of {kind[1:]} are announced", "count_mismatch")
    return np.frombuffer(raw, kind)


def _kind(document: dict[str, Any], key: str, known: dict[str, str]) -> str:
    name = document.get(key)
    if name not in known:
        _wrong(key, f"is not one of {', '.join(known)}")
    return known[name]


def _offset(document: dict[str, Any]) -> Fraction:
    value = document.get("offset")
    if not isinstance(value, _Number):
        _wrong("offset", "is no number")
    try:
        mantissa, exponent, _ = read_number(value)
    except BadNumber as bad:
        refuse(None, f"'offset': {bad}", bad.reason)
    return mantissa * Fraction(10) ** exponent


def _require_pairs(head: Ints, tail: Ints, values: Decimals, n: int) -> None:
    loops = np.flatnonzero(head == tail)
    if len(loops):
        refuse(None, f"interaction {loops[0]} (counted from 0) is of a variable with itself", "loop")
    try:
        require_once(Entries(head, tail, values, np.arange(len(head))), n)
    except InvalidProblem as error:
        refuse(None, f"an interaction is given twice: {error.message.partition(' is given')[0]}", "duplicate")


def _wrong(key: str, why: str) -> NoReturn:
    refuse(None, f"'{key}' {why}", "syntax")
