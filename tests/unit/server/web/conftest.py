"""A filled store behind a real server, once for each module of page tests, since some add to it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import web_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[web_lab.Lab]:
    """A store with an attempt of every kind; `lab.ids` names them."""
    with web_lab.filled(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def site(lab: web_lab.Lab) -> Iterator[web_lab.Site]:
    """The filled store behind a server that asks for a token."""
    with web_lab.served(lab) as site:
        yield site


@pytest.fixture
def visitor(site: web_lab.Site) -> Iterator[httpx.Client]:
    """Somebody without a token."""
    with httpx.Client(base_url=site.url, timeout=30) as client:
        yield client


@pytest.fixture
def reader(site: web_lab.Site, visitor: httpx.Client) -> httpx.Client:
    """Somebody who signed in."""
    visitor.cookies.set("neurorig_token", site.token)
    return visitor
