"""The virtual power analyser as a process of its own: SCPI over a raw socket and over HiSLIP, sampling a world."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import cast

import click

from neurorig_lab import meter_spec as spec
from neurorig_lab.device_process import announce
from neurorig_lab.meter_frontend import Died, Faults, parse_faults
from neurorig_lab.meter_instrument import Instrument
from neurorig_lab.world import SUPPLY
from neurorig_lab.world_client import WorldClient
from neurorig_protocols.wire.hislip.server import HislipServer
from neurorig_protocols.wire.hislip.session import (
    Cleared,
    Close,
    Event,
    Interrupted,
    LockWaits,
    Program,
    Send,
    StatusAsked,
)
from neurorig_protocols.wire.scpi.status import ScpiError
from neurorig_protocols.wire.scpi.stream import MessageReader

_DEATH_STATUS = 70


class MeterServer:
    """Serves one instrument until `stop` is called or its world is gone."""

    def __init__(self, instrument: Instrument, faults: Faults) -> None:
        self._instrument = instrument
        self._late_s = faults.late_s
        self._mute = faults.mute
        self._end: asyncio.Future[None] | None = None
        self.transports: set[asyncio.Transport] = set()

    async def serve(self, host: str, port: int, hislip_port: int, ready: Callable[[int, int], None]) -> None:
        """Listen on both ports (0: any free one), say which by `ready(port, hislip_port)`, answer until stopped.

        Raises OSError when a port cannot be had, ConnectionError when the world is gone.
        """
        loop = asyncio.get_running_loop()
        self._end = loop.create_future()
        hub = _HislipHub(self)
        plain = await loop.create_server(lambda: _SocketPeer(self), host, port)
        try:
            hislip = await loop.create_server(lambda: _HislipPeer(hub, self), host, hislip_port)
            try:
                ready(plain.sockets[0].getsockname()[1], hislip.sockets[0].getsockname()[1])
                await self._end
            finally:
                hislip.close()
        finally:
            plain.close()
            for transport in list(self.transports):
                transport.abort()

    def stop(self) -> None:
        """End `serve`."""
        if self._end is not None and not self._end.done():
            self._end.set_result(None)

    def answer(self, message: bytes | None) -> bytes:
        """Let the instrument do a program message; None stands for one that was too long."""
        if self._mute:
            return b""
        if message is None:
            self.report(-363)
            return b""
        try:
            response = self._instrument.execute(message)
        except Died:
            os._exit(_DEATH_STATUS)
        except ConnectionError as error:
            if self._end is not None and not self._end.done():
                self._end.set_exception(error)
            return b""
        if self._late_s and response.startswith(b"#"):
            # Asleep, not merely late: the whole instrument is busy, status queries and other clients included.
            time.sleep(self._late_s)
            self._late_s = 0.0
        return response

    def report(self, number: int) -> None:
        """Put an error into the instrument's queue."""
        self._instrument.status.report(ScpiError(number))

    def status_byte(self, *, message_available: bool) -> int:
        """Return the instrument's status byte for a session."""
        return self._instrument.status.byte(message_available=message_available)


