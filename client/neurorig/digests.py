"""Digests as people type them: what is wrong with one is said here, in words, before a server is asked."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path

import click

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
    """Say in words why a text is no digest; None for a digest."""
    if not text.startswith(PREFIX):
        return f"'{text}' is no digest: one begins with '{PREFIX}'"
    digits = text.removeprefix(PREFIX)
    if len(digits) != DIGITS:
        return f"'{text}' is no digest: after '{PREFIX}' it has {len(digits)} of {DIGITS} digits"
    others = sorted(set(digits) - _HEX)
    if not others:
        return None
    small = "; its letters are small ones" if set(digits) <= set(string.hexdigits) else ""
    return f"'{text}' is no digest: '{others[0]}' is none of 0-9 and a-f{small}"


def _require(text: str, source: str, param_hint: str | None = None) -> None:
    if wrong := fault(text):
        raise click.BadParameter(f"{wrong}. Next: {source}.", param_hint=param_hint)
