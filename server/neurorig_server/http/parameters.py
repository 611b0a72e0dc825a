"""Types of path and query parameters that several routes share, and the agents' protocol version."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query

from neurorig_protocols import forms
from neurorig_protocols.forms import ID, PRINTABLE
from neurorig_protocols.lease import PROTOCOL_HEADER, PROTOCOL_VERSION
from neurorig_protocols.records import Name
from neurorig_protocols.refusals import ProtocolMismatch

Id = Annotated[str, Path(pattern=ID, description="an id as the server gave it")]
BenchName = Annotated[Name, Path(description="name of a bench")]
HexDigest = Annotated[str, Path(pattern=forms.HEX_64, description="SHA-256 of the trace file, 64 hex digits")]

FileDigest = Annotated[str, Path(pattern=forms.DIGEST, description="digest of a file's content")]

TuningDigest = Annotated[str, Path(pattern=forms.DIGEST, description="digest of a tuning declaration")]
PageLimit = Annotated[int, Query(ge=1, le=200, description="things per page")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next` of the page before")]

WaitForBench = Annotated[bool, Query(description="queue the job even if no registered bench fits it yet")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=PRINTABLE,
        description="makes a retry safe: the same key and body give the same thing",
    ),
]


def require_known_version(version: Annotated[str | None, Header(alias=PROTOCOL_HEADER)] = None) -> None:
    """Raise ProtocolMismatch for another version; people's own programs need not say one."""
    if version is not None and version.strip() != str(PROTOCOL_VERSION):
        raise ProtocolMismatch(
            f"the request speaks protocol {version[:20]}, this server speaks {PROTOCOL_VERSION}",
            next_step="Bring agent and server to the same release.",
        )
