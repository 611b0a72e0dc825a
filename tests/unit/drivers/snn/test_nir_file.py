"""A NIR file whose nodes are not what they say is refused with the node's name, not with an assertion of its reader."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from nir_kit import dense_graph

from neurorig_drivers.snn import nir_file
from neurorig_drivers.snn.lowering_process import lower_file
from neurorig_drivers.snn.nir_file import look_over
from neurorig_drivers.snn.nir_graph import read_nir
from neurorig_protocols.errors import DoesNotFit, UserError

Edit = Callable[[Any], None]


def instead(path: str, value: Any, **options: Any) -> Edit:
    """Return an edit that writes other data at a path."""

    def edit(file: Any) -> None:
        del file[path]
        file.create_dataset(path, data=value, **options)

    return edit


def without(path: str) -> Edit:
    """Return an edit that takes a path away."""

    def edit(file: Any) -> None:
        del file[path]

    return edit


def edited(folder: Path, edit: Edit) -> Path:
    """Return the dense graph's file after an edit."""
    path = folder / "g.nir"
    nir.write(path, dense_graph())
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


HIDDEN = "node/nodes/hidden/"
FLAWS: dict[str, tuple[Edit, str]] = {
    "no type": (without(HIDDEN + "type"), "the node 'hidden' has no type"),
    "an unknown type": (instead(HIDDEN + "type", "Izhikevich"), "the node 'hidden' is of the type Izhikevich"),
    "a type that is a number": (instead(HIDDEN + "type", 3), "the type of the node 'hidden' is not text"),
    "a type that is an enumeration": (
        instead(HIDDEN + "type", 1, dtype=h5py.enum_dtype({"LIF": 1}, basetype="i")),
        "the type of the node 'hidden' is not text",
    ),
    "a list of types": (instead(HIDDEN + "type", np.array([b"LIF"])), "the type of the node 'hidden' is not text"),
    "a node that is data": (instead("node/nodes/hidden", np.zeros(3)), "the node 'hidden' is data"),
    "a parameter too many": (
        lambda file: file.create_dataset(HIDDEN + "extra", data=1.0),
        "the node 'hidden' (LIF) cannot be read: TypeError",
    ),
    "a parameter of another length": (instead(HIDDEN + "tau", np.ones(3)), "the node 'hidden' (LIF) cannot be read"),
    "a parameter that is text": (instead(HIDDEN + "tau", "fast"), "the node 'hidden' (LIF) cannot be read"),
    "weights that are text": (
        instead("node/nodes/fc1/weight", np.full((4, 6), b"x")),
        "the node 'fc1' (Linear) cannot be read",
    ),
    "no nodes at all": (without("node"), "the network is not a NIR graph"),
    "no edges": (without("node/edges"), "the network is not a NIR graph"),
    "edges of three ends": (instead("node/edges", np.array([[b"a", b"b", b"c"]])), "the network is not a NIR graph"),
    "edges of numbers": (instead("node/edges", np.array([[1, 2]])), "the network is not a NIR graph"),
    "edges that are no text": (instead("node/edges", np.array([[b"\xff", b"b"]])), "the network is not a NIR graph"),
    "edges to nowhere": (instead("node/edges", np.zeros((1000, 2), "S5")), "one of them is missing"),
    "a step that is a group": (
        lambda file: (file["node/metadata"].pop("dt"), file["node/metadata"].create_group("dt")),
        "a time step of {} is not possible",
    ),
}


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_is_told_with_its_node(tmp_path: Path, name: str) -> None:
    """Whatever is wrong with a file is a UserError that names the node, or says that there is no graph."""
    edit, what = FLAWS[name]

    with pytest.raises(UserError) as caught:
        read_nir(edited(tmp_path, edit))

    assert what in caught.value.message


