"""NIR graphs become networks in real numbers, or are refused with the node's name and what is supported."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from nir_kit import dense_graph, simulate_real, some_events

from neurorig_drivers.snn import nir_graph, nir_opened
from neurorig_drivers.snn.lowering import lower
from neurorig_drivers.snn.nir_graph import network_of, read_nir
from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.errors import DoesNotFit, UserError


def lif(n: int, **parameters: float) -> Any:
    """Return LIF neurons; tau 2, R 2, threshold 1 unless told otherwise."""
    values = {"tau": 2.0, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | parameters
    return nir.LIF(**{name: np.full(n, value) for name, value in values.items()})


def chain(*nodes: Any, edges: list[tuple[str, str]] | None = None, **metadata: Any) -> Any:
    """Return a graph input, a, b, c … output; `edges` come on top."""
    names = [chr(ord("a") + k) for k in range(len(nodes))]
    size = {"input": np.array([2])}
    named = {
        "input": nir.Input(size),
        **dict(zip(names, nodes, strict=True)),
        "output": nir.Output({"output": np.array([1])}),
    }
    way = ["input", *names, "output"]
    links = [*pairwise(way), *(edges or [])]
    return nir.NIRGraph(named, links, metadata=metadata or {"dt": 1.0}, type_check=False)


ONE = np.array([[1.0, 0.5]])


def test_a_file_gives_the_graph_that_was_written(tmp_path: Path) -> None:
    """What nir.write wrote is read back as the same network."""
    nir.write(tmp_path / "g.nir", dense_graph())

    found, right = read_nir(tmp_path / "g.nir"), network_of(dense_graph())

    assert (found.matrix != right.matrix).nnz == 0
    assert [p.name for p in found.populations] == ["hidden", "out"]
    assert found.inputs == (("input", 6),)
    assert found.outputs == (4, 5)
    assert found.notes == ("dt = 1: the graph's metadata",)


def test_a_lif_neuron_is_cut_by_forward_euler() -> None:
    """It keeps 1 - dt/tau, takes dt/tau R of its input, and its leak and reset become bias and threshold."""
    (part,) = network_of(chain(nir.Linear(ONE), lif(1, v_leak=0.5, v_reset=0.1)), 0.5).populations

    assert part.keep_v.tolist() == [0.75]
    assert part.keep_u.tolist() == [0.0]
    assert part.threshold == pytest.approx([0.9])
    assert part.bias == pytest.approx([0.25 * 0.4])
    network = network_of(chain(nir.Linear(ONE), lif(1)), 0.5)
    assert network.matrix.toarray()[0, :2] == pytest.approx([0.25 * 2 * 1.0, 0.25 * 2 * 0.5])


def test_an_if_neuron_integrates() -> None:
    """It keeps everything and takes dt R of its input; without time constants the step is 1."""
    node = nir.IF(r=np.array([3.0]), v_threshold=np.array([2.0]))
    graph = chain(nir.Linear(ONE), node, note="no dt")

    network = network_of(graph)

    assert network.dt == 1.0
    assert network.populations[0].keep_v.tolist() == [1.0]
    assert network.matrix.toarray()[0, :2].tolist() == [3.0, 1.5]


def test_a_cuba_neuron_has_a_current() -> None:
    """Its current keeps 1 - dt/tau_syn; a bias before it enters at its final value, and that is said."""
    values = {"tau_syn": 4.0, "tau_mem": 2.0, "r": 3.0, "v_leak": 0.0, "v_threshold": 1.0, "w_in": 0.5}
    node = nir.CubaLIF(**{name: np.array([value]) for name, value in values.items()})

    network = network_of(chain(nir.Affine(ONE, np.array([0.2])), node), 1.0)

    (part,) = network.populations
    assert (part.keep_u.tolist(), part.keep_v.tolist()) == ([0.75], [0.5])
    assert network.matrix.toarray()[0, 0] == pytest.approx(0.5 * 3 * 0.25 * 0.5)
    assert part.bias == pytest.approx([0.5 * 3 * 0.5 * 0.2])
    assert "final value" in part.notes[0]


def test_the_step_comes_from_the_job_then_the_graph_then_habit() -> None:
    """The job's step goes before the graph's own; without both it is the common one, and the report says which."""
    graph = chain(nir.Linear(ONE), lif(1), dt=0.25)

    assert network_of(graph, 0.5).notes == ("dt = 0.5: the job",)
    assert network_of(graph).dt == 0.25
    silent = network_of(chain(nir.Linear(ONE), lif(1), note="none"))
    assert silent.dt == nir_opened.COMMON_DT
    assert "neither the job nor the graph" in silent.notes[0]


def test_paths_add_up_and_recurrence_goes_through_neurons() -> None:
    """Two ways into a node are summed; a neuron may feed itself through a linear node."""
    nodes = {
        "input": nir.Input({"input": np.array([2])}),
        "left": nir.Linear(np.array([[1.0, 0.0]])),
        "right": nir.Linear(np.array([[1.0, 2.0]])),
        "twice": nir.Scale(np.array([2.0])),
        "n": nir.IF(r=np.ones(1), v_threshold=np.ones(1)),
        "back": nir.Linear(np.array([[-3.0]])),
        "output": nir.Output({"output": np.array([1])}),
    }
    edges = [("input", "left"), ("input", "right"), ("left", "twice"), ("right", "twice"), ("twice", "n"),
             ("n", "back"), ("back", "n"), ("n", "output")]  # fmt: skip

    network = network_of(nir.NIRGraph(nodes, edges, type_check=False))

    assert network.matrix.toarray().tolist() == [[4.0, 4.0, -3.0]]


def test_a_graph_within_a_graph_is_opened() -> None:
    """A node that is a graph with one input and one output is read in its place."""
    inner = nir.NIRGraph(
        {
            "input": nir.Input({"input": np.array([2])}),
            "fc": nir.Linear(ONE),
            "n": nir.IF(r=np.ones(1), v_threshold=np.ones(1)),
            "output": nir.Output({"output": np.array([1])}),
        },
        [("input", "fc"), ("fc", "n"), ("n", "output")],
        type_check=False,
    )

    network = network_of(chain(inner))

    assert [p.name for p in network.populations] == ["a/n"]
    assert network.matrix.toarray()[0, :2].tolist() == [1.0, 0.5]
    assert network.outputs == (0,)


def test_parameters_may_be_given_once_for_all_neurons() -> None:
    """A neuron node with single values has as many neurons as what comes before it has outputs."""
    node = nir.IF(r=np.array([1.0]), v_threshold=np.array([1.0]))

    network = network_of(chain(nir.Linear(np.ones((3, 2))), node))

    assert network.neurons == 3


def test_a_threshold_node_has_no_memory() -> None:
    """It spikes when the input of this step alone exceeds it."""
    network = network_of(chain(nir.Linear(ONE), nir.Threshold(np.array([0.9]))))
    events = {"event_sample": np.zeros(3, int), "event_step": np.array([0, 1, 2]), "event_input": np.array([1, 1, 0])}

    assert simulate_real(network, events, steps=4, samples=1).tolist() == [[1]]


BAD: list[tuple[Any, str]] = [
    (
        lambda: chain(nir.Linear(ONE), nir.LI(*(np.ones(1),) * 3)),
        "the node 'b' is of the type LI, which is not supported",
    ),
    (lambda: chain(nir.Linear(ONE), lif(1, tau=-3.0)), "tau of the node 'b' is not positive"),
    (lambda: chain(nir.Linear(ONE * np.nan), lif(1)), "a weight or bias of the node 'a' (Linear) is not finite"),
    (lambda: chain(nir.Affine(ONE, np.array([np.inf])), lif(1)), "a weight or bias of the node 'a' (Affine)"),
    (lambda: chain(nir.Linear(ONE), lif(1), dt="fast"), "a time step of fast is not possible"),
    (lambda: chain(nir.Linear(ONE), lif(1), dt=np.ones(3)), "a time step of [1. 1. 1.] is not possible"),
    (lambda: chain(nir.Linear(ONE), lif(1), nir.Linear(np.full((1, 1), 2.0))), "the output 'output' shows sums of 'b'"),
    (lambda: chain(nir.Linear(np.ones((1, 5))), lif(1)), "the node 'a' (Linear) cannot be read: its weight"),
    (lambda: chain(nir.Linear(np.ones((3, 2))), lif(2)), "the node 'b' has 2 neurons and 3 inputs"),
    (lambda: chain(nir.Linear(ONE), lif(1, tau=0.5)), "a time constant of the node 'b' is shorter than the step of 1"),
    (lambda: chain(nir.Linear(ONE), lif(1, v_threshold=-1.0)), "a threshold of the node 'b' lies below"),
    (lambda: chain(nir.Linear(ONE), lif(1, r=np.nan)), "r of the node 'b' is not finite"),
    (lambda: chain(nir.Linear(ONE), nir.Scale(np.ones(1)), lif(1), edges=[("b", "b")]), "'b' feeds itself"),
    (lambda: chain(nir.Linear(ONE), lif(1), edges=[("a", "nowhere")]), "one of them is missing"),
    (lambda: chain(nir.Linear(ONE)), "the graph has no neurons"),
    (lambda: chain(nir.Linear(ONE), lif(1), dt=-1.0), "a time step of -1.0 is not possible"),
    (
        lambda: nir.NIRGraph(
            {"n": lif(1), "fc": nir.Linear(ONE)}, [("fc", "n")], type_check=False, metadata={"dt": 1.0}
        ),
        "nothing leads to the node 'fc'",
    ),
    (lambda: nir.NIRGraph({"n": lif(1)}, [], type_check=False, metadata={"dt": 1.0}), "no Output node"),
]


@pytest.mark.parametrize(("graph", "what"), BAD, ids=[what[:40] for _, what in BAD])
def test_what_is_not_supported_is_refused_by_name(graph: Any, what: str) -> None:
    """Each refusal names the node and its type, or the flaw."""
    with pytest.raises(UserError) as caught:
        network_of(graph())

    assert what in caught.value.message


def test_a_refusal_says_what_is_supported() -> None:
    """The next step of an unsupported node lists what is supported."""
    with pytest.raises(UserError) as caught:
        network_of(chain(nir.Linear(ONE), nir.I(np.ones(1))))

    next_step = caught.value.next_step or ""
    assert "the spiking one (IF) of the same equation" in next_step
    assert "IF, LIF, CubaLIF, Threshold, Delay, Linear, Affine, Conv1d, Conv2d" in next_step


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many nodes, neurons and synapses are refused with the figures."""
    monkeypatch.setattr(nir_graph, "MAX_NEURONS", 5)
    with pytest.raises(DoesNotFit, match="6 neurons, 5 are read at most"):
        network_of(dense_graph())
    monkeypatch.setattr(nir_graph, "MAX_NEURONS", 100)
    monkeypatch.setattr(nir_graph, "MAX_SYNAPSES", 7)
    with pytest.raises(DoesNotFit, match="7 are read at most"):
        network_of(dense_graph())
    monkeypatch.setattr(nir_opened, "MAX_NODES", 3)
    with pytest.raises(UserError, match="3 are read at most"):
        network_of(dense_graph())


