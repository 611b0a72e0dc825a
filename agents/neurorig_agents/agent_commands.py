"""`neurorig agent`: run an agent beside a bench, or check the bench. Only words to and from people."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from neurorig_agents.attempt_control import Stop
from neurorig_agents.bench_doctor import examine
from neurorig_agents.bench_in_operation import LiveBench, load_bench
from neurorig_agents.daemon import Daemon
from neurorig_agents.server_client import ServerClient
from neurorig_agents.spool import Spool
from neurorig_protocols.errors import NeurorigError, UserError

_BENCH = click.option(
    "--bench",
    "bench_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The bench file (TOML).",
)


@click.group()
def agent() -> None:
    """Measure on a bench for a server."""


@agent.command()
@_BENCH
@click.option("--server", envvar="NEURORIG_SERVER", required=True, help="URL of the server.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the agent's token; without it NEURORIG_TOKEN is used.",
)
@click.option("--token", envvar="NEURORIG_TOKEN", hidden=True)
@click.option(
    "--spool",
    "spool_folder",
    default=Path("var/spool"),
    type=click.Path(path_type=Path, file_okay=False),
    show_default=True,
    help="Folder where attempts are kept until the server has them.",
)
@click.option("--verbose", is_flag=True, help="Log what drivers print too.")
def run(
    *, bench_file: Path, server: str, token_file: Path | None, token: str | None, spool_folder: Path, verbose: bool
) -> None:
    """Lease jobs for a bench, run them, report them; SIGTERM ends it after the window under measurement."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("neurorig_agents").setLevel(logging.INFO)
    try:
        _serve(bench_file, server, _token(token_file, token), spool_folder)
    except NeurorigError as error:
        raise _told(error) from error


@agent.command()
@_BENCH
def check(bench_file: Path) -> None:
    """Check a bench: its file, its board, its monitors, the host's clock and counters."""
    failed = 0
    for finding in examine(bench_file):
        failed += not finding.passed
        mark = click.style("ok  ", fg="green") if finding.passed else click.style("FAIL", fg="red")
        click.echo(f"{mark} {finding.check}" + (f": {finding.sentence}" if finding.sentence else ""))
    if failed:
        raise click.ClickException("one check failed" if failed == 1 else f"{failed} checks failed")


def _serve(bench_file: Path, server: str, token: str, spool_folder: Path) -> None:
    profile, stop = load_bench(bench_file), Stop()
    try:
        with (
            stop.on_signals(),
            Spool(spool_folder) as spool,
            ServerClient(server, token, wait=stop.wait) as client,
            ServerClient(server, token, patience_s=0) as beats,
            LiveBench.of(profile) as bench,
        ):
            Daemon(bench, client, beats, spool, stop).run()
    finally:
        stop.close()


def _token(token_file: Path | None, token: str | None) -> str:
    if token_file is not None:
        try:
            token = token_file.read_text().strip()
        except OSError as error:
            raise UserError(
                f"the token file cannot be read: {error.strerror}",
                where="--token-file",
                next_step="Make one with `neurorig token create NAME --scope agent --bench BENCH --out FILE`.",
            ) from error
    if not token:
        raise UserError("no token is given", where="--token-file", next_step="Name a token file or set NEURORIG_TOKEN.")
    return token


def _told(error: NeurorigError) -> click.ClickException:
    hint = f"\n{error.next_step}" if error.next_step else ""
    return click.ClickException(f"{error.message}{hint}")
