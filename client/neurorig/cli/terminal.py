"""What every command shares: where the server is, tables or JSON, digests as typed, failures and exit codes."""

from __future__ import annotations

import functools
import json
import string
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import BaseModel

from neurorig.errors import ApiError, ClientError, Unreachable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from neurorig.client import Client

PREFIX = "sha256:"
DIGITS = 64
_HEX = frozenset("0123456789abcdef")

OF_FILES = "`neurorig files list` shows the digests of uploaded files, `neurorig files put` those of new ones"
OF_TUNINGS = "`neurorig tuning list` shows the digests of declarations"


def whole(source: str) -> Callable[[str], str]:
    """Return the type of an argument or option that must be a whole digest; `source` says where to find one."""

    def digest(text: str) -> str:
        _require(text, source)
        return text

    return digest


FILE = whole(OF_FILES)
TUNING = whole(OF_TUNINGS)


def is_digest(text: str, source: str = OF_FILES) -> bool:
    """Tell a digest from the name of a file; a usage error for one that is not whole."""
    bare = len(text) == DIGITS and set(text) <= set(string.hexdigits) and not Path(text).exists()
    if not (text.startswith(PREFIX) or bare):
        return False
    _require(text, source, param_hint="'FILE_OR_DIGEST'")
    return True


def fault(text: str) -> str | None:
    """Say in words why a text is not a digest; None for a digest."""
    if not text.startswith(PREFIX):
        return f"'{text}' is not a digest: one begins with '{PREFIX}'"
    digits = text.removeprefix(PREFIX)
    if len(digits) != DIGITS:
        return f"'{text}' is not a digest: after '{PREFIX}' it has {len(digits)} of {DIGITS} digits"
    others = sorted(set(digits) - _HEX)
    if not others:
        return None
    small = "; its letters are small ones" if set(digits) <= set(string.hexdigits) else ""
    return f"'{text}' is not a digest: '{others[0]}' is none of 0-9 and a-f{small}"


def _require(text: str, source: str, param_hint: str | None = None) -> None:
    if wrong := fault(text):
        raise click.BadParameter(f"{wrong}. Next: {source}.", param_hint=param_hint)


EXIT_JOB_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_REFUSED = 4

R = TypeVar("R")


@dataclass(frozen=True)
class Terminal:
    """One command's view of the world: how to reach the server and how to answer."""

    server: str | None
    token: str | None
    as_json: bool

    def client(self) -> Client:
        """Open a client."""
        from neurorig.client import Client

        return Client(self.server, self.token)

    def show(self, data: BaseModel | Sequence[BaseModel] | dict[str, Any], *pictures: RenderableType) -> None:
        """Print the data as JSON for programs, or the pictures for people."""
        if self.as_json:
            from neurorig_protocols.answers import as_json

            click.echo(json.dumps(as_json(data), indent=2))
            return
        console = make_console()
        for picture in pictures:
            console.print(picture)


def make_console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: never read as markup, and never broken into lines.

    A command, an address or a path that was wrapped does something else, or nothing, when it is pasted. A terminal
    shows a long line over several rows and still copies it as one. Tables are fitted to the terminal, but are never so
    narrow that an id is cut.
    """
    from neurorig.plain_console import PlainConsole

    stream = sys.stderr if stderr else sys.stdout
    # A pipe has no width; a fixed one keeps ids and reasons whole.
    width = None if stream.isatty() else 200
    return PlainConsole(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def with_terminal(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command --server, --token-file and --json, and a Terminal as its first argument."""

    @click.option("--server", envvar="NEURORIG_SERVER", help="Address of the server.", metavar="URL")
    @click.option("--token-file", type=click.Path(path_type=Path), help="File that holds the API token.")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, **kwargs: Any) -> R:
        token_file: Path | None = kwargs.pop("token_file")
        as_json: bool = kwargs.pop("as_json")
        ctx.meta["neurorig.json"] = as_json
        terminal = Terminal(kwargs.pop("server"), read_token(token_file), as_json)
        return command(terminal, **kwargs)

    return wrapped


def read_token(path: Path | None) -> str | None:
    """Return the token in a file, or None without a file; a usage error when it cannot be read."""
    if path is None:
        return None
    try:
        token = path.read_text("utf-8").strip()
    except OSError as error:
        raise click.BadParameter(f"cannot read '{path}': {error.strerror}", param_hint="--token-file") from error
    if not token:
        raise click.BadParameter(f"'{path}' is empty", param_hint="--token-file")
    return token


def report_failure(error: ClientError, *, as_json: bool) -> int:
    """Say what failed and what to do next; return the exit code."""
    if as_json:
        click.echo(json.dumps({"error": error.as_dict()}, indent=2))
    else:
        click.echo(f"neurorig: {error.message}", err=True)
        for field in error.fields if isinstance(error, ApiError) else ():
            click.echo(f"  {field.field}: {field.message}", err=True)
        if next_step := _next_step(error):
            click.echo(f"Next: {next_step}", err=True)
    if isinstance(error, Unreachable):
        return EXIT_UNREACHABLE
    return EXIT_REFUSED if isinstance(error, ApiError) else EXIT_USAGE


def _next_step(error: ClientError) -> str | None:
    # The server speaks of headers; a command has other ways to present a token.
    if error.code == "unauthorised":
        return "set NEURORIG_TOKEN to a valid token, or name a file that contains one with --token-file"
    return error.next_step


Command = Callable[..., Any]
Option = Callable[[Command], Command]


def with_options(*groups: Sequence[Option]) -> Option:
    """Add groups of options to a command, in the order of the help page."""

    def decorate(command: Command) -> Command:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate
