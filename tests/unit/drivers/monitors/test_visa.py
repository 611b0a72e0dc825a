"""A conversation over VISA gives right answers or clear failures, over HiSLIP and over a raw socket."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from neurorig_drivers.monitors.visa_session import VisaLink
from neurorig_lab.world import World
from neurorig_protocols.errors import MonitorLost, MonitorMismatch, MonitorUnavailable
from neurorig_protocols.wire.scpi.stream import encode_block

TRANSPORTS = ["hislip", "socket"]

# pyvisa-py forgets its sockets when a HiSLIP session cannot be opened; they are collected within the test.
LEAKY = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what a test leaves in cycles before the next one begins."""
    yield
    gc.collect()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(params=TRANSPORTS)
def link(request: pytest.FixtureRequest, start_meter: Callable[..., Any]) -> Iterator[VisaLink]:
    """A conversation with the virtual analyser, over each transport."""
    meter = start_meter()
    link = VisaLink("main", [meter.ready["resources"][request.param]], timeout_s=2.0)
    yield link
    link.close()


def test_text_goes_both_ways(link: VisaLink) -> None:
    """Answers come without their newline, the identity is known from the start."""
    assert link.identity == "neurorig,VPA-8,V000003,1.0-VIRTUAL"
    assert link.query("*ESE 5;*ESE?") == "5"
    assert link.query("SENS:CHAN:NAME?") == '"mcu","supply"'
    assert link.connected


def test_a_block_and_the_text_behind_it_arrive(link: VisaLink, world: World) -> None:
    """Floats come whole, the rest of the answer as text, and the next answer is the next question's."""
    link.query("SENS:POW:RANG 0.1;:SENS:SWE:TINT 1E-6;:INIT:ELOG;:TRIG:ELOG;*OPC?")
    world.wait(0.1)
    data, rest = link.query_block("FETC:ELOG? 90000;:SENS:ELOG:POS?")

    assert len(data) == 90_000 * 4 * 4
    assert rest == "90000"
    assert np.frombuffer(data, ">f4").reshape(-1, 4)[:, 0].mean() == pytest.approx(0.01, rel=1e-2)
    assert link.query_block("FETC:ELOG? 1;*OPC?")[1] == "1"


def test_newlines_in_a_block_do_not_slow_it(answering: Callable[..., Any]) -> None:
    """Megabytes of 0x0A over a raw socket arrive as fast as any other bytes."""
    block = encode_block(b"\n" * 4_000_000)
    with answering({b"*IDN?": b"A,B,C,D\n", b"BLOCK?": block + b";1\n"}) as resource:
        link = VisaLink("main", [resource], timeout_s=5.0)
        begin = time.monotonic()
        data, rest = link.query_block("BLOCK?")
        took_s = time.monotonic() - begin
        link.close()

    assert (data, rest) == (b"\n" * 4_000_000, "1")
    assert took_s < 3.0


def test_an_empty_block_is_a_block(link: VisaLink) -> None:
    """No samples waiting is an answer like any other."""
    link.query("INIT:ELOG;:TRIG:ELOG;*OPC?")

    assert link.query_block("FETC:ELOG? 10;:SENS:ELOG:POS?") == (b"", "0")


@LEAKY
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_late_answer_is_not_taken_for_the_next(start_meter: Callable[..., Any], world: World, transport: str) -> None:
    """After a time-out the conversation is brought into step, whatever still arrives; the lost block shows."""
    meter = start_meter("--fault", "late:1.0")
    link = VisaLink("main", [meter.ready["resources"][transport]], timeout_s=0.5)
    link.query("SENS:SWE:TINT 1E-4;:INIT:ELOG;:TRIG:ELOG;*OPC?")
    world.wait(0.0055)
    data, rest = link.query_block("FETC:ELOG? 20;:SENS:ELOG:POS?")
    assert (len(data), rest) == (20 * 4 * 4, "40")
    assert link.query("*ESE 7;*ESE?") == "7"
    link.close()


def test_an_unknown_command_is_a_mismatch(link: VisaLink) -> None:
    """The instrument's own error is in the message, and the conversation goes on."""
    with pytest.raises(MonitorMismatch, match="Undefined header") as raised:
        link.query("MEAS:WHATEVER?")

    assert raised.value.next_step
    assert link.query("*OPC?") == "1"


def test_a_refused_question_is_said_with_its_reason(link: VisaLink) -> None:
    """A question that the instrument cannot answer now fails with the text of its error queue."""
    with pytest.raises(MonitorLost, match="nothing has been acquired"):
        link.query_block("FETC:ELOG? 10")

    assert link.query("*OPC?") == "1"


@LEAKY
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_instrument_that_dies_is_lost(start_meter: Callable[..., Any], transport: str) -> None:
    """The failure names monitor and address, and says what to do."""
    meter = start_meter()
    link = VisaLink("main", [meter.ready["resources"][transport]], timeout_s=0.5)
    meter.end()
    with pytest.raises(MonitorLost) as raised:
        link.query("*OPC?")
    assert not link.connected
    with pytest.raises(MonitorLost):
        link.query("*OPC?")
    link.close()
    link.close()

    assert raised.value.where is not None
    assert "main" in raised.value.where
    assert "power and network" in (raised.value.next_step or "")


