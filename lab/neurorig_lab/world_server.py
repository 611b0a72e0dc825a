"""Serves one World to the virtual devices and meters of a lab, as a process of its own.

    python -m neurorig_lab.world_server --mode stepped --rails a,b --marker-mode level

prints one JSON line when it answers. The truth log stays in this process.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Answer, Gone, Handler, LinkServer, Message
from neurorig_lab.device_process import announce, stop_signals
from neurorig_lab.truth import MarkerMode
from neurorig_lab.world import Mode, World


def handler_of(world: World) -> Handler:
    """Return the handler that lets a WorldClient use this world."""

    def handle(message: Message, arrays: Arrays, _gone: Gone) -> Answer:
        match message["method"]:
            case "hello":
                return {"rails": world.rails, "mode": world.mode, "marker_mode": world.marker_mode}, {}
            case "now_ns":
                return {"value": world.now_ns()}, {}
            case "play":
                marks = [(int(offset_ns), int(level)) for offset_ns, level in message["marks"]]
                return {"value": world.play(arrays["durations_s"], arrays["power_w"], marks)}, {}
            case "sample":
                power_w, digital = world.sample(arrays["t_edges_ns"], message["rails"])
                return {}, {"power_w": power_w, "digital": digital}
            case "standing":
                world.standing(message["power_w"])
            case "wait":
                world.wait(message["seconds"])
            case "mark":
                world.mark(message["level"], message["at_ns"])
            case "session":
                world.session(str(message["label"]))
            case unknown:
                raise ValueError(f"a world has no method '{unknown}'")
        return {}, {}

    return handle


@click.command()
@click.option("--mode", type=click.Choice(["stepped", "realtime"]), required=True)
@click.option("--rails", required=True, help="Names of the rails, separated by commas.")
@click.option("--marker-mode", type=click.Choice(["level", "pulse"]), required=True)
@click.option("--truth", type=click.Path(path_type=Path, file_okay=False), help="Folder of the truth log.")
@click.option("--bench", default="virtual", show_default=True, help="Name of the truth log.")
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT or unix:PATH.")
def main(  # noqa: PLR0917 - click passes them by name
    mode: str, rails: str, marker_mode: str, truth: Path | None, bench: str, listen: str
) -> None:
    """Run the world of a virtual bench until it is told to stop."""
    world = World(
        rails.split(","),
        mode=cast(Mode, mode),
        marker_mode=cast(MarkerMode, marker_mode),
        truth=truth,
        bench=bench,
    )
    with stop_signals() as wait, LinkServer(handler_of(world), listen).serving() as address:
        announce(address=address, mode=mode, rails=list(world.rails))
        wait()


if __name__ == "__main__":
    main()
