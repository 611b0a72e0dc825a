"""Which check an uploaded file of each kind passes. Not for running it: that is `run.py` and `worker.py`.

A check is a function of the uploaded bytes and the upload's options. It raises a UserError that names the place and
the reason, or returns the file's facts. Its module is imported in the check's own process only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from neurorig_protocols.files import FileKind


@dataclass(frozen=True)
class Checked:
    """What a check found. `content` is kept instead of the uploaded bytes; None keeps those."""

    facts: dict[str, Any]
    content: bytes | None = None


Options = Mapping[str, str]
Check = Callable[[bytes, Options], Checked]

CHECKS: dict[FileKind, str] = {
    "qubo": "neurorig_server.checking.qubo:check",
    "nir": "neurorig_server.checking.nir:check",
    "events": "neurorig_server.checking.events:check",
}
"""Kind -> "module:function"; a kind without a check is only bounded in size."""


def check_of(kind: FileKind) -> Check:
    """Return the check of a kind."""
    if kind not in CHECKS:
        return _anything
    module, _, name = CHECKS[kind].partition(":")
    found: Check = getattr(import_module(module), name)
    return found


def _anything(content: bytes, options: Options) -> Checked:  # noqa: ARG001 - every check has these arguments
    return Checked({})
