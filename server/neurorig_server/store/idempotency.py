"""Idempotency keys: a repeated request with the same key answers with the same thing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from neurorig_protocols.records import Record
from neurorig_server.store.database import Database
from neurorig_server.store.errors import KeyReused
from neurorig_server.store.tables import idempotency


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


def replay(db: Database, connection: Connection, key: Key) -> str | None:
    """Return what the key made before, None when it is new; KeyReused when it came with another body."""
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


def remember(db: Database, connection: Connection, key: Key, resource_id: str) -> None:
    """Keep what a new key made."""
    connection.execute(
        insert(idempotency).values(
            owner=key.owner, key=key.key, digest=key.digest, resource_id=resource_id, at=db.now()
        )
    )
