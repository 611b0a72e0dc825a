"""Framed calls over sockets: answers, refusals, and peers that vanish."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Answer, Gone, Link, LinkServer, Message, RemoteFailure, host_and_port


def echo(message: Message, arrays: Arrays, _gone: Gone) -> Answer:
    """Answer with what was asked; refuse what asks for it."""
    if "refuse" in message:
        raise KeyError(message["refuse"])
    return message, arrays


def test_calls_from_many_threads_get_their_own_answers() -> None:
    """One link serves several threads, one call after the other."""
    with LinkServer(echo).serving() as address:
        link = Link(address)
        found: dict[int, int] = {}

        def ask(number: int) -> None:
            for _ in range(50):
                answer, arrays = link.call({"number": number}, {"x": np.full(number + 1, number)})
                assert answer["number"] == arrays["x"][0] == number
                assert len(arrays["x"]) == number + 1
            found[number] = 50

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        link.close()

    assert found == dict.fromkeys(range(4), 50)


def test_a_refusal_tells_its_kind_and_the_link_goes_on() -> None:
    """An exception of the handler reaches the caller as a RemoteFailure."""
    with LinkServer(echo).serving() as address:
        link = Link(address)
        with pytest.raises(RemoteFailure, match="this") as caught:
            link.call({"refuse": "this"})
        assert caught.value.kind == "KeyError"
        assert link.call({"a": 1})[0] == {"a": 1}
        link.close()


def test_closing_a_link_wakes_the_call_that_waits_and_tells_the_peer() -> None:
    """A caller can leave in the middle of a call; the handler sees that it is alone."""
    entered, left = threading.Event(), threading.Event()

    def work_until_alone(_message: Message, _arrays: Arrays, gone: Gone) -> Answer:
        entered.set()
        while not gone():
            left.wait(0.005)
        left.set()
        return {}, {}

    with LinkServer(work_until_alone).serving() as address:
        link = Link(address)
        failures: list[Exception] = []

        def call() -> None:
            try:
                link.call({})
            except ConnectionError as error:
                failures.append(error)

        caller = threading.Thread(target=call)
        caller.start()
        assert entered.wait(10)
        link.close()
        caller.join(10)

        assert left.wait(10)
        assert len(failures) == 1


def test_a_closed_link_refuses_calls() -> None:
    """After closing, or after a failed call, every call is a ConnectionError."""
    with LinkServer(echo).serving() as address:
        link = Link(address)
        link.close()
        link.close()
        with pytest.raises(ConnectionError):
            link.call({})


@pytest.mark.parametrize("address", ["", "host", "host:", ":1", "host:port", "host:70000", "host:-1"])
def test_addresses_that_are_none_are_refused(address: str) -> None:
    """An address is HOST:PORT."""
    with pytest.raises(ValueError, match="not an address"):
        host_and_port(address)


def test_nobody_at_an_address_is_an_os_error() -> None:
    """Connecting to a port that nobody serves fails at once."""
    with LinkServer(echo).serving() as address:
        pass
    with pytest.raises(OSError, match="refused"):
        Link(address, connect_s=5)


def test_a_port_in_use_is_an_os_error() -> None:
    """A second server at the same port says so."""
    with LinkServer(echo).serving() as address, pytest.raises(OSError, match="in use"):
        LinkServer(echo, address)
