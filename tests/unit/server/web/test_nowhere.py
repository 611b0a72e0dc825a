"""Addresses that nothing has: a page for people, a problem for programs."""

from __future__ import annotations

from itertools import product

import httpx
import pytest
import web_lab

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
UNKNOWN = (
    "/nonsense", "/nonsense/", "/a/b", "/a/b/c/d", "/jobs/aaaaaaaaaaaa/more", "/attempts/", "/benches/b/c",
    "/evaluations/aaaaaaaaaaaa/seeds", "/healthz/more", "/apis/v1", "//double", "/%3Cscript%3Ealert(1)%3C/script%3E/x",
    "/" + "long" * 200 + "/x", "/favicon.ico", "/static/a/b/c", "/.well-known/x",
)  # fmt: skip


@pytest.mark.parametrize("path", UNKNOWN)
def test_browser_gets_a_page(visitor: httpx.Client, path: str) -> None:
    """Every unknown address is a page with status 404, the policy and a way back, signed in or not."""
    answer = visitor.get(httpx.URL(str(visitor.base_url).rstrip("/") + path), headers={"Accept": BROWSER})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "There is no page at" in web_lab.text_of(answer)
    assert "Back to the queue" in web_lab.text_of(answer)
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *product(("/api/nowhere", "/api/v1/nothing/at/all"), (BROWSER,)),
        *product(
            ("/nonsense", "/a/b"),
            (
                "*/*", "", "application/json", "application/json, text/html;q=0.9", "text/html;q=0",
                "text/html;q=nonsense", "text/html;q=-1", "image/png", "text/htmlx",
            ),
        ),
    ],
)  # fmt: skip
def test_program_gets_a_problem(visitor: httpx.Client, path: str, accept: str) -> None:
    """Whatever is under /api, and whoever does not ask for HTML first, is answered with problem details."""
    answer = visitor.get(path, headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (answer.json()["code"], answer.json()["detail"]) == ("not_found", f"there is nothing at {path}")


@pytest.mark.parametrize("accept", ["text/html", "TEXT/HTML", "text/html;q=0.5", "text/html, application/json"])
def test_html_is_asked_for_in_many_ways(visitor: httpx.Client, accept: str) -> None:
    """Weights and capitals do not hide that a person asks."""
    assert visitor.get("/a/b", headers={"Accept": accept}).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/benches", {"GET"}), ("DELETE", "/jobs/aaaaaaaaaaaa", {"GET"}), ("PUT", "/login", {"GET", "POST"})],
)
def test_wrong_method_is_a_page_for_people(visitor: httpx.Client, method: str, path: str, allowed: set[str]) -> None:
    """405 keeps the header Allow; people read a page, programs a problem."""
    person = visitor.request(method, path, headers={"Accept": BROWSER})
    program = visitor.request(method, path)

    assert (person.status_code, program.status_code) == (405, 405)
    assert person.headers["allow"] == program.headers["allow"]
    assert set(person.headers["allow"].split(", ")) <= allowed
    assert f"{method} is not possible there" in web_lab.text_of(person)
    assert program.json()["code"] == "method_not_allowed"


def test_wrong_method_of_the_api_stays_a_problem(visitor: httpx.Client) -> None:
    """A browser's Accept header changes nothing under /api."""
    answer = visitor.request("DELETE", "/api/v1/jobs", headers={"Accept": BROWSER})

    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")


@pytest.mark.parametrize("accept", [BROWSER, "*/*"])
def test_health_is_as_before(visitor: httpx.Client, accept: str) -> None:
    """What watches the server is answered with JSON and text, whoever asks."""
    answers = [visitor.get(path, headers={"Accept": accept}) for path in ("/healthz", "/readyz", "/metrics")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.headers["content-type"].partition(";")[0] for answer in answers] == [
        "application/json", "application/json", "text/plain",
    ]  # fmt: skip
