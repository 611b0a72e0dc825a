"""dimod's own models, written by dimod, read here: the same energy for every sample."""

from __future__ import annotations

import base64
import json
from typing import Any

import dimod
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.formats import Options, read

BIASES = st.one_of(st.integers(-50, 50).map(float), st.floats(-10, 10, allow_subnormal=False))


@st.composite
def models(draw: st.DrawFn) -> dimod.BinaryQuadraticModel:
    """A model of a few variables with labels of several kinds."""
    labels = draw(
        st.lists(st.one_of(st.integers(0, 99), st.text("abc", min_size=1)), min_size=1, max_size=6, unique=True)
    )
    pairs = [(u, v) for i, u in enumerate(labels) for v in labels[:i]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    linear = {label: draw(BIASES) for label in labels}
    quadratic = {pair: draw(BIASES) for pair in chosen}
    return dimod.BinaryQuadraticModel(
        linear,
        quadratic,
        draw(BIASES),
        draw(st.sampled_from(["SPIN", "BINARY"])),
        dtype=draw(st.sampled_from([np.float64, np.float32])),
    )


def document(model: dimod.BinaryQuadraticModel, *, packed: bool) -> dict[str, Any]:
    """What dimod writes, with bytes as base64 where asked."""
    found: dict[str, Any] = model.to_serializable(
        use_bytes=packed, bytes_type=lambda raw: base64.b64encode(raw).decode("ascii")
    )
    return found


@given(models(), st.booleans(), st.data())
def test_energies_are_those_of_dimod(model: dimod.BinaryQuadraticModel, packed: bool, data: st.DataObject) -> None:
    """The scale · cost + offset is dimod's energy, spins and binaries, numbers and bytes."""
    written = document(model, packed=packed)
    problem = read(json.dumps(written).encode()).problem
    x = data.draw(st.lists(st.integers(0, 1), min_size=problem.n, max_size=problem.n))
    labels = dimod.variables.iter_deserialize_variables(written["variable_labels"])
    spins = model.vartype is dimod.SPIN
    sample = {label: 2 * bit - 1 if spins else bit for label, bit in zip(labels, x, strict=True)}

    energy = float(model.energy(sample))

    ours = float(problem.value(problem.cost(np.array(x))))
    rounding = 1e-5 if model.dtype == np.float32 else 1e-11
    assert ours == pytest.approx(energy, abs=rounding * (1 + float(np.abs(ours))) + problem.rounding_bound)


def test_schema_two_is_read_and_its_bytes_are_not() -> None:
    """Version 2 has the same lists; its bytes were laid out otherwise and are refused, as dimod refuses them."""
    model = dimod.BinaryQuadraticModel({"a": 1.0}, {("a", "b"): -2.0}, 0.5, "SPIN")
    older = {**document(model, packed=False), "version": {"bqm_schema": "2.0.0", "dimod": "0.8"}}

    assert read(json.dumps(older).encode()).facts() == read(json.dumps(document(model, packed=False)).encode()).facts()
    with pytest.raises(InvalidProblem, match="version 2"):
        read(json.dumps({**older, "use_bytes": True}).encode())


def good() -> dict[str, Any]:
    """A small valid document."""
    return document(dimod.BinaryQuadraticModel({0: 1.0, 1: 2.0}, {(0, 1): -2.0}, 0.5, "BINARY"), packed=False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": {"bqm_schema": "4.0.0"}}, "syntax"),
        ({"version": {"bqm_schema": "3.0.0-dense"}}, "syntax"),
        ({"version": {"bqm_schema": "1.0.0"}}, "syntax"),
        ({"version": 3}, "syntax"),
        ({"variable_type": "DISCRETE"}, "syntax"),
        ({"use_bytes": "no"}, "syntax"),
        ({"num_variables": 3}, "syntax"),
        ({"num_variables": "2"}, "syntax"),
        ({"num_variables": -2}, "syntax"),
        ({"num_variables": 10**12}, "too_large"),
        ({"num_interactions": 2}, "count_mismatch"),
        ({"linear_biases": [1.0, "2"]}, "syntax"),
        ({"linear_biases": [1.0]}, "count_mismatch"),
        ({"linear_biases": None}, "syntax"),
        ({"linear_biases": [1.0, 1e300]}, "overflow"),
        ({"quadratic_head": [2]}, "index_out_of_range"),
        ({"quadratic_head": [-1]}, "index_out_of_range"),
        ({"quadratic_head": [0.5]}, "syntax"),
        ({"quadratic_head": [10**30]}, "index_out_of_range"),
        ({"quadratic_head": [0], "quadratic_tail": [0]}, "loop"),
        (
            {"num_interactions": 2, "quadratic_head": [0, 1], "quadratic_tail": [1, 0], "quadratic_biases": [1.0, 1.0]},
            "duplicate",
        ),
        ({"offset": None}, "syntax"),
        ({"offset": 1e300}, "overflow"),
        ({"variable_labels": None}, "syntax"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused(change: dict[str, Any], reason: str) -> None:
    """Each member that is missing, of another kind or of another length."""
    with pytest.raises(InvalidProblem) as refused:
        read(json.dumps({**good(), **change}).encode())

    assert refused.value.detail["reason"] == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": NaN}', "not_finite"),
        ('{"a": -Infinity}', "not_finite"),
        ('{"a": }', "syntax"),
        ('{"offset": 1, "offset": 2}', "duplicate"),
        ('{"version": {"bqm_schema": "3.0.0", "bqm_schema": "2.0.0"}}', "duplicate"),
        ("{" * 5000, "syntax"),
        ('{"a":' + "[" * 100_000, "syntax"),
        ("[1]", "ambiguous"),
    ],
)
def test_text_that_is_no_document_is_refused(text: str, reason: str) -> None:
    """Broken, infinite or bottomless JSON."""
    with pytest.raises(InvalidProblem) as refused:
        read(text.encode())

    assert refused.value.detail["reason"] == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"linear_biases": "****"}, "syntax"),
        ({"linear_biases": 3}, "syntax"),
        ({"linear_biases": "AAAA"}, "count_mismatch"),
        ({"bias_type": "complex128"}, "syntax"),
        ({"index_type": "object"}, "syntax"),
        ({"linear_biases": base64.b64encode(np.array([np.nan, 1.0]).tobytes()).decode()}, "not_finite"),
        ({"quadratic_head": base64.b64encode(np.array([7], np.int32).tobytes()).decode()}, "index_out_of_range"),
    ],
)
def test_packed_arrays_are_checked(change: dict[str, Any], reason: str) -> None:
    """Base64 of another length or kind, and what it unpacks to."""
    packed = document(dimod.BinaryQuadraticModel({0: 1.0, 1: 2.0}, {(0, 1): -2.0}, 0.5, "BINARY"), packed=True)
    assert packed["index_type"] == "int32"

    with pytest.raises(InvalidProblem) as refused:
        read(json.dumps({**packed, **change}).encode())

    assert refused.value.detail["reason"] == reason


def test_a_vartype_stated_against_the_file_is_refused() -> None:
    """The file says it itself."""
    with pytest.raises(InvalidProblem) as refused:
        read(json.dumps(good()).encode(), options=Options(vartype="spin"))

    assert refused.value.detail["reason"] == "option"
