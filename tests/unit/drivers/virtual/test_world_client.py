"""A world in another process behaves like one here."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurorig_drivers.process.link import LinkServer, host_and_port
from neurorig_lab.world import NotYet, World
from neurorig_lab.world_client import WorldClient
from neurorig_lab.world_server import handler_of


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a stepped world of the rails a and b; yields the process and its address."""
    command = [sys.executable, "-m", "neurorig_lab.world_server", "--mode", "stepped"]
    command += ["--rails", "a,b", "--marker-mode", "level", "--truth", str(tmp_path / "truth"), "--bench", "w"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child, json.loads(child.stdout.readline())["address"]
        finally:
            child.terminate()


def test_a_world_in_another_process_answers_like_one_here(
    process: tuple[subprocess.Popen[str], str], read_truth: Callable[[str], list[dict[str, Any]]]
) -> None:
    """The same calls give the same samples, and the truth lies with the other process."""
    there, here = WorldClient(process[1]), World(["a", "b"], mode="stepped", marker_mode="level")
    for world in (there, here):
        world.session("s")
        world.standing({"a": 1.0})
        world.wait(1e-3)
        world.mark(1)
        assert world.play(np.array([1e-3, 2e-3]), np.array([[1.0, 2.0], [3.0, 4.0]])) == 1_000_000
        world.mark(0)
    edges = np.linspace(0, 4e6, 17)

    assert (there.rails, there.mode, there.marker_mode) == (("a", "b"), "stepped", "level")
    assert there.now_ns() == here.now_ns() == 4_000_000
    for remote, local in zip(there.sample(edges, ["supply"]), here.sample(edges, ["supply"]), strict=True):
        assert np.array_equal(remote, local)
    assert [line["session"] for line in read_truth("w")] == ["s"]
    there.close()


def test_failures_keep_their_class_over_the_wire(process: tuple[subprocess.Popen[str], str]) -> None:
    """What a world raises, its client raises, and the connection goes on."""
    world = WorldClient(process[1])
    with pytest.raises(NotYet):
        world.sample(np.array([0, 1e9]), ["a"])
    with pytest.raises(KeyError):
        world.standing({"c": 1.0})
    with pytest.raises(ValueError, match="cannot wait"):
        world.wait(-1)
    assert world.now_ns() == 0
    world.close()


def test_a_dead_world_is_a_connection_error(process: tuple[subprocess.Popen[str], str]) -> None:
    """After the world has been killed its client says so and does not hang."""
    child, address = process
    world = WorldClient(address)
    child.kill()
    child.wait()
    with pytest.raises(ConnectionError):
        world.now_ns()
    world.close()


def test_the_world_ends_cleanly_on_sigterm(process: tuple[subprocess.Popen[str], str]) -> None:
    """A terminated world leaves with 0."""
    process[0].terminate()
    assert process[0].wait(20) == 0


def hung_up(peer: socket.socket) -> bool:
    """Send no more and say whether the other side ends the connection; with bytes left unread it resets it."""
    try:
        peer.shutdown(socket.SHUT_WR)
        return peer.recv(1) == b""
    except ConnectionResetError:
        return True
    except OSError as error:
        return error.errno == errno.ENOTCONN


@pytest.mark.parametrize("junk", [b"\xff" * 64, b"\0\0\0\x02{]", b"\0\0\0\x05"])
def test_junk_from_one_peer_does_not_disturb_the_others(junk: bytes) -> None:
    """A peer that sends no frame, or half of one, loses its connection only."""
    world = World(["a"], mode="stepped", marker_mode="level")
    with LinkServer(handler_of(world)).serving() as address:
        client = WorldClient(address)
        with socket.create_connection(host_and_port(address), timeout=10) as peer:
            peer.sendall(junk)
            assert hung_up(peer)
        assert client.now_ns() == 0
        client.close()


def test_a_unix_socket_serves_as_well(tmp_path: Path) -> None:
    """An address unix:PATH works and leaves no file behind."""
    path = tmp_path / "world.sock"
    with LinkServer(handler_of(World(["a"], mode="stepped", marker_mode="level")), f"unix:{path}").serving() as address:
        client = WorldClient(address)
        client.wait(1e-3)
        assert client.now_ns() == 1_000_000
        client.close()
    assert not path.exists()
