"""Signing in and out: the token goes into a cookie that no script can read and no other site can use."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from neurorig_protocols.refusals import Forbidden, Unauthorised
from neurorig_server.http.auth import COOKIE
from neurorig_server.services import ServicesDep
from neurorig_server.web.error_pages import PageRoute, own_path, sign_in_page
from neurorig_server.web.templating import HEADERS

MONTH_S = 30 * 86400
MOST_BYTES = 4096

router = APIRouter(route_class=PageRoute)


def _same_site(request: Request) -> None:
    """Refuse a form that another site made the browser send."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("this form was sent from another site")


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise Forbidden(f"a sign-in form has at most {MOST_BYTES} bytes")
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    return {name: values[-1] for name, values in fields.items()}


@router.get("/login")
def login_form(next_path: Annotated[str, Query(alias="next", max_length=1000)] = "/") -> Response:
    """Show the sign-in form."""
    return sign_in_page(None, own_path(next_path))


@router.post("/login", dependencies=[Depends(_same_site)])
def sign_in(request: Request, services: ServicesDep, form: Annotated[dict[str, str], Depends(_form)]) -> Response:
    """Keep a token that is good in the browser's cookie."""
    next_path, secret = own_path(form.get("next", "/")), form.get("token", "").strip()
    try:
        who = services.store.tokens.principal(secret)
    except Unauthorised as refusal:
        return sign_in_page(f"{refusal.message.capitalize()}.", next_path, status=401)
    if not who.may("read"):
        return sign_in_page("This token may not read.", next_path, status=403)
    response = RedirectResponse(next_path, status_code=303, headers=HEADERS)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, secret, max_age=MONTH_S, httponly=True, samesite="strict", secure=secure)
    return response


@router.post("/logout", dependencies=[Depends(_same_site)])
def sign_out() -> Response:
    """Forget the token."""
    response = RedirectResponse("/login", status_code=303, headers=HEADERS)
    response.delete_cookie(COOKIE)
    return response
