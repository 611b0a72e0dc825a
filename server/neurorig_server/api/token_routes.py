"""Routes of tokens, for administrators."""

from __future__ import annotations

from fastapi import APIRouter, Response

from neurorig_protocols.api.tokens import TokenCreated, TokenRequest, TokenView
from neurorig_server.http.auth import Admin
from neurorig_server.http.parameters import Id
from neurorig_server.services import ServicesDep

router = APIRouter(prefix="/tokens", tags=["tokens"])


@router.post("", status_code=201)
def create_token(token: TokenRequest, services: ServicesDep, _who: Admin, response: Response) -> TokenCreated:
    """Make a token; its secret is shown in this answer and never again."""
    response.headers["Cache-Control"] = "no-store"
    return services.store.tokens.create(token.name, token.scopes, bench=token.bench, expires_at=token.expires_at)


@router.get("")
def list_tokens(services: ServicesDep, _who: Admin) -> tuple[TokenView, ...]:
    """List all tokens, without their secrets."""
    return services.store.tokens.list()


@router.delete("/{token_id}", status_code=204)
def revoke_token(token_id: Id, services: ServicesDep, _who: Admin) -> None:
    """End a token now."""
    services.store.tokens.revoke(token_id)
