"""The virtual analyser as a process: its ports, its clients, what it survives and what it says when it cannot start."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scpi_kit import decode_block

from neurorig_drivers.process.link import LinkServer
from neurorig_lab.world import World
from neurorig_lab.world_server import handler_of
from neurorig_protocols.wire.hislip.messages import Decoder, Message, encode
from neurorig_protocols.wire.hislip.messages import MessageType as T

DEADLINE_S = 20.0
IDENTITY = b"neurorig,VPA-8,V000003,1.0-VIRTUAL\n"


@dataclass
class Running:
    """An analyser's process and what it announced."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def plain(self) -> socket.socket:
        """Connect to the raw socket."""
        return socket.create_connection(("127.0.0.1", self.ready["port"]), timeout=DEADLINE_S)

    def hislip(self) -> socket.socket:
        """Connect to the HiSLIP port."""
        return socket.create_connection(("127.0.0.1", self.ready["hislip_port"]), timeout=DEADLINE_S)


Start = Callable[..., Running]


@pytest.fixture
def world() -> World:
    """A stepped world with one rail at 10 mW."""
    world = World(["mcu"], mode="stepped", marker_mode="level")
    world.standing({"mcu": 0.01})
    return world


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """That world, served."""
    with LinkServer(handler_of(world)).serving() as address:
        yield address


def command(address: str, *options: str) -> list[str]:
    """The command line of an analyser."""
    return [sys.executable, "-m", "neurorig_lab.meter_process", "--world", address, "--seed", "3", *options]


@pytest.fixture
def start(address: str) -> Iterator[Start]:
    """Start analysers on that world; they are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def run(*options: str) -> Running:
            process = stack.enter_context(
                subprocess.Popen(command(address, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            return Running(process, json.loads(process.stdout.readline()))

        yield run


def ask(client: socket.socket, message: bytes) -> bytes:
    """Send a line and read one."""
    client.sendall(message + b"\n")
    return read_line(client)


def read_line(client: socket.socket) -> bytes:
    """Read up to a newline."""
    line = b""
    while not line.endswith(b"\n"):
        line += (piece := client.recv(1))
        assert piece, "the analyser hung up"
    return line


def read_all(client: socket.socket) -> bytes:
    """Read until the analyser hangs up."""
    data = b""
    while piece := client.recv(1 << 16):
        data += piece
    return data


def test_it_announces_itself_and_stops_when_told(start: Start) -> None:
    """One JSON line names both ports and the resources; SIGTERM ends it in order."""
    meter = start()
    with meter.plain() as client:
        assert ask(client, b"*IDN?") == IDENTITY
        meter.process.send_signal(signal.SIGTERM)
        assert meter.process.wait(DEADLINE_S) == 0

    assert meter.ready["ready"] is True
    assert meter.ready["resources"] == {
        "hislip": f"TCPIP::127.0.0.1::hislip0,{meter.ready['hislip_port']}::INSTR",
        "socket": f"TCPIP::127.0.0.1::{meter.ready['port']}::SOCKET",
    }
    assert meter.ready["idn"].encode() + b"\n" == IDENTITY


def test_all_rails_of_the_world_are_wired_unless_named(start: Start) -> None:
    """The supply is the last channel; --rails chooses and orders."""
    with start().plain() as everything, start("--rails", "supply").plain() as chosen:
        assert ask(everything, b"SENS:CHAN:NAME?") == b'"mcu","supply"\n'
        assert ask(chosen, b"SENS:CHAN:NAME?") == b'"supply"\n'


def test_it_measures_the_world(start: Start, world: World) -> None:
    """Samples taken in the world arrive as a block of floats over the raw socket."""
    with start().plain() as client:
        assert ask(client, b"SENS:POW:RANG 0.1;:SENS:SWE:TINT 1E-5;:INIT:ELOG;:TRIG:ELOG;*OPC?") == b"1\n"
        world.wait(1.0055e-3)
        client.sendall(b"FETC:ELOG? 1000\n")
        data = b""
        while len(data) < 5 + 100 * 4 * 4 + 1:
            data += client.recv(1 << 16)
    rows = np.frombuffer(decode_block(data)[0], ">f4").reshape(-1, 4)

    assert rows.shape == (100, 4)
    assert rows[:, :2].mean() == pytest.approx(0.01, rel=3e-3)
    assert not rows[:, 2:].any()


def test_garbage_does_not_kill_it(start: Start) -> None:
    """Bytes of every kind on both ports end at most their own connection."""
    meter = start()
    rng = np.random.default_rng(1)
    with meter.plain() as good, meter.plain() as noisy:
        for size in (1, 100, 70_000, 200_000):
            noisy.sendall(rng.bytes(size).replace(b"?", b"") + b"\n")
        assert ask(noisy, b"*CLS;*IDN?") == IDENTITY
        for data in (rng.bytes(300), b"GET / HTTP/1.1\r\n\r\n", encode(Message(T.DATA_END, 0, 0, b"*IDN?"))):
            with meter.hislip() as stranger:
                stranger.sendall(data)
                assert Decoder().receive(read_all(stranger))[0].kind == T.FATAL_ERROR
        assert ask(good, b"*IDN?") == IDENTITY


def test_a_message_that_is_too_long_is_an_error(start: Start) -> None:
    """The queue says -363 and the next message is done."""
    with start().plain() as client:
        client.sendall(b"x" * 100_000 + b"\n")
        assert ask(client, b"SYST:ERR?") == b'-363,"Input buffer overrun"\n'


def test_a_second_client_shares_the_instrument(start: Start) -> None:
    """Each gets its own answers; settings and the error queue are the instrument's."""
    with (meter := start()).plain() as one, meter.plain() as two:
        one.sendall(b"*IDN?;:SENS:POW")
        assert ask(two, b"SENS:POW:RANG 3;RANG? (@1)") == b"3.0\n"
        assert ask(one, b":RANG? (@1)") == IDENTITY.strip() + b";3.0\n"
        one.sendall(b"FOO\n")
        assert ask(one, b"*OPC?") == b"1\n"
        assert ask(two, b"SYST:ERR?") == b'-113,"Undefined header;FOO"\n'


