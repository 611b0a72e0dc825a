"""API tokens: random secrets of which only a hash is kept, with scopes, an optional end and, for agents, one bench."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.api.tokens import Scope, TokenCreated, TokenView
from neurorig_protocols.refusals import Forbidden, Invalid, Unauthorised, not_found
from neurorig_server.ids import new_id
from neurorig_server.store.database import Database
from neurorig_server.store.tables import tokens

PREFIX = "nrg_"
"""Lets people and secret scanners recognise a token."""

IMPLIED: dict[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "submit": frozenset({"submit", "read"}),
    "operate": frozenset({"operate", "read"}),
    "agent": frozenset({"agent", "read"}),
    "admin": frozenset({"read", "submit", "operate", "agent", "admin"}),
}


@dataclass(frozen=True)
class Principal:
    """Who asks: a token, or anyone. `bench` binds an agent's token to its own bench."""

    id: str
    name: str
    scopes: frozenset[Scope]
    bench: str | None = None

    def may(self, scope: Scope) -> bool:
        """Say whether the token has a scope."""
        return scope in self.scopes

    def require_bench(self, bench: str) -> None:
        """Raise Forbidden unless the token may act for this bench."""
        if self.bench is None and self.may("admin"):
            return
        if self.bench != bench:
            raise Forbidden(f"this token may not act for bench '{bench}'")


ANYONE = Principal(id="", name="anyone", scopes=frozenset({"read"}))


class Tokens:
    """Use cases on tokens."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        bench: str | None = None,
        expires_at: datetime | None = None,
    ) -> TokenCreated:
        """Create a token; the answer holds its secret, which is kept nowhere."""
        _check(scopes, bench)
        with self._db.write() as connection:
            secret, row = self._insert(connection, name, scopes, bench, expires_at)
        return TokenCreated(token=secret, **_view(row).model_dump())

    def create_first_admin(self) -> TokenCreated | None:
        """Create an admin token unless a usable one exists."""
        with self._db.write() as connection:
            self._db.serialise(connection, 0x6E65_7572_6F02)
            usable = select(tokens.c.scopes).where(_is_usable(self._db.now()))
            if any("admin" in scopes for scopes in connection.execute(usable).scalars()):
                return None
            secret, row = self._insert(connection, "first admin", ["admin"], None, None)
        return TokenCreated(token=secret, **_view(row).model_dump())

    def list(self) -> tuple[TokenView, ...]:
        """Return all tokens, oldest first, without their secrets."""
        with self._db.read() as connection:
            return tuple(_view(row) for row in connection.execute(select(tokens).order_by(tokens.c.seq)))

    def revoke(self, token_id: str) -> None:
        """End a token now; NotFound when there is none of this id. Revoking twice changes nothing."""
        with self._db.write() as connection:
            ended = update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            connection.execute(ended.values(revoked_at=self._db.now()))
            if connection.execute(select(tokens.c.seq).where(tokens.c.id == token_id)).first() is None:
                raise not_found("token", token_id)

    def principal(self, secret: str) -> Principal:
        """Return whose secret this is; Unauthorised for an unknown, expired or revoked one."""
        query = select(tokens).where(tokens.c.hash == _hash(secret), _is_usable(self._db.now()))
        with self._db.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise Unauthorised("the token is unknown, expired or revoked")
        scopes = frozenset().union(*(IMPLIED[scope] for scope in row.scopes))
        return Principal(id=row.id, name=row.name, scopes=scopes, bench=row.bench)

    def _insert(
        self,
        connection: Any,
        name: str,
        scopes: Sequence[Scope],
        bench: str | None,
        expires_at: datetime | None,
    ) -> tuple[str, Row[Any]]:
        secret = PREFIX + secrets.token_urlsafe(32)
        row = connection.execute(
            insert(tokens)
            .values(
                id=new_id(),
                name=name,
                hash=_hash(secret),
                scopes=sorted(set(scopes)),
                bench=bench,
                created_at=self._db.now(),
                expires_at=expires_at,
            )
            .returning(tokens)
        ).one()
        return secret, row


def _check(scopes: Sequence[Scope], bench: str | None) -> None:
    if not scopes:
        raise Invalid(
            "a token needs a scope",
            problems=[FieldProblem(field="scopes", message="at least one is needed", code="too_short")],
        )
    if ("agent" in scopes) != (bench is not None):
        raise Invalid(
            "an agent's token is bound to one bench, other tokens to none",
            problems=[
                FieldProblem(field="bench", message="needed with, and only with, the scope agent", code="agent_bench")
            ],
        )


def _hash(secret: str) -> str:
    # A plain hash is enough: the secret has 256 random bits, so there is nothing to guess.
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_usable(now: datetime) -> Any:
    return tokens.c.revoked_at.is_(None) & or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now)


def _view(row: Row[Any]) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        scopes=tuple(row.scopes),
        bench=row.bench,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
