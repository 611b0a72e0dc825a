"""Signing in and out of a server that asks for a token."""

from __future__ import annotations

import httpx
import pytest
import web_lab


@pytest.mark.parametrize("page", ["/", "/benches", "running_job", "qubo"])
def test_page_asks_for_a_token(visitor: httpx.Client, lab: web_lab.Lab, page: str) -> None:
    """Without a token there is nothing but the sign-in form, which remembers where one wanted to go."""
    response = visitor.get(lab.ids.path(page))

    assert response.status_code == 401
    assert f'name="next" value="{lab.ids.path(page)}"' in response.text
    assert lab.ids.qubo not in web_lab.text_of(response)


def test_signing_in_opens_the_page(site: web_lab.Site, visitor: httpx.Client, lab: web_lab.Lab) -> None:
    """A good token becomes a cookie for this site alone, and the browser goes on."""
    wanted = lab.ids.path("qubo")

    answer = visitor.post("/login", data={"token": site.token, "next": wanted})

    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert visitor.get(wanted).status_code == 200


def test_wrong_token_is_refused_and_not_kept(visitor: httpx.Client) -> None:
    """An unknown token gives the form again with the reason, and no cookie."""
    answer = visitor.post("/login", data={"token": "nrg_wrong"})

    assert answer.status_code == 401
    assert "unknown, expired or revoked" in web_lab.text_of(answer)
    assert "set-cookie" not in answer.headers
    assert "nrg_wrong" not in answer.text


def test_signing_in_never_leads_elsewhere(site: web_lab.Site, visitor: httpx.Client) -> None:
    """The address to go on to is one of ours, whatever the form says."""
    answer = visitor.post("/login", data={"token": site.token, "next": "//evil.example/"})

    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_form_of_another_site_is_refused(site: web_lab.Site, visitor: httpx.Client, path: str) -> None:
    """Another site can neither sign the browser in nor out."""
    answer = visitor.post(path, data={"token": site.token}, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_oversized_form_is_refused(visitor: httpx.Client) -> None:
    """A sign-in form has a size limit."""
    assert visitor.post("/login", data={"token": "x" * 10_000}).status_code == 403


def test_signing_out_forgets_the_token(reader: httpx.Client) -> None:
    """The cookie is deleted and the pages are closed again."""
    answer = reader.post("/logout")

    assert answer.status_code == 303
    assert 'neurorig_token=""' in answer.headers["set-cookie"]


def test_revoked_token_is_forgotten(visitor: httpx.Client, lab: web_lab.Lab) -> None:
    """A cookie whose token was revoked gives the form with the reason, and is deleted."""
    token = lab.store.tokens.create("short-lived", ["read"])
    lab.store.tokens.revoke(token.id)
    visitor.cookies.set("neurorig_token", token.token)

    answer = visitor.get("/")

    assert answer.status_code == 401
    assert "revoked" in web_lab.text_of(answer)
    assert 'neurorig_token=""' in answer.headers["set-cookie"]


def test_pages_never_change_anything(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """The cookie opens answers of the API but submits and cancels nothing."""
    assert reader.get(f"/api/v1/attempts/{lab.ids.qubo}/energy").status_code == 200
    assert reader.post(f"/api/v1/jobs/{lab.ids.waiting_job}/cancel").status_code == 401