def test_a_convolution_along_a_line_comes_from_a_file(tmp_path: Path) -> None:
    """A written and read Conv1d reaches each neuron from the input lines that its kernel covers."""
    nodes = {
        "in": nir.Input({"input": np.array([1, 4])}),
        "conv": nir.Conv1d(4, np.array([[[1.0, 2.0]]]), 2, 0, 1, 1, np.zeros(1)),
        "if": nir.IF(np.ones((1, 2)), np.ones((1, 2)) * 3),
        "out": nir.Output({"output": np.array([1, 2])}),
    }
    edges = [("in", "conv"), ("conv", "if"), ("if", "out")]
    nir.write(tmp_path / "line.nir", nir.NIRGraph(nodes, edges, metadata={"dt": 1.0}, type_check=False))
    lowered = lower(network_of(nir.read(tmp_path / "line.nir")))

    assert lowered.network.inputs == 4
    assert lowered.network.target.tolist() == [0, 0, 1, 1]
    assert (lowered.network.weight[1] / lowered.network.weight[0], lowered.network.n) == (2.0, 2)


def test_a_convolution_with_recurrence_runs_as_in_real_numbers() -> None:
    """A network of every kind of node spikes in integers as it does in real numbers, but for a few spikes."""
    rng = np.random.default_rng(2)
    shape = (3, 4, 4)
    cuba = {"tau_syn": 4.0, "tau_mem": 10.0, "r": 10.0, "v_leak": 0.0, "v_threshold": 0.5, "w_in": 4.0}
    nodes = {
        "in": nir.Input({"input": np.array([2, 8, 8])}),
        "conv": nir.Conv2d((8, 8), rng.normal(size=(3, 2, 3, 3)), (2, 2), (1, 1), (1, 1), 1, np.zeros(3)),
        "lif": nir.LIF(np.full(shape, 10.0), np.full(shape, 10.0), np.zeros(shape), np.ones(shape)),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([3, 2, 2])}, 0, -1),
        "fc": nir.Affine(rng.normal(size=(5, 12)), rng.normal(size=5) * 0.1),
        "back": nir.Linear(rng.normal(size=(5, 5))),
        "cuba": nir.CubaLIF(**{name: np.full(5, value) for name, value in cuba.items()}),
        "out": nir.Output({"output": np.array([5])}),
    }
    edges = [("in", "conv"), ("conv", "lif"), ("lif", "pool"), ("pool", "flat"), ("flat", "fc"), ("fc", "cuba"),
             ("cuba", "back"), ("back", "cuba"), ("cuba", "out")]  # fmt: skip
    real = network_of(nir.NIRGraph(nodes, edges, type_check=False), 1.0)
    lowered = lower(real)
    events = some_events(128, steps=60, share=0.05)

    right = simulate_real(real, events, steps=60, samples=2)
    found = simulate(lowered.network, events, steps=60, samples=2).counts

    assert right.sum() > 200
    assert right[:, :5].sum() > 5
    assert np.abs(found - right).sum() <= 0.02 * right.sum()


