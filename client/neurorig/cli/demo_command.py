"""`neurorig demo`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from neurorig.cli.terminal import make_console


@click.command()
@click.option("--keep", is_flag=True, help="Leave server and agents running until Ctrl-C.")
@click.option(
    "--out",
    default=Path("var/demo"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON; progress and tables go to stderr.")
@click.pass_context
def demo(ctx: click.Context, *, keep: bool, out: Path, as_json: bool) -> None:
    """Measure the demo's jobs on two VIRTUAL benches and on this computer, and compare with the truth.

    Everything runs as processes of its own, in one folder, and ends with this command.
    """
    from neurorig.demo.run import run

    ctx.meta["neurorig.json"] = as_json
    found = run(out, keep=keep, console=make_console(stderr=as_json))
    if as_json:
        click.echo(json.dumps(found, indent=2))
