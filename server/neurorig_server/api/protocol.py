"""Refuses agents that speak another version of the protocol."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from neurorig_protocols.wire import PROTOCOL_HEADER, PROTOCOL_VERSION
from neurorig_server.store.errors import ProtocolMismatch


def require_known_version(version: Annotated[str | None, Header(alias=PROTOCOL_HEADER)] = None) -> None:
    """Raise ProtocolMismatch for another version; people's own programs need not say one."""
    if version is not None and version.strip() != str(PROTOCOL_VERSION):
        raise ProtocolMismatch(
            f"the request speaks protocol {version[:20]}, this server speaks {PROTOCOL_VERSION}",
            next_step="Bring agent and server to the same release.",
        )
