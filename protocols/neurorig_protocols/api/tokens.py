"""What a server answers about tokens."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from neurorig_protocols.records import Record

Scope = Literal["read", "submit", "operate", "agent", "admin"]


class TokenView(Record):
    """A token without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    bench: str | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class TokenCreated(TokenView):
    """A new token with its secret, shown this once."""

    token: str
