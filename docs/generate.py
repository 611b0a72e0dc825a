"""Writes the reference pages that follow from the code: commands, settings, constants of the virtual lab, error codes.

    python docs/generate.py           rewrite docs/reference/{commands,virtual-constants,errors}.md
    python docs/generate.py --check   exit with 1 when a page is out of date

A test runs the check, so a page cannot drift from the code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from neurorig.cli.main import cli
from neurorig_lab import serial_mcu
from neurorig_lab.chip import constants as chip
from neurorig_protocols.errors import NeurorigError
from neurorig_server.settings import Settings

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code. Do not edit. -->\n\n"


def commands() -> str:
    """Every command with its help, then the server's settings."""
    context = click.Context(cli, info_name="neurorig")
    found = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    parts = [
        "# Commands and settings\n\n"
        "`neurorig COMMAND --help` says the same. Server and token of the client's commands may also come from "
        "NEURORIG_SERVER and NEURORIG_TOKEN.\n\n"
    ]
    for name, command in sorted(found.items()):
        assert command is not None, name
        parts += _command(command, f"neurorig {name}")
    parts.append("## Settings of the server\n\nEach is an environment variable; options of `neurorig serve` win.\n\n")
    parts.append("| variable | default | meaning |\n| --- | --- | --- |\n")
    parts += [
        f"| `NEURORIG_{name.upper()}` | `{field.default}` | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return "".join(parts)


def _command(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in sorted(command.list_commands(context)):
            found = command.get_command(context, name)
            assert found is not None, name
            yield from _command(found, f"{path} {name}")
        return
    context = click.Context(command, info_name=path, max_content_width=110, terminal_width=110)
    yield f"## {path}\n\n```text\n{command.get_help(context)}\n```\n\n"


def virtual_constants() -> str:
    """What the virtual lab takes for granted, with sources, and what nobody has published."""
    lines = [
        "# Constants of the virtual lab\n\n"
        "Nothing here is a measurement of ours. A term that nobody has published is null in the model and listed as "
        "unknown, never guessed.\n\n"
        "## Virtual chip (Loihi-1 type)\n\n| constant | value | grade | source |\n| --- | --- | --- | --- |\n"
    ]
    lines += [f"| {name} | {c.value:g} {c.unit} | {c.grade} | {c.source} |\n" for name, c in chip.CONSTANTS.items()]
    lines.append(
        "\nWhich unit feeds from which rail is the virtual board's own wiring:\n\n| rail | units |\n| --- | --- |\n"
    )
    lines += [f"| {rail} | {', '.join(units)} |\n" for rail, units in chip.WIRING.items()]
    lines.append("\nUnknown:\n\n")
    lines += [f"- {name}: {why}\n" for name, why in chip.UNKNOWN.items()]
    lines.append("\n## Virtual serial board\n\n| constant | value | grade | source |\n| --- | --- | --- | --- |\n")
    lines += [
        f"| {c.name} | {'unknown' if c.value is None else f'{c.value:g} {c.unit}'} | {c.grade or '-'} | {c.source} |\n"
        for c in serial_mcu.CONSTANTS
    ]
    return "".join(lines)


def errors() -> str:
    """Every stable error code of the protocols."""
    lines = [
        "# Error codes\n\nCodes are stable; messages may change. "
        "Only retryable failures are tried again by themselves.\n\n"
        "| code | fault | retryable | meaning |\n| --- | --- | --- | --- |\n"
    ]
    lines += [
        f"| `{cls.code}` | {cls.fault} | {'yes' if cls.retryable else 'no'} | {(cls.__doc__ or '').splitlines()[0]} |\n"
        for cls in _tree(NeurorigError)
    ]
    return "".join(lines)


def _tree(cls: type[NeurorigError]) -> Iterator[type[NeurorigError]]:
    # Only the protocols' own classes: what other packages add depends on what was imported.
    if cls.__module__ == NeurorigError.__module__:
        yield cls
    for sub in cls.__subclasses__():
        yield from _tree(sub)


PAGES = {"commands.md": commands, "virtual-constants.md": virtual_constants, "errors.md": errors}


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, NOTE + page()
        if not path.is_file() or path.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if "--check" in sys.argv and stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run: python docs/generate.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
