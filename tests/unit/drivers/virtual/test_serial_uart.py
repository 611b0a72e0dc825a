"""The virtual UART is as slow as a wire and garbles what is sent at another rate."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from neurorig_lab.uart import BAUD_RATES, BITS_PER_CHARACTER, Uart, as_received


@contextlib.contextmanager
def plugged(baud: int, client_baud: int | None = None) -> Iterator[tuple[Uart, serial.Serial]]:
    """Yield a virtual UART and a real serial client on its port."""
    uart = Uart(baud)
    try:
        with serial.Serial(uart.port, client_baud or baud, timeout=5) as client:
            yield uart, client
    finally:
        uart.stop()
        uart.close()


@given(st.binary(max_size=50), st.sampled_from(BAUD_RATES), st.floats(-0.03, 0.03))
def test_rates_that_nearly_agree_transmit_faithfully(data: bytes, baud: int, error: float) -> None:
    """A difference of 3 %, which real oscillators have, changes no character."""
    assert as_received(data, baud, round(baud * (1 + error))) == data


@pytest.mark.parametrize(
    ("data", "ratio", "received"),
    [
        # Worked out by hand. U is 0 10101010 1 on the line; a zero is low for nine bits, 0xff for one.
        (b"U", 2.0, b"\x00\xe6"),
        (b"U", 0.5, b""),
        (b"\x00", 0.5, b"\xf8"),
        (b"\x00", 0.1, b"\xff"),
        (b"\xff", 0.1, b""),
    ],
)
def test_garbage_is_what_the_bits_give(data: bytes, ratio: float, received: bytes) -> None:
    """A receiver at another rate sees the levels that are on the line when it looks."""
    assert as_received(data, 1000, round(1000 * ratio)) == received


@given(st.binary(max_size=60), st.sampled_from(BAUD_RATES), st.sampled_from(BAUD_RATES))
def test_no_more_characters_arrive_than_the_line_had_time_for(data: bytes, sender: int, receiver: int) -> None:
    """Garbage takes a character's time as well, so there is a bound to it."""
    seconds = len(data) * BITS_PER_CHARACTER / sender
    assert len(as_received(data, sender, receiver)) <= seconds * receiver / (BITS_PER_CHARACTER - 1) + 1


def test_characters_arrive_no_faster_than_the_baud_rate() -> None:
    """A client's 480 characters at 19200 baud take a quarter of a second, and all of them arrive."""
    with plugged(19200) as (uart, client):
        begin = time.monotonic()
        client.write(b"x" * 480)
        received = b""
        while len(received) < 480:
            received += uart.read()
        assert 0.25 <= time.monotonic() - begin < 10
        assert received == b"x" * 480


def test_characters_leave_no_faster_than_the_baud_rate() -> None:
    """The device's 480 characters take their time too, and the first of them are there long before the last."""
    with plugged(19200) as (uart, client):
        begin = time.monotonic()
        writing = threading.Thread(target=uart.write, args=(b"y" * 480,))
        writing.start()
        assert client.read(64) == b"y" * 64
        first_s = time.monotonic() - begin
        assert client.read(416) == b"y" * 416
        writing.join()
        assert first_s < 0.2
        assert 0.25 <= time.monotonic() - begin < 10


def test_a_client_at_another_rate_gets_and_sends_garbage() -> None:
    """Both directions are sampled at the wrong times; nothing of the text is left."""
    with plugged(115200, 57600) as (uart, client):
        garbage = as_received(b"m-ready\r\n" * 4, 115200, 57600)
        uart.write(b"m-ready\r\n" * 4)
        assert client.read(len(garbage)) == garbage
        assert b"ready" not in garbage
        client.write(b"name%" * 8)
        assert uart.read() == as_received(b"name%" * 8, 57600, 115200)


def test_a_client_that_sets_its_rate_late_is_understood_from_then_on() -> None:
    """The rate counts when characters are sent, not when the port was opened."""
    with plugged(115200, 9600) as (uart, client):
        client.baudrate = 115200
        client.write(b"name%")
        assert uart.read() == b"name%"


def test_what_nobody_reads_is_lost_and_stops_nothing() -> None:
    """A device that talks to nobody goes on, as on a wire without flow control."""
    uart = Uart(max(BAUD_RATES))
    uart.write(b"z" * 100_000)
    uart.stop()
    uart.close()


def test_stop_ends_a_read_and_a_write() -> None:
    """Switching off needs no client and no patience."""
    uart = Uart(min(BAUD_RATES))
    ended: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: ended.append(uart.read())),
        threading.Thread(target=uart.write, args=(b"slow" * 1000,)),
    ]
    for thread in threads:
        thread.start()
    uart.stop()
    uart.stop()
    for thread in threads:
        thread.join(5)
    uart.close()
    assert ended == [b""]


def test_a_closed_uart_is_a_port_that_vanished() -> None:
    """The client's next read fails as it does when a cable is pulled."""
    uart = Uart(115200)
    client = os.open(uart.port, os.O_RDWR | os.O_NOCTTY)
    uart.stop()
    uart.close()
    with contextlib.closing(os.fdopen(client, "rb", buffering=0)) as port:
        try:
            left = port.read(1)
        except OSError:
            left = b""
    assert left == b""


def test_a_rate_that_no_terminal_knows_is_refused() -> None:
    """A board cannot be given a rate that its clients could not set."""
    with pytest.raises(ValueError, match="12345"):
        Uart(12345)