def test_many_questions_before_the_first_answer_is_read(start: Start) -> None:
    """A client that sends without reading gets every answer, in order."""
    with start().plain() as client:
        client.sendall(b"".join(b"*ESE %d;*ESE?\n" % (n % 256) for n in range(5000)))
        assert [int(read_line(client)) for _ in range(5000)] == [n % 256 for n in range(5000)]


def test_a_client_that_hangs_up_in_the_middle_is_forgotten(start: Start, world: World) -> None:
    """Neither half a message nor an unread block disturbs the next client."""
    meter = start()
    with meter.plain() as client:
        ask(client, b"SENS:SWE:TINT 1E-6;:INIT:ELOG;:TRIG:ELOG;*OPC?")
        world.wait(0.2)
        client.sendall(b"FETC:ELOG? 200000\nSENS:POW:")
    with meter.plain() as client:
        assert ask(client, b"*IDN?") == IDENTITY


def test_a_port_in_use_is_named(start: Start, address: str) -> None:
    """A second analyser on the same port ends at once and says what to do."""
    port = str(start().ready["port"])
    late = subprocess.run(
        command(address, "--port", port), capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )

    assert late.returncode == 1
    assert f"port {port}" in late.stderr
    assert "in use" in late.stderr
    assert "pass 0" in late.stderr
    assert "Traceback" not in late.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rails", "gpu"), "no rail 'gpu'"),
        (("--fault", "explode"), "'explode' is no fault"),
        (("--host", "256.0.0.1"), "cannot listen on 256.0.0.1"),
    ],
)
def test_what_cannot_work_is_said_in_one_line(address: str, options: tuple[str, ...], message: str) -> None:
    """Wrong options end the program with a sentence, not a traceback."""
    late = subprocess.run(command(address, *options), capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    assert late.returncode != 0
    assert message in late.stderr
    assert "Traceback" not in late.stderr


def test_no_world_no_analyser() -> None:
    """Without a world the program says so."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    late = subprocess.run(command(f"127.0.0.1:{free}"), capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    assert late.returncode == 1
    assert "no world answers" in late.stderr


def test_it_ends_when_its_world_is_gone() -> None:
    """An analyser without a world has nothing to measure: it ends and says why."""
    serve_world = [sys.executable, "-m", "neurorig_lab.world_server", "--mode", "stepped"]
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(
            subprocess.Popen(
                [*serve_world, "--rails", "a", "--marker-mode", "level"], stdout=subprocess.PIPE, text=True
            )
        )
        stack.callback(world.kill)
        assert world.stdout is not None
        address = json.loads(world.stdout.readline())["address"]
        meter = stack.enter_context(
            subprocess.Popen(command(address), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        stack.callback(meter.kill)
        assert meter.stdout is not None
        assert meter.stderr is not None
        port = json.loads(meter.stdout.readline())["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as client:
            ask(client, b"INIT:ELOG;:TRIG:ELOG;*OPC?")
            world.kill()
            world.wait()
            client.sendall(b"FETC:ELOG? 1\n")
            assert meter.wait(DEADLINE_S) == 1
            assert "the world is gone" in meter.stderr.read()


# --- faults


def test_another_identity(start: Start) -> None:
    """The fault `idn` answers as another instrument."""
    with start("--fault", "idn:ACME,METER,1,2").plain() as client:
        assert ask(client, b"*IDN?") == b"ACME,METER,1,2\n"


def test_a_mute_analyser(start: Start) -> None:
    """The fault `mute` takes connections and answers nothing, but its HiSLIP channels open."""
    meter = start("--fault", "mute")
    with meter.plain() as client, meter.hislip() as stranger:
        client.sendall(b"*IDN?\n")
        stranger.sendall(encode(Message(T.INITIALIZE, 0, 0x01007878, b"hislip0")))
        assert Decoder().receive(stranger.recv(100))[0].kind == T.INITIALIZE_RESPONSE
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_a_dying_analyser(start: Start, world: World) -> None:
    """The fault `die` ends the process and its connections without an answer."""
    meter = start("--fault", "die:0.1")
    with meter.plain() as client:
        ask(client, b"INIT:ELOG;:TRIG:ELOG;*OPC?")
        world.wait(0.2)
        client.sendall(b"FETC:ELOG? 10\n")
        assert client.recv(1) == b""
    assert meter.process.wait(DEADLINE_S) == 70
