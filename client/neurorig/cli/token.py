"""`neurorig token create | list | revoke`: API tokens, through the server. Without one, see `neurorig db token`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurorig.cli.terminal import Terminal, with_terminal
from neurorig_protocols.answers import as_json
from neurorig_protocols.api.tokens import TokenView

if TYPE_CHECKING:
    from rich.table import Table


SCOPES = ("read", "submit", "operate", "agent", "admin")


@click.group()
def token() -> None:
    """Make, list and revoke API tokens on the server; needs a token with the scope admin.

    A server prints its first admin token when it creates its database. Whoever has access to the database itself makes
    another one with `neurorig db token create`.
    """


@token.command()
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True)
@click.option("--bench", help="Bench of an agent's token; required with the scope agent, and only with it.")
@click.option("--expires", type=click.DateTime(), help="When it expires, local time; never by default.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the new token to this new file, readable by its owner only, instead of printing it.",
)
@with_terminal
def create(
    terminal: Terminal,
    *,
    name: str,
    scopes: tuple[str, ...],
    bench: str | None,
    expires: datetime | None,
    out: Path | None,
) -> None:
    """Make a token and print it; the server shows it this once."""
    if out is not None and out.exists():
        raise click.UsageError(f"'{out}' exists, and nothing is overwritten")
    with terminal.client() as client:
        made = client.create_token(name, scopes, bench=bench, expires_at=expires.astimezone() if expires else None)
    if out is None:
        terminal.show(made, made.token)
        return
    _write_secret(out, made.token)
    shown = {**{name: value for name, value in as_json(made).items() if name != "token"}, "path": str(out)}
    terminal.show(shown, f"token {made.id} written to {out}")


@token.command("list")
@with_terminal
def list_tokens(terminal: Terminal) -> None:
    """List all tokens, oldest first, without their secrets."""
    with terminal.client() as client:
        found = client.tokens()
    terminal.show(found, _table(found))


@token.command()
@click.argument("token_id")
@with_terminal
def revoke(terminal: Terminal, token_id: str) -> None:
    """Revoke a token now."""
    with terminal.client() as client:
        client.revoke_token(token_id)
    terminal.show({"revoked": token_id}, f"token {token_id} is revoked")


def _write_secret(path: Path, secret: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Created closed to others: a file that is closed afterwards was open for a moment.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret + "\n")
    except OSError as error:
        # The server shows a token once: without this line it would be lost.
        click.echo(secret)
        raise click.UsageError(f"cannot write '{path}': {error.strerror}; the token is printed instead") from error


def _table(tokens: tuple[TokenView, ...]) -> Table:
    from neurorig.cli.tables import local_time, rows_under

    table = rows_under("token", "name", "scopes", "bench", "expires", "revoked", whole=("token",))
    for one in tokens:
        ends = [local_time(at) if at else "" for at in (one.expires_at, one.revoked_at)]
        table.add_row(one.id, one.name, ", ".join(one.scopes), one.bench or "", *ends)
    return table
