"""SANA-FE's simulated chip in a virtual lab: a process of its own that plays the chip's power into the lab's world.

    python -m neurorig_lab.sanafe_device --world 127.0.0.1:4000 --python var/env/sanafe/bin/python

prints one JSON line when it answers requests, which are those of `SimulatedChip` as framed messages.
"""

from __future__ import annotations

import contextlib

import click

from neurorig_drivers.boards.sanafe.engine import Engine
from neurorig_drivers.boards.sanafe.simulated_chip import SimulatedChip
from neurorig_drivers.process.link import LinkServer
from neurorig_lab.device_process import announce, stop_signals
from neurorig_lab.world_client import WorldClient
from neurorig_protocols.errors import NeurorigError


@click.command()
@click.option("--world", "address", required=True, help="Address of the virtual world.")
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT of the device.")
@click.option("--python", required=True, help="Python of the environment that holds SANA-FE.")
@click.option("--architecture", default="loihi", show_default=True, help="loihi, truenorth or a YAML file.")
@click.option("--limit", "limit_s", default=600.0, show_default=True, help="Seconds that one sample may take.")
def main(*, address: str, listen: str, python: str, architecture: str, limit_s: float) -> None:
    """Run the simulated chip until it is told to stop."""
    try:
        with (
            stop_signals() as wait,
            contextlib.closing(WorldClient(address)) as world,
            contextlib.closing(Engine(python, architecture, limit_s)) as engine,
            LinkServer(SimulatedChip(engine, world).handle, listen).serving() as port,
        ):
            announce(address=port, facts=engine.facts)
            wait()
    except NeurorigError as error:
        raise click.ClickException(f"{error.message}. {error.next_step or ''}") from error
    except (OSError, ValueError) as error:
        raise click.ClickException(f"no world answers at {address}: {error}") from error


if __name__ == "__main__":
    main()
