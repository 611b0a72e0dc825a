"""Reads a SANA-FE architecture file, says what it models, and cuts it down to the tiles that a network needs.

A whole Loihi takes gigabytes, because every core holds a thousand units for input lines. Cut down, input units stand
on the first tiles only and nowhere more of them than needed; tiles keep their places on the mesh.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from neurorig_drivers.boards.sanafe.worker.refusal import wrong_architecture

MAX_BYTES = 256 << 10
MAX_CORES = 1 << 16
_RANGE = re.compile(r"^([A-Za-z][\w.-]*)(?:\[(\d{1,6})\.\.(\d{1,6})\])?$")
_UNITS = ("axon_in", "synapse", "dendrite", "soma", "axon_out")
_TEXTS = ("model", "topology", "sync_model", "buffer_position")
_NEURONS = ("leaky_integrate_fire", "truenorth")
_NEEDED = {
    "synapse": ("energy_process_spike", "latency_process_spike"),
    "dendrite": ("energy_update", "latency_update"),
}
"""Without these SANA-FE ends in the middle of a run."""
_NO_INPUT_COST = ("energy_access_neuron", "latency_access_neuron", "energy_update_neuron", "latency_update_neuron")

Table = dict[str, Any]


@dataclass(frozen=True)
class Architecture:
    """A chip of equal tiles with equal cores."""

    name: str
    attributes: Table
    tile: Table
    core: Table
    tiles: int
    cores_per_tile: int
    height: int

    @property
    def neurons_per_core(self) -> int:
        """How many neurons, input lines included, one core takes."""
        return int(self.core["attributes"]["max_neurons_supported"])

    @property
    def soma(self) -> Table:
        """The unit that updates the neurons."""
        return next(unit for unit in self.core["soma"] if unit["attributes"].get("model") in _NEURONS)

    @property
    def input_unit(self) -> Table | None:
        """The unit of an input line, None where the file has none."""
        return next((unit for unit in self.core["soma"] if unit["attributes"].get("model") == "input"), None)

    @property
    def dendrite(self) -> str:
        """Name of the unit that sums a neuron's input."""
        return str(next(u for u in self.core["dendrite"] if u["attributes"].get("model") == "accumulator")["name"])

    def synapse(self, kind: str) -> str:
        """Name of the synapse unit whose name says `kind` ("dense", "sparse"), or of the first one."""
        names = [str(unit["name"]) for unit in self.core["synapse"]]
        return next((name for name in names if kind in name), names[0])

    def facts(self) -> Table:
        """Return what a mapper and a reader have to know."""
        parts = {part: _has_energy(self.core[part]) for part in ("synapse", "dendrite", "soma")}
        parts["network"] = _has_energy([self.tile, *self.core["axon_in"], *self.core["axon_out"]])
        return {
            "name": self.name,
            "tiles": self.tiles,
            "cores_per_tile": self.cores_per_tile,
            "neurons_per_core": self.neurons_per_core,
            "soma": self.soma["attributes"]["model"],
            "inputs_added": self.input_unit is None,
            "modelled": [part for part, modelled in parts.items() if modelled],
            "timed": self._timed(),
        }

    def _timed(self) -> bool:
        units = [self.tile, *(unit for part in _UNITS for unit in self.core[part])]
        sync = self.attributes.get("latency_sync", 0.0)
        return any(_positive(unit, "latency") for unit in units) or bool(sync)

    def cut(self, tiles: int, input_tiles: int, inputs_per_core: int) -> str:
        """Return the YAML of the first `tiles` tiles, the first `input_tiles` of them with units for input lines."""
        height = min(self.height, tiles)
        width = math.ceil(tiles / height)
        whole = min(width * height, self.tiles)
        attributes = {**self.attributes, "width": width, "height": height}
        kinds = [(input_tiles, inputs_per_core, "in"), (whole - input_tiles, 0, "to")]
        listed = [self._tile(*kind) for kind in kinds if kind[0]]
        body = {"architecture": {"name": self.name, "attributes": attributes, "tile": listed}}
        text: str = yaml.dump(body, Dumper=_Dumper, sort_keys=False)
        return text

    def _tile(self, count: int, inputs_per_core: int, suffix: str) -> Table:
        core = copy.deepcopy(self.core)
        core["name"] = f"{core['name']}[0..{self.cores_per_tile - 1}]"
        core["soma"] = [unit for unit in core["soma"] if unit["attributes"].get("model") in _NEURONS]
        if inputs_per_core:
            core["soma"].append(self._inputs(inputs_per_core))
        return {**self.tile, "name": f"{self.tile['name']}_{suffix}[0..{count - 1}]", "core": [core]}

    def _inputs(self, count: int) -> Table:
        costs: Table = dict.fromkeys((*_NO_INPUT_COST, "energy_spike_out", "latency_spike_out"), 0.0)
        given = self.input_unit["attributes"] if self.input_unit else {**costs, "model": "input"}
        return {"name": f"input[0..{count - 1}]", "attributes": given}


