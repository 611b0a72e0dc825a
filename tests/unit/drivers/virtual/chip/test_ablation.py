"""What the placement is worth is measured on both sides with the same network and the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from neurorig_drivers.annealing.network import from_arrays
from neurorig_drivers.process.framing import Arrays
from neurorig_lab.chip.ablation import compare
from neurorig_lab.chip.mapping import place, round_robin
from neurorig_lab.lab_commands import lab

MakeMis = Callable[[int, float, int], Arrays]


def test_a_naive_placement_does_the_same_in_more_time(mis: MakeMis) -> None:
    """All go through the same states; core by core, the busiest core has more to do and a step takes longer."""
    found = compare(from_arrays(mis(1000, 0.01, 0)), steps=300)
    ours, naive = found["placed"], found["in_order"]

    assert found["same_states"] is True
    assert found["step_ratio"]["in_order"] == naive["step_s"] / ours["step_s"] > 2
    assert ours["busiest_core_synaptic_operations"] < naive["busiest_core_synaptic_operations"]
    assert ours["busiest_core_s"] < naive["busiest_core_s"] < naive["step_s"]
    assert ours["cores"] > naive["cores"]
    assert ours["busiest_link_messages"] > 0 == naive["hops"]


def test_dealing_out_in_turn_takes_the_same_cores(mis: MakeMis) -> None:
    """It differs from ours in nothing but who lives with whom, and comes close to it."""
    network = from_arrays(mis(250, 0.05, 0))
    ours = place(network)
    dealt = round_robin(network, ours)
    found = compare(network, steps=300)

    assert dealt is not None
    assert (dealt.mesh, dealt.leaf_core.tolist()) == (ours.mesh, ours.leaf_core.tolist())
    assert set(dealt.core.tolist()) == set(ours.core.tolist())
    assert np.ptp(np.bincount(dealt.core)) == 1
    assert found["round_robin"]["cores"] == found["placed"]["cores"] > found["in_order"]["cores"]
    assert 1 < found["step_ratio"]["round_robin"] < 1.1 < found["step_ratio"]["in_order"]


def test_where_dealing_out_in_turn_breaks_a_limit_it_is_absent() -> None:
    """Hubs that stand as far apart as there are cores all meet on one core, whose memory they exceed."""
    n, cores = 2540, 121
    hub = np.arange(20) * cores
    rows, cols = (part.ravel() for part in np.meshgrid(hub, np.setdiff1d(np.arange(n), hub)))
    arrays = {"diagonal": np.full(n, -1), "rows": np.minimum(rows, cols), "cols": np.maximum(rows, cols)}
    network = from_arrays({**arrays, "weights": np.full(len(rows), 4)})
    found = compare(network, steps=3)

    assert len(set(place(network).core.tolist())) == cores
    assert found["round_robin"] is found["step_ratio"]["round_robin"] is None


def test_where_nothing_naive_fits_nothing_is_compared() -> None:
    """The best connected neurons come first and lie together on one core, whose memory they exceed."""
    rows, cols = (part.ravel() for part in np.meshgrid(np.arange(20), np.arange(20, 2540)))
    arrays = {"diagonal": np.full(2540, -1), "rows": rows, "cols": cols, "weights": np.full(len(rows), 4)}
    found = compare(from_arrays(arrays), steps=3)

    assert found["placed"]["chips"] == 1
    assert found["in_order"] is found["step_ratio"]["in_order"] is None


def test_the_map_command_tells_it_to_people_and_programs(tmp_path: Path) -> None:
    """The same report as text with a picture, and as JSON; a file is read as a problem."""
    text = CliRunner().invoke(lab, ["map", "--n", "250", "--steps", "50"])
    file = tmp_path / "p.qubo"
    file.write_text("p qubo 0 2 2 1\n0 0 -1000\n1 1 -1\n0 1 600\n")
    told = CliRunner().invoke(lab, ["map", str(file), "--steps", "50", "--json"])

    assert text.exit_code == told.exit_code == 0, text.output + told.output
    assert "VIRTUAL" in text.output
    assert "expected step (s) " in text.output
    assert "core by core: takes" in text.output
    assert "in turn: takes" in text.output
    assert max(map(len, text.output.splitlines())) <= 80
    report = json.loads(told.output)
    assert report["quantisation"]["quantum"] > 1
    assert report["summary"]["mesh"]["grain"] == "core"


@pytest.mark.parametrize("arguments", [[], ["--n", "0"], ["--n", "5", "--chips", "513"], ["nowhere.qubo"]])
def test_senseless_requests_are_refused(arguments: list[str]) -> None:
    """One problem, on a board that can be."""
    assert CliRunner().invoke(lab, ["map", *arguments]).exit_code == 2


def test_what_does_not_fit_is_said_in_one_sentence() -> None:
    """The limit and by how much, and no traceback."""
    found = CliRunner().invoke(lab, ["map", "--n", "4500", "--density", "0.1"])

    assert found.exit_code == 1
    assert "virtual chip has 4,096" in found.output
