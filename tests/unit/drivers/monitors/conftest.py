"""A virtual analyser in a process of its own, on a world that the test moves."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from neurorig_drivers.process.link import LinkServer
from neurorig_lab.world import World
from neurorig_lab.world_server import handler_of
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
            command = [sys.executable, "-m", "neurorig_lab.meter_process", "--world", address, "--seed", "3"]
            process = stack.enter_context(subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            assert process.stdout is not None
            return Meter(process, json.loads(process.stdout.readline()))

        yield start


@contextlib.contextmanager
def answering_server(answers: dict[bytes, bytes], banner: bytes = b"") -> Iterator[str]:
    """Serve fixed answers to fixed lines, after a banner; yields a resource string."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                clients.append(client)
                threading.Thread(target=converse, args=(client,)).start()

        def converse(client: socket.socket) -> None:
            with client, client.makefile("rb") as lines:
                try:
                    client.sendall(banner)
                    for line in lines:
                        client.sendall(answers.get(line.strip(), b""))
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"TCPIP::127.0.0.1::{listener.getsockname()[1]}::SOCKET"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for client in clients:
                # The thread may close it at this instant.
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def answering() -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Something that listens and is no analyser: see `answering_server`."""
    return answering_server
