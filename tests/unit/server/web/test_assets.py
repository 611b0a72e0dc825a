"""Static files over HTTP from a real server."""

from __future__ import annotations

import re

import httpx
import web_lab


def test_assets_are_kept_for_ever_under_their_version(visitor: httpx.Client) -> None:
    """What a page links may be cached for ever; another version's address is answered but not kept."""
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', visitor.get("/login").text)

    for link in links:
        assert "immutable" in visitor.get(link).headers["cache-control"]
    assert visitor.get("/static/0/app.css").headers["cache-control"] == "no-cache"
    assert visitor.get("/static/0/secret.txt").status_code == 404


def test_plotly_comes_compressed(visitor: httpx.Client, reader: httpx.Client, lab: web_lab.Lab) -> None:
    """The large script travels compressed to whoever can read that, and whole to others."""
    link = re.search(r'src="(/static/\w+/plotly\.min\.js)"', reader.get(lab.ids.path("qubo")).text)
    assert link is not None

    packed = visitor.get(link[1], headers={"Accept-Encoding": "gzip"})
    whole = visitor.get(link[1], headers={"Accept-Encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 0.4 * len(whole.content)
    assert packed.content == whole.content