def test_types_may_be_written_in_either_way(tmp_path: Path) -> None:
    """A type is text of variable or of fixed length."""
    path = edited(tmp_path, instead(HIDDEN + "type", np.bytes_("LIF")))

    assert read_nir(path).neurons == 6


def test_a_node_within_a_graph_is_named_in_full(tmp_path: Path) -> None:
    """The refusal of a node of a sub-graph says where it lies, before anything is read."""
    inner = nir.NIRGraph(
        {
            "input": nir.Input({"input": np.array([2])}),
            "leak": nir.LI(np.ones(2), np.ones(2), np.zeros(2)),
            "output": nir.Output({"output": np.array([2])}),
        },
        [("input", "leak"), ("leak", "output")],
    )
    outer = nir.NIRGraph(
        {
            "input": nir.Input({"input": np.array([2])}),
            "part": inner,
            "output": nir.Output({"output": np.array([2])}),
        },
        [("input", "part"), ("part", "output")],
        type_check=False,
    )
    nir.write(tmp_path / "g.nir", outer)

    with pytest.raises(UserError, match="the node 'part/leak' is of the type LI, which is not supported") as caught:
        read_nir(tmp_path / "g.nir")

    assert "the spiking one (LIF)" in (caught.value.next_step or "")


def test_names_hold_dots(tmp_path: Path) -> None:
    """Exporters name the nodes of modules within modules with dots."""
    graph = dense_graph()
    names = {"hidden": "1.lif", "fc1": "0.fc"}
    nodes = {names.get(name, name): node for name, node in graph.nodes.items()}
    edges = [(names.get(a, a), names.get(b, b)) for a, b in graph.edges]
    nir.write(tmp_path / "g.nir", nir.NIRGraph(nodes, edges, metadata={"dt": 1.0}))

    assert [p.name for p in read_nir(tmp_path / "g.nir").populations] == ["1.lif", "out"]


def test_many_nodes_in_a_row_are_followed(tmp_path: Path) -> None:
    """As many linear nodes as a graph may have are no deeper than the reader can go."""
    size = {"input": np.array([1])}
    row = {f"n{k}": nir.Linear(np.ones((1, 1))) for k in range(490)}
    nodes = {
        "input": nir.Input(size),
        **row,
        "neuron": nir.Threshold(np.ones(1)),
        "output": nir.Output({"output": np.array([1])}),
    }
    way = list(nodes)
    graph = nir.NIRGraph(nodes, list(pairwise(way)), type_check=False)
    nir.write(tmp_path / "g.nir", graph)

    assert len(lower_file(tmp_path / "g.nir").arrays["vth"]) == 1


def test_a_padding_beyond_memory_is_refused(tmp_path: Path) -> None:
    """What a few bytes ask for is bounded before any array of that size is made."""
    nodes = {
        "input": nir.Input({"input": np.array([1, 4, 4])}),
        "conv": nir.Conv2d((4, 4), np.ones((1, 1, 3, 3)), 1, 0, 1, 1, np.zeros(1)),
        "neuron": nir.Threshold(np.ones(4)),
        "output": nir.Output({"output": np.array([4])}),
    }
    edges = [("input", "conv"), ("conv", "neuron"), ("neuron", "output")]
    nir.write(tmp_path / "g.nir", nir.NIRGraph(nodes, edges, type_check=False))
    with h5py.File(tmp_path / "g.nir", "r+") as file:
        instead("node/nodes/conv/padding", np.array([2**40, 2**40]))(file)

    with pytest.raises(DoesNotFit, match="connections"):
        lower_file(tmp_path / "g.nir")


def test_small_numbers_count_as_the_doubles_that_they_become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of single bytes is bounded by what reading it takes."""
    monkeypatch.setattr(nir_file, "MAX_DATA_BYTES", 4_000)

    with pytest.raises(UserError, match="more than 4000 bytes"):
        look_over(edited(tmp_path, instead("node/nodes/fc1/weight", np.zeros((30, 20), np.int8))))