@pytest.mark.parametrize("value", [np.array([-2]), np.array([0]), np.array([2.5]), np.array([np.nan]), "abc"])
def test_the_shape_of_an_input_is_of_whole_numbers(value: Any) -> None:
    """A shape that no tensor has is refused with the node's name."""
    graph = chain(nir.Linear(ONE), lif(1))
    graph.nodes["input"].input_type = {"input": value}

    with pytest.raises(UserError, match=r"the shape .* of the node 'input' is not of whole numbers"):
        network_of(graph)


def test_a_step_that_is_too_long_names_who_gave_it_and_what_would_do() -> None:
    """The refusal says where the step came from and the longest that the graph allows."""
    with pytest.raises(UserError) as caught:
        network_of(chain(nir.Linear(ONE), lif(1, tau=1e-5), note="no step"))

    assert "neither the job nor the graph tells one): the shortest is 1e-05" in caught.value.message
    assert "--dt, in the graph's unit of time: at most 1e-05" in (caught.value.next_step or "")


def test_a_tensor_with_a_batch_is_refused_with_advice() -> None:
    """An exporter that wrote batch and time into a shape is told how to leave them out."""
    graph = chain(nir.Linear(ONE), lif(1))
    graph.nodes["input"].input_type = {"input": np.array([3, 50, 2])}

    with pytest.raises(UserError) as caught:
        network_of(graph)

    assert "ignore_dims" in (caught.value.next_step or "")
