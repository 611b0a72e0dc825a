"""Lists of terms as JSON: bqpjson and dimod's first schema have the value that their own rule gives."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.formats import Options, read

COEFFICIENTS = st.one_of(st.integers(-9, 9), st.sampled_from([0.1, -2.5, 1e-3]))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A bqpjson document with ids that are not in a row."""
    ids = draw(st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True))
    pairs = [(u, v) for k, u in enumerate(ids) for v in ids[:k]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return {
        "id": 0,
        "version": "1.0.0",
        "metadata": {},
        "variable_ids": ids,
        "variable_domain": draw(st.sampled_from(["spin", "boolean"])),
        "scale": draw(st.sampled_from([1, 0.5, 3])),
        "offset": draw(COEFFICIENTS),
        "linear_terms": [{"id": name, "coeff": draw(COEFFICIENTS)} for name in draw(st.sets(st.sampled_from(ids)))],
        "quadratic_terms": [{"id_head": u, "id_tail": v, "coeff": draw(COEFFICIENTS)} for u, v in chosen],
    }


def value(document: dict[str, Any], x: list[int]) -> Fraction:
    """The value by the format's own rule, exactly."""
    spins = document["variable_domain"] == "spin"
    sample = {name: 2 * bit - 1 if spins else bit for name, bit in zip(document["variable_ids"], x, strict=True)}
    total = Fraction(str(document["offset"]))
    for term in document["linear_terms"]:
        total += Fraction(str(term["coeff"])) * sample[term["id"]]
    for term in document["quadratic_terms"]:
        total += Fraction(str(term["coeff"])) * sample[term["id_head"]] * sample[term["id_tail"]]
    return Fraction(str(document["scale"])) * total


@given(documents(), st.data())
def test_values_are_those_of_the_format(document: dict[str, Any], data: st.DataObject) -> None:
    """Scale, offset and spins are all in the value, exactly, and the content says what it is."""
    found = read(json.dumps(document).encode())
    x = data.draw(st.lists(st.integers(0, 1), min_size=found.problem.n, max_size=found.problem.n))

    assert found.form == "bqpjson"
    assert found.problem.value(found.problem.cost(np.array(x))) == value(document, x)


def dimod_1(domain: str = "SPIN") -> dict[str, Any]:
    """What dimod 0.7 writes; labels of three kinds."""
    return {
        "linear_terms": [{"label": 1, "bias": 0.5}, {"label": "1", "bias": -1}, {"label": ["a", 0], "bias": 0}],
        "quadratic_terms": [{"label_head": "1", "label_tail": ["a", 0], "bias": 2}],
        "offset": 1.75,
        "variable_type": domain,
        "version": {"dimod": "0.7.9", "bqm_schema": "1.0.0"},
        "variable_labels": [1, "1", ["a", 0]],
        "info": {},
    }


def test_the_first_schema_of_dimod_is_read() -> None:
    """The number 1 and the text 1 are two variables, in the order of the labels."""
    problem = read(json.dumps(dimod_1()).encode()).problem

    assert problem.value(problem.cost(np.array([1, 0, 1]))) == Fraction("0.5") + 1 - 2 + Fraction("1.75")


def good() -> dict[str, Any]:
    """A small valid document."""
    return {
        "version": "1.0.0",
        "variable_ids": [4, 7],
        "variable_domain": "boolean",
        "scale": 2,
        "offset": 1,
        "linear_terms": [{"id": 4, "coeff": 1}],
        "quadratic_terms": [{"id_head": 7, "id_tail": 4, "coeff": -3}],
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "2.0.0"}, "syntax"),
        ({"variable_domain": "qutrit"}, "syntax"),
        ({"variable_ids": 3}, "syntax"),
        ({"variable_ids": [4, 4]}, "syntax"),
        ({"variable_ids": []}, "empty"),
        ({"scale": 0}, "syntax"),
        ({"scale": "2"}, "syntax"),
        ({"offset": 1e300}, "overflow"),
        ({"linear_terms": {}}, "syntax"),
        ({"linear_terms": [3]}, "syntax"),
        ({"linear_terms": [{"id": 4}]}, "syntax"),
        ({"linear_terms": [{"id": {}, "coeff": 1}]}, "index_out_of_range"),
        ({"linear_terms": [{"id": 5, "coeff": 1}]}, "index_out_of_range"),
        ({"linear_terms": [{"id": 4, "coeff": 1}, {"id": 4, "coeff": 1}]}, "duplicate"),
        ({"linear_terms": [{"id": 4, "coeff": 1e300}]}, "overflow"),
        ({"quadratic_terms": [{"id_head": 4, "id_tail": 4, "coeff": 1}]}, "loop"),
        (
            {
                "quadratic_terms": [
                    {"id_head": 4, "id_tail": 7, "coeff": 1},
                    {"id_head": 7, "id_tail": 4, "coeff": 1},
                ]
            },
            "duplicate",
        ),
    ],
)
def test_a_document_that_is_none_is_refused(change: dict[str, Any], reason: str) -> None:
    """Each member that is missing, of another kind or against the others."""
    with pytest.raises(InvalidProblem) as refused:
        read(json.dumps({**good(), **change}).encode())

    assert refused.value.detail["reason"] == reason


def test_a_vartype_against_the_document_is_refused() -> None:
    """The file says it itself."""
    with pytest.raises(InvalidProblem) as refused:
        read(json.dumps(good()).encode(), options=Options(vartype="spin"))

    assert refused.value.detail["reason"] == "option"