@LEAKY
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_instrument_that_comes_back_is_found_again(start_meter: Callable[..., Any], transport: str) -> None:
    """A restart on the same port is survived, when the same instrument answers."""
    meter = start_meter()
    ports = ("--port", str(meter.ready["port"]), "--hislip-port", str(meter.ready["hislip_port"]))
    link = VisaLink("main", [meter.ready["resources"][transport]], timeout_s=0.5)
    meter.end()
    start_meter(*ports)
    assert link.query("*OPC?") == "1"
    link.close()


@LEAKY
def test_another_instrument_at_the_same_address_is_a_mismatch(start_meter: Callable[..., Any]) -> None:
    """What answers after a reconnection must be what answered before."""
    meter = start_meter()
    link = VisaLink("main", [meter.ready["resources"]["hislip"]], timeout_s=0.5)
    meter.end()
    start_meter("--hislip-port", str(meter.ready["hislip_port"]), "--fault", "idn:ACME,X,1,2")
    with pytest.raises(MonitorMismatch, match=r"ACME,X,1,2.*where.*neurorig,VPA-8"):
        link.query("*OPC?")
    link.close()


def test_nobody_at_the_address_is_unavailable_at_once() -> None:
    """A refused connection is reported without waiting for a time-out, for each resource that was tried."""
    port = free_port()
    resources = [f"TCPIP::127.0.0.1::hislip0,{port}::INSTR", f"TCPIP::127.0.0.1::{port}::SOCKET"]
    begin = time.monotonic()
    with pytest.raises(MonitorUnavailable, match=r"hislip0.*SOCKET") as raised:
        VisaLink("main", resources)

    assert time.monotonic() - begin < 2.0
    assert "refused" in raised.value.message
    assert raised.value.next_step


def test_the_second_resource_is_tried(start_meter: Callable[..., Any]) -> None:
    """HiSLIP first, the raw socket where HiSLIP does not answer."""
    plain = start_meter().ready["resources"]["socket"]
    link = VisaLink("main", [f"TCPIP::127.0.0.1::hislip0,{free_port()}::INSTR", plain])
    link.close()

    assert link.resource == plain


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_instrument_that_never_answers_is_unavailable(start_meter: Callable[..., Any], transport: str) -> None:
    """It takes the connection and stays silent: that is what the message says."""
    meter = start_meter("--fault", "mute")
    with pytest.raises(MonitorUnavailable, match=r"does not answer \*IDN\?"):
        VisaLink("main", [meter.ready["resources"][transport]], timeout_s=0.3)


@LEAKY
def test_another_protocol_at_the_address_is_unavailable(answering: Callable[..., Any]) -> None:
    """HiSLIP to a port that speaks something else fails with a sentence."""
    with answering({}, banner=b"220 mail.example ESMTP ready\r\n") as resource:
        port = resource.split("::")[2]
        with pytest.raises(MonitorUnavailable, match="cannot be opened"):
            VisaLink("main", [f"TCPIP::127.0.0.1::hislip0,{port}::INSTR"])


@pytest.mark.parametrize("resource", ["", "nonsense", "TCPIP::127.0.0.1::99999::SOCKET", "GPIB::300::INSTR"])
def test_a_resource_that_is_none_is_unavailable(resource: str) -> None:
    """A wrong resource string is named."""
    with pytest.raises(MonitorUnavailable, match="no answer at"):
        VisaLink("main", [resource])


@pytest.mark.parametrize("answer", [b"1\n", b"#0abc\n", b"#9999999999", b"#3100abc\n", b"\n"])
def test_what_is_no_block_is_a_loss(answering: Callable[..., Any], answer: bytes) -> None:
    """Text, the indefinite form, absurd lengths and cut blocks fail in bounded time."""
    answers = {b"*IDN?": b"A,B,C,D\n", b"BLOCK?": answer, b"SYST:ERR?": b'0,"No error"\n'}
    with answering(answers) as resource:
        link = VisaLink("main", [resource], timeout_s=0.3)
        with pytest.raises(MonitorLost, match="BLOCK"):
            link.query_block("BLOCK?")
        link.close()


def test_the_module_imports_without_pyvisa() -> None:
    """Only opening a conversation needs the library, and its absence is said with the remedy."""
    program = (
        "import sys; sys.modules['pyvisa'] = None\n"
        "from neurorig_drivers.monitors.visa_session import VisaLink\n"
        "from neurorig_protocols.errors import DriverMissing\n"
        "try: VisaLink('main', ['X'])\n"
        "except DriverMissing as error: print(error.message, '|', error.next_step)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "pyvisa is not installed | pip install 'neurorig[agent]'"
