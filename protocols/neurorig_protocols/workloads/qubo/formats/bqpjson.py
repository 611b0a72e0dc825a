"""Lists of terms as JSON: bqpjson 1.0, and what dimod wrote before version 0.8 (schema 1).

    {"version": "1.0.0", "variable_domain": "spin" | "boolean", "variable_ids": [id, …], "scale": s, "offset": o,
     "linear_terms": [{"id", "coeff"}, …], "quadratic_terms": [{"id_head", "id_tail", "coeff"}, …]}

Minimise scale · (Σ linear + Σ quadratic + offset). Variables are numbered in the order of `variable_ids`. A term given
twice is refused. dimod's schema 1 has `label`, `bias` and `variable_labels` in their place, and no scale.
Source of the first: the schema file of the package bqpjson 0.5.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from fractions import Fraction
from typing import Any

import numpy as np

from neurorig_protocols.workloads.qubo.coefficients import Terms, require_size
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
from neurorig_protocols.workloads.qubo.problem import EXACT, Ints

NAME = "bqpjson"

SIGN = re.compile(r'"variable_domain"\s*:')
"""What only this form of JSON has."""


@dataclass(frozen=True)
class Keys:
    """What the members are called."""

    variables: str
    name: str
    value: str


OWN = Keys("variable_ids", "id", "coeff")
DIMOD_1 = Keys("variable_labels", "label", "bias")


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(sense=options.sense), NAME)
    document = load(text)
    if document.get("version") != "1.0.0":
        wrong("version", "is not 1.0.0")
    refuse_foreign(text, document, "offset", "scale", "variable_domain")
    vartype = vartype_of(document, "variable_domain", "spin", "boolean", options.vartype)
    scale = number(document, "scale")
    if scale <= 0:
        wrong("scale", "is not above 0")
    return terms_of(document, OWN, vartype, scale=Decimal(document["scale"]))


def terms_of(document: Document, keys: Keys, vartype: str, *, scale: Decimal = Decimal(1)) -> Terms:
    """Return the terms of a document whose members have these names."""
    order = _order(document, keys)
    n = len(order)
    ends = [f"{keys.name}_head", f"{keys.name}_tail"]
    loners, linear = _listed(document, "linear_terms", [keys.name], keys.value, order)
    coupled, quadratic = _listed(document, "quadratic_terms", ends, keys.value, order)
    values = numbers([_times(word, scale) for word in linear], "linear_terms")
    couplings = numbers([_times(word, scale) for word in quadratic], "quadratic_terms")
    require_size(n, len(loners) + len(coupled))
    if len(np.unique(loners)) < len(loners):
        refuse(None, "a linear term is given twice", "duplicate")
    require_pairs(coupled[:, 0], coupled[:, 1], couplings, n)
    both = values.joined(couplings)
    i, j = np.concatenate([loners[:, 0], coupled[:, 0]]), np.concatenate([loners[:, 0], coupled[:, 1]])
    offset = number(document, "offset") * Fraction(scale)
    terms = Terms(
        n, i, j, both, offset=offset, error=both.error, labels=label_texts(document[keys.variables], keys.variables)
    )
    return to_binary(terms) if vartype == "spin" else terms


def _order(document: Document, keys: Keys) -> dict[Hashable, int]:
    names = document.get(keys.variables)
    if not isinstance(names, list):
        wrong(keys.variables, "is not a list")
    require_size(len(names))
    order = {_key(name): k for k, name in enumerate(names)}
    if len(order) < len(names):
        wrong(keys.variables, "names a variable twice")
    return order


def _listed(
    document: Document, key: str, ends: list[str], value: str, order: dict[Hashable, int]
) -> tuple[Ints, list[str]]:
    """Return the numbers of the variables (terms, ends) and the coefficients as they are written."""
    found = document.get(key)
    if not isinstance(found, list):
        wrong(key, "is not a list")
    words, places = [], []
    for k, term in enumerate(found):
        if not isinstance(term, dict) or not isinstance(term.get(value), Number):
            wrong(key, f"has no number '{value}' in term {k} (counted from 0)")
        if len(term) > len(ends) + 1:
            foreign = next(name for name in term if name not in (value, *ends))
            wrong(key, f"has the unknown member '{foreign[:40]}' in term {k} (counted from 0)")
        at = [order.get(_key(term.get(end)), -1) for end in ends]
        if -1 in at:
            refuse(None, f"'{key}', term {k} (counted from 0), names no variable of the file", "index_out_of_range")
        places.append(at)
        words.append(term[value])
    return np.array(places, np.int64).reshape(-1, len(ends)), words


def _times(word: str, scale: Decimal) -> str:
    try:
        return word if scale == 1 else str(EXACT.multiply(Decimal(word), scale))
    except DecimalException:
        return word


def _key(label: Any) -> Hashable:
    """Return a label so that the number 1 and the text "1" are two."""
    if isinstance(label, list):
        return tuple(map(_key, label))
    return type(label).__name__, str(label)
