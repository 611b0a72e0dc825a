"""A virtual analyser in a process of its own, on a world that the test moves."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from neurorig_drivers.link import LinkServer
from neurorig_drivers.virtual.world import World
from neurorig_drivers.virtual.world_server import handler_of
from neurorig_protocols.bench import Channel, MonitorConfig


@dataclass
class Meter:
    """A running analyser."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def config(self, transport: str = "hislip", **changes: Any) -> MonitorConfig:
        """A bench file's entry for it: the rails mcu and supply on channels 1 and 2."""
        fields: dict[str, Any] = {
            "id": "main",
            "driver": "scpi-analyser",
            "resource": self.ready["resources"][transport],
            "channels": (Channel(channel=1, rail="mcu"), Channel(channel=2, rail="supply")),
            "options": {"timeout_s": 2.0},
        }
        return MonitorConfig(**(fields | changes))

    def end(self) -> None:
        """Pull the plug."""
        self.process.kill()
        self.process.wait()


StartMeter = Callable[..., Meter]


@pytest.fixture
def world() -> World:
    """A stepped world with one rail at 10 mW."""
    world = World(["mcu"], mode="stepped", marker_mode="level")
    world.standing({"mcu": 0.01})
    return world


@pytest.fixture
def start_meter(world: World) -> Iterator[StartMeter]:
    """Start analysers on that world; they are stopped at the end."""
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(LinkServer(handler_of(world)).serving())

        def start(*options: str) -> Meter:
            command = [sys.executable, "-m", "neurorig_drivers.virtual.meter", "--world", address, "--seed", "3"]
            process = stack.enter_context(subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            assert process.stdout is not None
            return Meter(process, json.loads(process.stdout.readline()))

        yield start
