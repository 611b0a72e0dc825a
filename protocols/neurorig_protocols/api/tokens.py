"""Records of requests and answers about tokens."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from neurorig_protocols.records import Name, Record

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


class TokenRequest(Record):
    """A token to be made. `bench` goes with the scope agent, and only with it."""

    name: str = Field(min_length=1, max_length=200)
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=5)
    bench: Name | None = None
    expires_at: AwareDatetime | None = None
