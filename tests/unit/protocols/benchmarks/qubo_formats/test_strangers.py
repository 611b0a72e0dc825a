"""Files of other kinds that people try: what they are and what to do is said, whatever format was stated."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
from typing import Any

import dimod
import networkx as nx
import numpy as np
import pytest

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.formats import read


def model() -> dimod.BinaryQuadraticModel:
    """A small model."""
    return dimod.BinaryQuadraticModel({"a": 1.0}, {("a", "b"): -2.0}, 0.5, "BINARY")


def saved(write: object, *arguments: object) -> bytes:
    """What a writer writes into a file."""
    out = io.BytesIO()
    write(out, *arguments)  # type: ignore[operator]  # a writer of another library
    return out.getvalue()


def lp() -> bytes:
    """The model as dimod writes an LP file."""
    constrained = dimod.ConstrainedQuadraticModel()
    constrained.set_objective(model())
    return dimod.lp.dumps(constrained).encode()


def dimod_file(saved_model: Any) -> bytes:
    """What dimod writes into a file of its own."""
    with saved_model.to_file() as file:
        found: bytes = file.read()
    return found


GRAPH = nx.path_graph(3)

FILES = [
    (dimod_file(model()), "dimod's binary model"),
    (dimod_file(dimod.ConstrainedQuadraticModel()), "model of dimod"),
    (lp(), "an LP file"),
    (b"\\ a comment\nMaximize\n obj: x\n", "an LP file"),
    (b"max: 3 x;\n", "an LP file"),
    (b"NAME  x\nROWS\n N obj\n", "an MPS file"),
    (gzip.compress(b"x", mtime=0), "gzip"),
    (bz2.compress(b"x"), "bzip2"),
    (lzma.compress(b"x"), "xz"),
    (pickle.dumps({(0, 1): 2}), "pickle"),
    (saved(np.save, np.eye(2)), "npy"),
    (saved(np.savez, np.eye(2)), "npz"),
    ("\n".join(nx.generate_gml(GRAPH)).encode(), "GML"),
    (b"*vertices 3\n", "Pajek"),
    ("\n".join(nx.generate_graphml(GRAPH)).encode(), "XML"),
    (b"\x10\x00\x00\x00\x02type\x00\x16\x00\x00\x00BinaryQuadraticModel\x00", "BSON"),
]


@pytest.mark.parametrize(("data", "named"), FILES)
@pytest.mark.parametrize("form", [None, "coo"])
def test_a_stranger_is_named(data: bytes, named: str, form: str | None) -> None:
    """With what to do instead, which no decoding error would say."""
    with pytest.raises(InvalidProblem, match=named) as refused:
        read(data, form=form)

    assert refused.value.detail["reason"] == "format"
    assert refused.value.next_step


def test_a_problem_called_max_is_no_stranger() -> None:
    """A name on QPLIB's first line is no keyword of an LP file."""
    text = b"max cut 3\nQBN\nminimize\n1\n0\n-1\n0\n0\n"

    assert read(text).problem.diagonal.tolist() == [-1]
