"""Contract of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from neurorig_protocols.api.tokens import Scope
from neurorig_protocols.refusals import Invalid, NotFound, Unauthorised
from neurorig_server.store.store import Store
from neurorig_server.store.tables import tokens


def test_secret_is_shown_once_and_kept_nowhere(store: Store) -> None:
    """The database holds a hash; the secret opens the door."""
    made = store.tokens.create("ci", ["submit"])

    with store.db.read() as connection:
        kept = repr(connection.execute(select(tokens)).all())
    assert made.token not in kept
    assert made.token.removeprefix("nrg_") not in kept
    assert not hasattr(store.tokens.list()[0], "token")
    who = store.tokens.principal(made.token)
    assert (who.name, who.scopes, who.bench) == ("ci", {"submit", "read"}, None)


@pytest.mark.parametrize(
    ("scopes", "implied"),
    [
        (["read"], {"read"}),
        (["operate"], {"operate", "read"}),
        (["admin"], {"read", "submit", "operate", "agent", "admin"}),
        (["submit", "operate"], {"submit", "operate", "read"}),
    ],
)
def test_scopes_imply_reading_and_admin_implies_all(store: Store, scopes: Sequence[Scope], implied: set[str]) -> None:
    """Every scope may read; an administrator may do everything."""
    made = store.tokens.create("x", scopes)

    assert store.tokens.principal(made.token).scopes == implied


def test_agent_token_is_bound_to_a_bench(store: Store) -> None:
    """The scope agent needs a bench, the others have none, and a token without a scope is none."""
    assert store.tokens.principal(store.tokens.create("a", ["agent"], bench="b").token).bench == "b"
    for scopes, bench in ((["agent"], None), (["read"], "b"), ([], None)):
        with pytest.raises(Invalid):
            store.tokens.create("x", scopes, bench=bench)


@pytest.mark.parametrize("secret", ["", "nrg_", "nrg_wrong", "\x00", "é" * 500])
def test_wrong_secret_is_refused(store: Store, secret: str) -> None:
    """An unknown secret says nothing about which part is wrong."""
    with pytest.raises(Unauthorised, match="unknown, expired or revoked"):
        store.tokens.principal(secret)


def test_revoked_and_expired_tokens_are_refused(store: Store, clock: Any) -> None:
    """A token ends when it is revoked and when its time is over."""
    revoked = store.tokens.create("r", ["read"])
    short = store.tokens.create("s", ["read"], expires_at=clock.at + timedelta(seconds=10))
    store.tokens.revoke(revoked.id)
    store.tokens.revoke(revoked.id)
    store.tokens.principal(short.token)

    clock.advance(10)

    for secret in (revoked.token, short.token):
        with pytest.raises(Unauthorised):
            store.tokens.principal(secret)
    with pytest.raises(NotFound):
        store.tokens.revoke("nothing")


def test_first_admin_is_made_once(store: Store) -> None:
    """Servers that start together make one admin token; a usable one is never made twice, a revoked one replaced."""
    with ThreadPoolExecutor(6) as pool:
        made = [t for t in pool.map(lambda _: store.tokens.create_first_admin(), range(6)) if t]

    assert len(made) == 1
    assert store.tokens.principal(made[0].token).may("admin")
    store.tokens.revoke(made[0].id)
    assert store.tokens.create_first_admin() is not None
