"""Architecture files are read, cut down, and refused when they name what a chip description has no need of."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from sanafe_kit import chip

from neurorig_drivers.boards.sanafe.worker.architecture import MAX_BYTES, read
from neurorig_drivers.boards.sanafe.worker.refusal import Refused


def test_a_file_says_what_it_models() -> None:
    """Sizes, the neuron model, and which parts have energies."""
    found = read(yaml.safe_dump(chip()))

    assert found.facts() == {
        "name": "small",
        "tiles": 6,
        "cores_per_tile": 2,
        "neurons_per_core": 8,
        "soma": "leaky_integrate_fire",
        "inputs_added": True,
        "modelled": ["synapse", "soma", "network"],
        "timed": True,
    }
    assert found.synapse("dense") == found.synapse("sparse") == "some_sparse"


def test_a_chip_is_cut_down_to_the_tiles_in_use() -> None:
    """Tiles keep their column, input units stand on the first tiles only, and nothing refers to anything."""
    text = read(yaml.safe_dump(chip())).cut(3, 1, 4)

    found = yaml.safe_load(text)["architecture"]
    assert (found["attributes"]["width"], found["attributes"]["height"]) == (2, 2)
    assert [tile["name"] for tile in found["tile"]] == ["tile_in[0..0]", "tile_to[0..2]"]
    units = [[unit["name"] for unit in tile["core"][0]["soma"]] for tile in found["tile"]]
    assert units == [["lif", "input[0..3]"], ["lif"]]
    assert "&" not in text


def test_a_single_column_is_as_high_as_needed() -> None:
    """Fewer tiles than a column holds make one short column."""
    found = yaml.safe_load(read(yaml.safe_dump(chip())).cut(1, 0, 0))["architecture"]

    assert (found["attributes"]["width"], found["attributes"]["height"]) == (1, 1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"core__soma__0__attributes__plugin": "/x/evil.so"}, "'plugin' is '/x/evil.so'"),
    ({"core__soma__0__attributes__noise": "/etc/passwd"}, "'noise' is '/etc/passwd'"),
    ({"core__soma__0__attributes__model": "input"}, "StopIteration"),
    ({"core__soma__0__attributes__model": 3}, "'model' is 3"),
    ({"core__soma__0__name": "../x"}, "is not a name"),
    ({"core__dendrite": []}, "StopIteration"),
    ({"core__synapse__0__attributes": {"model": "current_based"}}, "'some_sparse' lacks energy_process_spike"),
    ({"core__name": "core[1..2]"}, "is not a name"),
    ({"core__attributes__max_neurons_supported": 0}, "out of range"),
    ({"core__attributes": {}}, "KeyError"),
    ({"tile__name": "tile[0..99999]"}, "200000 cores are not between 1 and 65536"),
    ({"tile__attributes__energy_north_hop": float("nan")}, "'energy_north_hop' is nan"),
    ({"chip__attributes__topology": "torus"}, "is not a mesh"),
    ({"chip__attributes__height": 9}, "out of range"),
    ({"chip__tile": []}, "IndexError"),
    ({"chip__attributes__latency_sync": {1: "x"}}, "'latency_sync' is"),
]


@pytest.mark.parametrize(("changes", "what"), BAD, ids=[next(iter(changes)) for changes, _ in BAD])
def test_what_is_not_usable_is_refused(changes: dict[str, Any], what: str) -> None:
    """Paths to open, irregular chips and numbers that are none are refused, with what a usable file has."""
    with pytest.raises(Refused) as caught:
        read(yaml.safe_dump(chip(**changes)))

    assert what in str(caught.value)
    assert caught.value.record["code"] == "invalid_config"
    assert "loihi.yaml" in str(caught.value.record["next_step"])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: &x [1]\nb: *x", "aliases are not accepted"),
        ("x" * (MAX_BYTES + 1), "larger than"),
        ("- 1\n- 2", "TypeError"),
        ("!!python/object/apply:os.system [ls]", "ConstructorError"),
        ("[" * 5000, "Error"),
    ],
)
def test_other_yaml_is_refused(text: str, what: str) -> None:
    """Aliases, large files, objects and nests of brackets do not get far."""
    with pytest.raises(Refused) as caught:
        read(text)

    assert what in str(caught.value)
