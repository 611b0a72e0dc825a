"""Idempotency keys: a repeated request with the same key answers with the same thing.

`once` is all that a use case needs; it runs inside the transaction that makes the thing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from neurorig_protocols.records import Record
from neurorig_protocols.refusals import KeyReused
from neurorig_server.store.database import Database
from neurorig_server.store.tables import idempotency
from neurorig_server.store.tokens import Principal


def digest(kind: str, body: Record) -> str:
    """Return the digest of a request; the order of its fields does not matter."""
    canonical = json.dumps(body.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(f"{kind}\n{canonical}".encode()).hexdigest()


@dataclass(frozen=True)
class Key:
    """A client's key, whose it is, and the digest of the body it came with."""

    owner: str
    key: str
    digest: str

    @classmethod
    def of(cls, who: Principal, key: str | None, kind: str, body: Record) -> Key | None:
        """Return the key of a request, None when it came without one. kind: what is made, and inside of what."""
        return cls(who.id, key, digest(kind, body)) if key else None


def once(db: Database, connection: Connection, key: Key | None, make: Callable[[], str]) -> str:
    """Return the id of what `make` makes, or of what it made when the key first came; KeyReused for another body."""
    if key is None:
        return make()
    made = _replay(db, connection, key)
    if made is None:
        made = make()
        _remember(db, connection, key, made)
    return made


def _replay(db: Database, connection: Connection, key: Key) -> str | None:
    # Two requests with one key must not both find it new.
    db.serialise(
        connection, int.from_bytes(hashlib.sha256(f"{key.owner} {key.key}".encode()).digest()[:8], signed=True)
    )
    query = select(idempotency.c.digest, idempotency.c.resource_id).where(
        idempotency.c.owner == key.owner, idempotency.c.key == key.key
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    if row.digest != key.digest:
        raise KeyReused("this Idempotency-Key was used with another body", next_step="Use a new key.")
    return str(row.resource_id)


def _remember(db: Database, connection: Connection, key: Key, resource_id: str) -> None:
    connection.execute(
        insert(idempotency).values(
            owner=key.owner, key=key.key, digest=key.digest, resource_id=resource_id, at=db.now()
        )
    )