def read(text: str) -> Architecture:
    """Parse an architecture file; Refused says what is wrong or not supported."""
    if len(text.encode()) > MAX_BYTES:
        raise wrong_architecture(f"it is larger than {MAX_BYTES} bytes")
    try:
        body = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader without aliases
        found = body["architecture"]
        (tile,), (core,) = found["tile"], found["tile"][0]["core"]
        tile_name, tiles = _named(tile["name"])
        core_name, cores = _named(core["name"])
        parts = {part: [_unit(unit) for unit in core[part]] for part in _UNITS}
        chip = Architecture(
            name=_named(found["name"])[0],
            attributes=_attributes(found["attributes"]),
            tile={"name": tile_name, "attributes": _attributes(tile["attributes"])},
            core={"name": core_name, "attributes": _attributes(core["attributes"]), **parts},
            tiles=tiles,
            cores_per_tile=cores,
            height=int(found["attributes"]["height"]),
        )
        _check(chip)
    except (yaml.YAMLError, LookupError, TypeError, ValueError, StopIteration, RecursionError) as error:
        raise wrong_architecture(f"{type(error).__name__}: {error}") from error
    return chip


def _check(chip: Architecture) -> None:
    """Touch what later steps rely on, so that a flaw is found here."""
    if not 1 <= chip.tiles * chip.cores_per_tile <= MAX_CORES:
        raise ValueError(f"{chip.tiles * chip.cores_per_tile} cores are not between 1 and {MAX_CORES}")
    if not 1 <= chip.neurons_per_core <= 1 << 16 or not 1 <= chip.height <= chip.tiles:
        raise ValueError("'max_neurons_supported' or 'height' is out of range")
    if chip.attributes.get("topology", "mesh") != "mesh":
        raise ValueError(f"the topology '{chip.attributes['topology']}' is not a mesh")
    for part, names in _NEEDED.items():
        for unit in chip.core[part]:
            if lacking := [name for name in names if name not in unit["attributes"]]:
                raise ValueError(f"the unit '{unit['name']}' lacks {', '.join(lacking)}")
    _ = chip.soma, chip.dendrite, chip.synapse("dense")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml ships no types
    """Without aliases: a few hundred bytes of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted")
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # yaml ships no types
    """Without aliases, which SANA-FE's parser does not follow."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML asks so
        return True


def _named(name: object) -> tuple[str, int]:
    """Split "name[0..k]" into the name and how many it stands for."""
    match = _RANGE.match(str(name))
    if match is None or int(match[2] or 0) != 0:
        raise ValueError(f"'{name}' is not a name of the form name or name[0..last]")
    return match[1], int(match[3] or 0) + 1


def _unit(unit: Table) -> Table:
    return {"name": _named(unit["name"])[0], "attributes": _attributes(unit["attributes"])}


def _attributes(found: Table) -> Table:
    """Return the attributes if they are numbers or known words: a plug-in or a noise file names a path to open."""
    for name, value in found.items():
        numbers = value.values() if name == "latency_sync" and isinstance(value, dict) else [value]
        if name in _TEXTS:
            if not isinstance(value, str):
                raise ValueError(f"'{name}' is {value!r}")
        elif not all(isinstance(x, int | float) and math.isfinite(x) for x in numbers):
            raise ValueError(f"'{name}' is {value!r}; only numbers are accepted there")
    return dict(found)


def _has_energy(units: list[Table]) -> bool:
    return any(_positive(unit, "energy") for unit in units)


def _positive(unit: Table, what: str) -> bool:
    return any(value > 0 for value in _figures(unit["attributes"], what))


def _figures(attributes: Table, what: str) -> Iterator[float]:
    return (value for name, value in attributes.items() if name.startswith(f"{what}_"))
