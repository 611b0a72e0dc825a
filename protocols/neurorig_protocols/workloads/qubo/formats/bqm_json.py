"""dimod's serialised binary quadratic model as JSON: the output of `to_serializable`, schema versions 1, 2 and 3.

Biases as numbers (`use_bytes` false), or as base64 of little-endian arrays (`use_bytes` true, version 3: before, bytes
were laid out in another way). Variables are numbered in the order of `variable_labels`; the labels themselves do not
come along. A pair given twice is refused. SPIN becomes binary exactly. Version 1 is a list of terms: see `bqpjson`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_protocols.workloads.qubo.coefficients import BadNumber, Decimals, Terms, from_floats, require_size
from neurorig_protocols.workloads.qubo.formats.bqpjson import DIMOD_1, terms_of
from neurorig_protocols.workloads.qubo.formats.json_documents import (
    Document,
    Number,
    label_texts,
    load,
    number,
    numbers,
    refuse_foreign,
    require_pairs,
    vartype_of,
    wrong,
)
from neurorig_protocols.workloads.qubo.formats.text_source import Options, fixed, refuse, to_binary
from neurorig_protocols.workloads.qubo.problem import Ints

NAME = "bqm-json"

_BIASES = {"float32": "<f4", "float64": "<f8"}
_INDICES = {
    f"{sign}int{bits}": f"<{kind}{bits // 8}" for sign, kind in (("", "i"), ("u", "u")) for bits in (8, 16, 32, 64)
}

_WRITE = "Write it with dimod: json.dumps(BinaryQuadraticModel.from_qubo(Q).to_serializable()), or from_ising(h, J)."


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(sense=options.sense), NAME)
    document = load(text)
    schema = _schema(document)
    refuse_foreign(text, document, "offset", "variable_type")
    vartype = vartype_of(document, "variable_type", "SPIN", "BINARY", options.vartype)
    if schema.startswith("1."):
        return terms_of(document, DIMOD_1, vartype)
    packed = _is_packed(document, schema)
    n, m = _count(document, "num_variables"), _count(document, "num_interactions")
    require_size(n, n + m)
    if not isinstance(labels := document.get("variable_labels"), list) or len(labels) != n:
        wrong("variable_labels", f"has not {n} labels")
    linear, pairs = _biases(document, "linear_biases", n, packed), _biases(document, "quadratic_biases", m, packed)
    head, tail = (_indices(document, f"quadratic_{end}", n, m, packed) for end in ("head", "tail"))
    require_pairs(head, tail, pairs, n)
    variables = np.arange(n, dtype=np.int64)
    coefficients = linear.joined(pairs)
    i, j = np.concatenate([variables, head]), np.concatenate([variables, tail])
    terms = Terms(
        n,
        i,
        j,
        coefficients,
        offset=number(document, "offset"),
        error=coefficients.error,
        labels=label_texts(labels, "variable_labels"),
    )
    return to_binary(terms) if vartype == "spin" else terms


def _schema(document: Document) -> str:
    version = document.get("version")
    schema = version.get("bqm_schema") if isinstance(version, dict) else None
    if not isinstance(schema, str) or schema[:2] not in ("1.", "2.", "3."):
        wrong("version.bqm_schema", "is not 1, 2 or 3: this JSON is not a model that dimod wrote", next_step=_WRITE)
    if schema.endswith("-dense"):
        wrong("version.bqm_schema", "is openjij's dense matrix, not dimod's lists", next_step=_WRITE)
    return schema


def _is_packed(document: Document, schema: str) -> bool:
    """Return whether the arrays are packed as bytes."""
    packed = document.get("use_bytes")
    if not isinstance(packed, bool):
        wrong("use_bytes", "is not true or false")
    if packed and schema.startswith("2"):
        wrong("use_bytes", "is true in schema version 2, whose bytes are laid out in another way")
    return packed


def _count(document: Document, key: str) -> int:
    value = document.get(key)
    if not isinstance(value, Number) or not (value.isascii() and value.isdigit()):
        wrong(key, "is not a whole number")
    if len(value) > 9:
        refuse(None, f"'{key}' is too large", "too_large")
    return int(value)


def _biases(document: Document, key: str, count: int, packed: bool) -> Decimals:
    if not packed:
        return numbers(_numbers(document, key, count), key)
    try:
        return from_floats(_unpacked(document, key, _kind(document, "bias_type", _BIASES), count))
    except BadNumber as bad:
        refuse(None, f"'{key}', number {bad.index} (counted from 0): {bad}", bad.reason)


def _indices(document: Document, key: str, n: int, count: int, packed: bool) -> Ints:
    if packed:
        raw = _unpacked(document, key, _kind(document, "index_type", _INDICES), count)
        outside = np.flatnonzero((raw < 0) | (raw >= n))
    else:
        words = _numbers(document, key, count)
        if not all(word.isascii() and word.removeprefix("-").isdigit() for word in words):
            wrong(key, "holds what is no index")
        raw = np.array([int(word) if len(word) <= 9 else -1 for word in words], np.int64)
        outside = np.flatnonzero((raw < 0) | (raw >= n))
    if len(outside):
        refuse(None, f"'{key}', number {outside[0]} (counted from 0) is outside 0…{n - 1}", "index_out_of_range")
    return raw.astype(np.int64)


def _numbers(document: Document, key: str, count: int) -> list[str]:
    values = document.get(key)
    if not isinstance(values, list) or not all(isinstance(value, Number) for value in values):
        wrong(key, "is not a list of numbers")
    if len(values) != count:
        refuse(None, f"'{key}' has {len(values)} numbers, {count} are announced", "count_mismatch")
    return values


def _unpacked(document: Document, key: str, kind: str, count: int) -> npt.NDArray[Any]:
    value = document.get(key)
    if not isinstance(value, str) or isinstance(value, Number):
        wrong(key, "is not base64 text")
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        wrong(key, "is not base64 text")
    if len(raw) != count * np.dtype(kind).itemsize:
        refuse(None, f"'{key}' has {len(raw)} bytes, {count} numbers of {kind[1:]} are announced", "count_mismatch")
    return np.frombuffer(raw, kind)


def _kind(document: Document, key: str, known: dict[str, str]) -> str:
    name = document.get(key)
    if name not in known:
        wrong(key, f"is not one of {', '.join(known)}")
    return known[name]
