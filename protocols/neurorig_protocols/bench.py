"""The bench profile: board, monitors, which rail feeds which component, boundary, reality.

A bench file (`bench.toml`) is exactly this record. Reading the file is the agent's business.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, Self

from pydantic import Field, model_validator

from neurorig_protocols.quantities import Reality
from neurorig_protocols.records import Name, Record

JsonScalar = str | int | float | bool


class Component(Record):
    """What energy is reported for."""

    name: Name
    description: str = ""


class Rail(Record):
    """A physical supply net.

    `role` "total" marks the one input rail that feeds all the others: it is never summed with them,
    the difference is the residual.
    """

    name: Name
    component: Name | None = None
    role: Literal["part", "total"] = "part"
    nominal_v: float | None = Field(default=None, gt=0, description="nominal voltage in volts")


class Channel(Record):
    """What a monitor samples: one rail, one quantity."""

    channel: int = Field(ge=1, description="channel number on the monitor")
    rail: Name
    quantity: Literal["power_w"] = "power_w"


class MonitorConfig(Record):
    """One power monitor of a bench."""

    id: Name
    driver: Name
    resource: str = Field(default="", description="VISA resource string or driver-specific address")
    expect_idn: str | None = Field(default=None, description="regular expression that *IDN? must match")
    channels: tuple[Channel, ...] = ()
    options: dict[str, JsonScalar] = Field(default_factory=dict)


class BoardConfig(Record):
    """The DUT's board and the driver that operates it."""

    driver: Name
    options: dict[str, JsonScalar] = Field(default_factory=dict)


class MarkerConfig(Record):
    """How phase edges reach the trace.

    "level": the line is high during a phase. "pulse": a falling edge begins and the next one ends a phase
    (MLPerf Tiny). "software": no line is wired, host timestamps only.
    """

    monitor: Name | None = None
    mode: Literal["level", "pulse", "software"] = "software"


class Omitted(Record):
    """A component that no channel sees, and why."""

    component: Name
    reason: str


class Boundary(Record):
    """Which components and rails are inside a number, which are left out. Data, not prose."""

    components: tuple[Name, ...]
    rails: tuple[Name, ...]
    omitted: tuple[Omitted, ...] = ()


class BenchProfile(Record):
    """One lab set-up owned by an agent."""

    name: Name
    reality: Reality
    description: str = ""
    location: str = ""
    board: BoardConfig
    components: tuple[Component, ...] = ()
    rails: tuple[Rail, ...] = ()
    monitors: tuple[MonitorConfig, ...] = ()
    marker: MarkerConfig = MarkerConfig()
    omitted: tuple[Omitted, ...] = ()
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        problems = [
            *_repeated("component", [c.name for c in self.components]),
            *_repeated("rail", [r.name for r in self.rails]),
            *_repeated("monitor", [m.id for m in self.monitors]),
            *self._unknown_components(),
            *self._channel_problems(),
            *self._marker_problems(),
        ]
        if sum(rail.role == "total" for rail in self.rails) > 1:
            problems.append("more than one rail has the role 'total'")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unknown_components(self) -> list[str]:
        known = {c.name for c in self.components}
        named = {(f"rail '{r.name}'", r.component) for r in self.rails if r.component is not None}
        named |= {("the omitted list", o.component) for o in self.omitted}
        return [f"{who} names the unknown component '{c}'" for who, c in sorted(named) if c not in known]

    def _channel_problems(self) -> list[str]:
        known = {r.name for r in self.rails}
        wired = [(m.id, c) for m in self.monitors for c in m.channels]
        unknown = [
            f"channel {c.channel} of monitor '{m}' names the unknown rail '{c.rail}'"
            for m, c in wired
            if c.rail not in known
        ]
        twice = _repeated("channel", [f"{m}:{c.channel}" for m, c in wired])
        same_rail = _repeated("measured rail", [c.rail for _, c in wired])
        return unknown + twice + same_rail

    def _marker_problems(self) -> list[str]:
        if self.marker.mode == "software":
            return []
        if self.marker.monitor not in {m.id for m in self.monitors}:
            return [f"the marker line is wired to the unknown monitor '{self.marker.monitor}'"]
        return []

    @property
    def measured_rails(self) -> tuple[str, ...]:
        """Rails that a channel samples, in the order of the bench file."""
        wired = {c.rail for m in self.monitors for c in m.channels}
        return tuple(r.name for r in self.rails if r.name in wired)

    @property
    def boundary(self) -> Boundary:
        """What a number of this bench includes and leaves out."""
        measured = set(self.measured_rails)
        inside = {r.component for r in self.rails if r.name in measured and r.component}
        stated = {o.component for o in self.omitted}
        silent = [
            Omitted(component=c.name, reason="no monitor channel on any of its rails")
            for c in self.components
            if c.name not in inside and c.name not in stated
        ]
        return Boundary(
            components=tuple(c.name for c in self.components if c.name in inside),
            rails=self.measured_rails,
            omitted=(*self.omitted, *silent),
        )


def _repeated(what: str, names: list[str]) -> list[str]:
    return [f"{what} '{name}' is mapped {n} times" for name, n in Counter(names).items() if n > 1]
