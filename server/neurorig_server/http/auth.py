"""Who asks, and whether the token's scopes allow it. Tokens themselves are `store/tokens.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from neurorig_protocols.api.tokens import Scope
from neurorig_protocols.refusals import Forbidden, Unauthorised
from neurorig_server.services import Services, ServicesDep
from neurorig_server.store.tokens import ANYONE, Principal

COOKIE = "neurorig_token"
"""Where a browser keeps the token; it opens pages and answers, it never changes anything."""

_bearer = HTTPBearer(auto_error=False, description="An API token; `neurorig token create` makes one.")


def principal(services: Services, secret: str | None, *, reads: bool) -> Principal:
    """Return who a secret belongs to; anyone may read on a public server. Unauthorised otherwise."""
    if secret:
        return services.store.tokens.principal(secret)
    if reads and services.settings.public_read:
        return ANYONE
    raise Unauthorised("a token is needed", next_step="Send the header 'Authorization: Bearer TOKEN'.")


def needs(scope: Scope) -> Callable[..., Principal]:
    """Return a dependency that gives the principal of a request and requires a scope."""
    # Named here, the scope stands in the OpenAPI document, from where the reference page takes it.
    of_scope = Security(_bearer, scopes=[scope])

    def allowed(
        request: Request,
        services: ServicesDep,
        bearer: HTTPAuthorizationCredentials | None = of_scope,
    ) -> Principal:
        reads = request.method in ("GET", "HEAD")
        # A cookie comes with every request that another site makes the browser send: it may only read.
        cookie = request.cookies.get(COOKIE) if reads else None
        who = principal(services, bearer.credentials if bearer else cookie, reads=reads)
        if not who.may(scope):
            raise Forbidden(f"this needs a token with the scope '{scope}'")
        return who

    return allowed


Reader = Annotated[Principal, Depends(needs("read"))]
Submitter = Annotated[Principal, Depends(needs("submit"))]
Agent = Annotated[Principal, Depends(needs("agent"))]
Admin = Annotated[Principal, Depends(needs("admin"))]
