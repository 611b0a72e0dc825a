"""A NIR file is read in a process of its own: what it does to its reader the caller survives."""

from __future__ import annotations

from pathlib import Path

import nir
import numpy as np
import pytest
from nir_kit import dense_graph

from neurorig_drivers.snn import lowering_process
from neurorig_drivers.snn.lowering import lower
from neurorig_drivers.snn.lowering_process import lower_file
from neurorig_drivers.snn.nir_graph import network_of
from neurorig_protocols.errors import DriverTimeout, JobError, UserError


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A written graph."""
    nir.write(tmp_path / "g.nir", dense_graph())
    return tmp_path / "g.nir"


def test_it_gives_what_reading_here_gives(graph: Path) -> None:
    """The arrays and the report are those of the same code in this process."""
    right = lower(network_of(dense_graph()))

    found = lower_file(graph)

    assert {name: array.tolist() for name, array in found.arrays.items()} == {
        name: array.tolist() for name, array in right.network.to_arrays().items()
    }
    assert found.meta == {"inputs": 6, "populations": ["hidden", "out"], "quantisation": right.report}


def test_the_step_of_the_job_reaches_it(graph: Path) -> None:
    """A given step is used and told."""
    assert lower_file(graph, 0.5).meta["quantisation"]["dt"] == 0.5


def test_a_refusal_comes_back_as_it_is(tmp_path: Path) -> None:
    """A node that is not supported is the same UserError as here."""
    nodes = {
        "input": nir.Input({"input": np.array([1])}),
        "n": nir.I(np.ones(1)),
        "output": nir.Output({"output": np.array([1])}),
    }
    nir.write(tmp_path / "bad.nir", nir.NIRGraph(nodes, [("input", "n"), ("n", "output")]))

    with pytest.raises(UserError, match="the node 'n' is of the type I, which is not supported"):
        lower_file(tmp_path / "bad.nir")


def test_a_file_that_is_no_graph_is_a_user_error(graph: Path) -> None:
    """A damaged file is refused, not a crash."""
    graph.write_bytes(graph.read_bytes()[:-2000])

    with pytest.raises(UserError, match="the network"):
        lower_file(graph)


def test_too_much_time_is_an_error(graph: Path) -> None:
    """A reader that does not come to its end is ended."""
    with pytest.raises(DriverTimeout, match=r"longer than 0.01 s"):
        lower_file(graph, limit_s=0.01)


def test_a_reader_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that breaks its reader is the job's failure, with the reader's last line."""
    monkeypatch.setattr(lowering_process.sys, "executable", "/bin/false")

    with pytest.raises(JobError, match="broke its reader \\(exit status 1\\)"):
        lower_file(tmp_path / "any.nir")


def test_a_large_file_is_not_opened(tmp_path: Path) -> None:
    """The size is looked at first."""
    with (tmp_path / "large.nir").open("wb") as file:
        file.truncate(lowering_process.MAX_FILE_BYTES + 1)

    with pytest.raises(JobError, match="larger than"):
        lower_file(tmp_path / "large.nir")
