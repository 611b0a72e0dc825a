"""The virtual power analyser as a process of its own: SCPI over a raw socket and over HiSLIP, sampling a world.

    python -m neurorig_drivers.virtual.meter --world 127.0.0.1:4000 --seed 7

Prints one JSON line with its ports when it answers. It reads the taps of the world and knows nothing of its truth.
"""

from __future__ import annotations

import asyncio
import errno
import signal

import click

from neurorig_drivers.virtual import meter_spec as spec
from neurorig_drivers.virtual.faults import Faults, parse_faults
from neurorig_drivers.virtual.meter_instrument import Instrument
from neurorig_drivers.virtual.meter_server import MeterServer
from neurorig_drivers.virtual.process import announce
from neurorig_drivers.virtual.world import SUPPLY
from neurorig_drivers.virtual.world_client import WorldClient


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
