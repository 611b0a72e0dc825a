"""Whatever the bytes, a reader gives a problem or our own error, and soon."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.formats import FORMATS, Options, read
from neurorig_protocols.workloads.qubo.problem_file import from_bytes, to_bytes

STARTS = {
    "qbsolv": "p qubo 0 3 2 1\n",
    "bqp": "3 2\n",
    "matrix-market": "%%MatrixMarket matrix coordinate real general\n3 3 2\n",
    "coo": "# vartype=SPIN\n",
    "dimacs": "p edge 3 2\n",
    "gset": "3 2\n",
    "bqm-json": "",
    "dense": "1 2\n",
    "qplib": "x\nQBN\nminimize\n3\n",
    "bqpjson": "",
}
WORDS = st.sampled_from(
    ["0", "1", "2", "3", "4", "-1", "1.5", "e", "nan", "1e5", "p", "c", "#", "\n", "\n", "\n", "1e-30"]
)
BQM_KEYS = (
    "version", "use_bytes", "variable_type", "num_variables", "num_interactions", "variable_labels", "linear_biases",
    "quadratic_biases", "quadratic_head", "quadratic_tail", "offset", "bias_type", "index_type",
)  # fmt: skip
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-2, 3), st.floats(-2, 2), st.sampled_from(["SPIN", "AAAA", "float64"])
    ),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


def tried(data: bytes, form: str | None) -> None:
    """Read; a problem that comes out is sound."""
    with contextlib.suppress(InvalidProblem):
        problem = read(data, form=form, options=Options(sense="min" if form == "bqp" else None)).problem
        assert from_bytes(to_bytes(problem)).magnitude == problem.magnitude < 2**62
        problem.cost(np.zeros(problem.n))


@pytest.mark.parametrize("form", [*FORMATS, "neurorig", None])
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_else(form: str | None, data: bytes) -> None:
    """Bytes without any sense."""
    tried(data, form)


@pytest.mark.parametrize("form", list(FORMATS))
@given(words=st.lists(WORDS, max_size=20))
def test_words_behind_a_right_header_raise_nothing_else(form: str, words: list[str]) -> None:
    """Text that is nearly right."""
    tried((STARTS[form] + " ".join(words)).encode(), form)


@given(st.dictionaries(st.sampled_from(BQM_KEYS), JSON_VALUES))
def test_documents_of_the_right_keys_raise_nothing_else(document: dict[str, Any]) -> None:
    """JSON that is nearly a model."""
    base = {"version": {"bqm_schema": "3.0.0"}, "use_bytes": False, "variable_type": "SPIN", "num_variables": 1}
    tried(json.dumps({**base, **document}).encode(), "bqm-json")
