"""Writes the blocking client from the asyncio client, so that the two cannot differ.

    python client/generate.py           rewrite client/neurorig/client.py from client/neurorig/aio.py
    python client/generate.py --check   exit with 1 when client.py is out of date

The rules below are all there is: `async` and `await` go, asynchronous names become their blocking counterparts, in code
and docstrings alike. A test runs the check.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

FOLDER = Path(__file__).parent / "neurorig"
SOURCE, TARGET = FOLDER / "aio.py", FOLDER / "client.py"
NOTE = "# Written by client/generate.py from aio.py. Do not edit: change aio.py and run `make client`.\n"

RULES: tuple[tuple[str, str], ...] = (
    (r"^import asyncio\n", ""),
    (r"\bawait asyncio\.to_thread\((\w+), ", r"\1("),
    (r"\bawait asyncio\.sleep\(", "time.sleep("),
    (r"\basync (?=def\b|with\b|for\b)", ""),
    (r"\bfor (\w+) in (\S+):\n +yield \1\n", r"yield from \2\n"),
    (r"\bawait ", ""),
    (r"\bAsyncClient\b", "Client"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\baclose\(", "close("),
    (r"\basyncio client\b", "blocking client"),
    (r"\ban asynchronous context\b", "a context"),
)
"""Regular expressions and their replacements, applied one after the other to the whole text."""

LEFT_OVER = re.compile(r"\b(async|await|asyncio|asynchronous)\b|\b[Aa]sync[A-Z_]\w*")


class NotBlocking(Exception):
    """The rules left something asynchronous; a rule is missing."""


def blocking(source: str) -> str:
    """Return the blocking counterpart of asynchronous code.

    Args:
        source: Python code that keeps to the constructs that `RULES` know.

    Raises:
        NotBlocking: something asynchronous is left, which would be a wrong client.
    """
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source, flags=re.MULTILINE)
    left = LEFT_OVER.search(source)
    if left:
        line = source.count("\n", 0, left.start()) + 1
        raise NotBlocking(f"line {line}: {left[0]!r} has no rule in {Path(__file__).name}")
    return source


def formatted(source: str) -> str:
    """Return code in the project's style: shorter lines are joined again and imports sorted."""
    ruff = Path(sysconfig.get_path("scripts")) / "ruff"
    for arguments in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        command = [str(ruff), *arguments, "--stdin-filename", str(TARGET), "-"]
        source = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    return source


def generated() -> str:
    """Return the text of client.py."""
    return formatted(NOTE + blocking(SOURCE.read_text(encoding="utf-8")))


def main() -> int:
    """Write client.py, or compare it."""
    text = generated()
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in sys.argv:
        sys.stderr.write("client/neurorig/client.py is out of date; run: make client\n")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