class _Peer(asyncio.Protocol):
    """A connection that is read no further while what was written to it has not been taken."""

    transport: asyncio.Transport

    def __init__(self, server: MeterServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream server makes nothing else.
        self.transport = cast(asyncio.Transport, transport)
        self._server.transports.add(self.transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._server.transports.discard(self.transport)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class _SocketPeer(_Peer):
    """One client of the raw socket."""

    def __init__(self, server: MeterServer) -> None:
        super().__init__(server)
        self._reader = MessageReader()

    def data_received(self, data: bytes) -> None:
        for message in self._reader.receive(data):
            self.transport.write(self._server.answer(message))


class _HislipHub:
    """Carries out the events of the HiSLIP server; sessions span connections, so there is one for all of them."""

    def __init__(self, server: MeterServer) -> None:
        self.protocol = HislipServer()
        self.transports: dict[int, asyncio.Transport] = {}
        self._server = server

    def do(self, events: Iterable[Event]) -> None:
        """Carry out events, and those that they lead to, in order."""
        for event in events:
            match event:
                case Send() | Close():
                    self._move(event)
                case Program(session, message_id, message):
                    self.do(self.protocol.respond(session, message_id, self._server.answer(message)))
                case StatusAsked(session, message_available):
                    byte = self._server.status_byte(message_available=message_available)
                    self.do(self.protocol.status(session, byte))
                case Interrupted():
                    self._server.report(-410)
                case LockWaits(session, timeout_s):
                    asyncio.get_running_loop().call_later(timeout_s, self._give_up_lock, session)
                case Cleared():
                    # The instrument finishes each message before the next is read: nothing is under way.
                    pass

    def _move(self, event: Send | Close) -> None:
        if (transport := self.transports.get(event.connection)) is None:
            return
        if isinstance(event, Send):
            transport.write(event.data)
        else:
            transport.close()

    def _give_up_lock(self, session: int) -> None:
        self.do(self.protocol.lock_expired(session))


class _HislipPeer(_Peer):
    """One connection of a HiSLIP client: half a session."""

    def __init__(self, hub: _HislipHub, server: MeterServer) -> None:
        super().__init__(server)
        self._hub = hub
        self._connection = hub.protocol.opened()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._hub.transports[self._connection] = self.transport

    def data_received(self, data: bytes) -> None:
        self._hub.do(self._hub.protocol.receive(self._connection, data))

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._hub.transports.pop(self._connection, None)
        self._hub.do(self._hub.protocol.closed(self._connection))


def visa_resources(host: str, port: int, hislip_port: int) -> dict[str, str]:
    """Return the VISA resource strings under which the analyser answers, by transport."""
    return {
        "hislip": f"TCPIP::{host}::hislip0,{hislip_port}::INSTR",
        "socket": f"TCPIP::{host}::{port}::SOCKET",
    }


def _faults(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> Faults:
    try:
        return parse_faults(texts)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option("--world", "address", required=True, help="Address of the world: HOST:PORT or unix:PATH.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@click.option("--port", default=0, show_default=True, help="Port of the raw socket; 0 takes any free one.")
@click.option("--hislip-port", default=0, show_default=True, help="Port of HiSLIP; 0 takes any free one.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws the errors.")
@click.option("--rails", help="Rails of channels 1, 2 ..., separated by commas; all of them if not given.")
@click.option("--fifo-s", default=spec.FIFO_S, show_default=True, type=click.FloatRange(min=0.001))
@click.option("--fault", "faults", multiple=True, callback=_faults, help="A fault to show, see faults.py.")
def main(
    *,
    address: str,
    host: str,
    port: int,
    hislip_port: int,
    seed: int,
    rails: str | None,
    fifo_s: float,
    faults: Faults,
) -> None:
    """Run the virtual power analyser until it is told to stop."""
    world = _connect(address)
    wired = rails.split(",") if rails else (*world.rails, SUPPLY)
    if unknown := set(wired) - {*world.rails, SUPPLY}:
        raise click.ClickException(f"the world has no rail '{min(unknown)}', it has {', '.join(world.rails)}")
    try:
        instrument = Instrument(world, wired, seed=seed, faults=faults, fifo_s=fifo_s)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    try:
        asyncio.run(_serve(MeterServer(instrument, faults), instrument, host, port, hislip_port))
    except ConnectionError as error:
        raise click.ClickException(f"the world is gone: {error}") from error
    except OSError as error:
        raise click.ClickException(_listening_failed(error, host, port, hislip_port)) from error
    finally:
        world.close()


def _connect(address: str) -> WorldClient:
    try:
        return WorldClient(address)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"no world answers at {address}: {error}") from error


async def _serve(server: MeterServer, instrument: Instrument, host: str, port: int, hislip_port: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)

    def ready(plain: int, hislip: int) -> None:
        resources = visa_resources(host, plain, hislip)
        announce(port=plain, hislip_port=hislip, resources=resources, idn=instrument.identity)

    await server.serve(host, port, hislip_port, ready)


def _listening_failed(error: OSError, host: str, port: int, hislip_port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} or {hislip_port} on {host} is in use. End what listens there, or pass 0 to take a free port."
        )
    return f"cannot listen on {host}, ports {port} and {hislip_port}: {error}"


if __name__ == "__main__":
    main()
