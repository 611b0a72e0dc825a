"""The virtual benches as bench profiles, and a profile as the TOML of a bench file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from neurorig_drivers.boards.sanafe.engine import PARTS
from neurorig_lab.chip import constants
from neurorig_lab.world import SUPPLY
from neurorig_protocols.bench import (
    BenchProfile,
    BoardConfig,
    Channel,
    Component,
    MarkerConfig,
    MonitorConfig,
    Omitted,
    Rail,
)


def write_bench(profile: BenchProfile, path: Path) -> None:
    """Write a bench file in one move, so that a reader never sees half of it."""
    draft = path.with_suffix(".part")
    draft.write_text(to_toml(profile), encoding="utf-8")
    draft.replace(path)


def to_toml(profile: BenchProfile) -> str:
    """Return the text of a bench file; what has its default value is left out."""
    table = profile.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return "\n".join(_lines(table, "")).strip() + "\n"


def _lines(table: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield a table's own values first: what follows a header in TOML belongs to that header."""
    for key, value in table.items():
        if not isinstance(value, Mapping) and not _is_tables(value):
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in table.items():
        where = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from ("", f"[{where}]", *_lines(value, where))
        elif _is_tables(value):
            for item in value:
                yield from ("", f"[[{where}]]", *_lines(item, where))


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


Kind = Literal["virtual-loihi", "virtual-serial", "sanafe"]

MCU_RAILS = ("mcu",)
RAILS: dict[Kind, tuple[str, ...]] = {
    "virtual-loihi": constants.RAILS,
    "virtual-serial": MCU_RAILS,
    "sanafe": PARTS,
}
METER = "analyser"


def loihi_bench(name: str, meter: dict[str, Any], chip_address: str) -> BenchProfile:
    """Return the bench of the virtual chip; `meter` is what the analyser said when it was ready."""
    components = {rail: rail for rail in constants.RAILS} | {"management": "management-cpu"}
    return BenchProfile(
        name=name,
        reality="virtual",
        description="A VIRTUAL Loihi-1-type chip on a VIRTUAL power analyser: time and energy are modelled.",
        board=BoardConfig(driver="virtual-loihi", options={"address": chip_address}),
        components=(
            Component(name="neurocores", description="soma access, update and spike generation"),
            Component(name="memory", description="synapses: reading their memory and accumulating"),
            Component(name="io", description="messages out of the cores and their hops on the mesh"),
            Component(name="management-cpu", description="embedded x86 cores, at their mean power"),
            Component(name="static", description="leakage of the whole chip"),
            Component(name="host-link", description="bringing the problem in and the answer out"),
        ),
        rails=(*(Rail(name=r, component=c) for r, c in components.items()), Rail(name=SUPPLY, role="total")),
        monitors=(_analyser(meter, constants.RAILS),),
        marker=MarkerConfig(monitor=METER, mode="level"),
        omitted=(Omitted(component="host-link", reason=constants.UNKNOWN["host_link_energy"]),),
        tags=("virtual",),
    )


def serial_bench(name: str, meter: dict[str, Any], port: str, baud: int) -> BenchProfile:
    """Return the bench of the virtual microcontroller board on a pseudo-terminal."""
    return BenchProfile(
        name=name,
        reality="virtual",
        description="A VIRTUAL microcontroller with MLPerf Tiny firmware on a VIRTUAL power analyser.",
        board=BoardConfig(driver="mlperf-serial", options={"port": port, "baud": baud, "chunk_bytes": 38}),
        components=(Component(name="mcu", description="the microcontroller, as published for its whole board"),),
        rails=(Rail(name="mcu", component="mcu"), Rail(name=SUPPLY, role="total")),
        monitors=(_analyser(meter, MCU_RAILS),),
        marker=MarkerConfig(monitor=METER, mode="pulse"),
        tags=("virtual",),
    )


def sanafe_bench(name: str, meter: dict[str, Any], address: str, facts: dict[str, Any]) -> BenchProfile:
    """Return the bench of a chip that SANA-FE simulates; `facts` say for which parts the chip's file gives energies."""
    silent = [part for part in PARTS if part not in facts["modelled"]]
    absent = dict.fromkeys(silent, "the architecture file gives no energy for it")
    absent["static"] = "the architecture file gives no static power"
    analyser = _analyser(meter, PARTS)
    wired = tuple(channel for channel in analyser.channels if channel.rail not in silent)
    return BenchProfile(
        name=name,
        reality="virtual",
        description=f"A VIRTUAL chip, '{facts['name']}' simulated by SANA-FE, on a VIRTUAL power analyser.",
        board=BoardConfig(driver="sanafe", options={"address": address}),
        components=(
            Component(name="synapse", description="synapses: reading weights and accumulating"),
            Component(name="dendrite", description="summing the input of neurons"),
            Component(name="soma", description="access and update of neurons, and their spikes"),
            Component(name="network", description="messages out of and into cores and their hops on the mesh"),
            Component(name="static", description="leakage of the whole chip"),
        ),
        rails=(
            *(Rail(name=part, component=part) for part in PARTS if part not in silent),
            Rail(name=SUPPLY, role="total"),
        ),
        monitors=(analyser.model_copy(update={"channels": wired}),),
        marker=MarkerConfig(monitor=METER, mode="level"),
        omitted=tuple(Omitted(component=part, reason=reason) for part, reason in absent.items()),
        tags=("virtual",),
    )


def _analyser(meter: dict[str, Any], rails: tuple[str, ...]) -> MonitorConfig:
    """Return the analyser's part: channels 1, 2 ... on the rails in order and the last one on the supply."""
    return MonitorConfig(
        id=METER,
        driver="scpi-analyser",
        resource=meter["resources"]["hislip"],
        expect_idn="^neurorig,VPA-8,[^,]*,.*VIRTUAL",
        channels=tuple(Channel(channel=i, rail=rail) for i, rail in enumerate((*rails, SUPPLY), 1)),
        options={"fallback": meter["resources"]["socket"]},
    )
