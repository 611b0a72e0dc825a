"""The REST reference as pages: complete, linked, and reachable from the usual addresses."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest
import web_lab

from neurorig_server.web.openapi_text import METHODS, type_text


@pytest.fixture
def document(visitor: httpx.Client) -> dict[str, Any]:
    """The server's OpenAPI document."""
    found: dict[str, Any] = visitor.get("/api/v1/openapi.json").json()
    return found


def test_every_operation_is_shown_with_its_scope(visitor: httpx.Client, document: dict[str, Any]) -> None:
    """Each method and path of the document has its part with summary and parameters; nobody needs a token to read."""
    response = visitor.get("/docs")
    text = web_lab.text_of(response)
    operations = [
        (path, method, found)
        for path, methods in document["paths"].items()
        for method, found in methods.items()
        if method in METHODS
    ]

    assert response.status_code == 200
    assert len(re.findall('<article class="operation"', response.text)) == len(operations) > 40
    for path, method, found in operations:
        assert f"{method.upper()} {path}" in text
        part = unescape(response.text.split(f'id="{found["operationId"]}"')[1].split("</article>")[0])
        assert all(f"<code>{parameter['name']}</code>" in part for parameter in found.get("parameters", ()))
        assert ("Needs the scope" in part) == ("security" in found)
    assert "Needs the scope <code>submit</code>" in response.text.split('id="submit_job"')[1].split("</article>")[0]
    assert "infeasible" in text


def test_every_record_is_shown(visitor: httpx.Client, document: dict[str, Any]) -> None:
    """Each record of the document has its section with all fields."""
    text = visitor.get("/docs/records").text

    for name, schema in document["components"]["schemas"].items():
        part = text.split(f'<h2 id="{name}">')[1].split("</section>")[0]
        assert all(f"<code>{field}</code>" in part for field in schema.get("properties", ()))


def test_links_between_the_pages_lead_to_a_record(visitor: httpx.Client) -> None:
    """A record that a type names exists on the page of records, and every link within a page has its place."""
    pages = {path: visitor.get(path).text for path in ("/docs", "/docs/records")}
    for text in pages.values():
        links = set(re.findall(r'href="/docs/records#(\w+)"', text))
        assert links
        assert links <= set(re.findall(r'id="(\w+)"', pages["/docs/records"]))
    assert set(re.findall(r'href="#(\w+)"', pages["/docs"])) <= set(re.findall(r'id="(\w+)"', pages["/docs"]))


@pytest.mark.parametrize("address", ["/redoc", "/api", "/api/docs", "/api/redoc", "/api/v1", "/api/v1/docs"])
def test_usual_addresses_lead_to_the_reference(visitor: httpx.Client, address: str) -> None:
    """Where other servers have their reference, this one sends readers on."""
    response = visitor.get(address)

    assert (response.status_code, response.headers["location"]) == (308, "/docs")


@pytest.mark.parametrize("address", ["/docs", "/docs/records"])
def test_nothing_comes_from_elsewhere(visitor: httpx.Client, address: str) -> None:
    """The pages load from this server only and run no script."""
    text = visitor.get(address).text

    assert re.findall(r'(?:src|href)="(?!/|#)[^"]*"', text) == []
    assert "<script" not in text


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"$ref": "#/components/schemas/JobSpec"}, '<a href="/docs/records#JobSpec">JobSpec</a>'),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": "array", "items": {"type": "string", "format": "date-time"}}, "list of date-time"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object with values of number"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1.5}, "number, more than 0, at most 1.5"),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, "list of integer, string"),
        ({"enum": ["a", "<b>"]}, "<code>a</code> or <code>&lt;b&gt;</code>"),
        ({"const": True}, "<code>true</code>"),
        ({"type": "string", "pattern": "^<x>$"}, "string, matching <code>^&lt;x&gt;$</code>"),
        ({"type": "string", "pattern": r"^[^\x00]*$", "maxLength": 9}, "string, at most 9 characters"),
        ({}, "any value"),
    ],
)
def test_type_in_words(schema: dict[str, Any], text: str) -> None:
    """A schema becomes words; what it quotes is escaped."""
    assert type_text(schema) == text
