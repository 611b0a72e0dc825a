"""A real Chromium on real servers with a filled store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import web_lab
from browser_kit import ARGUMENTS, WATCH, Watched, chromium
from playwright.sync_api import BrowserContext, Playwright, sync_playwright


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[web_lab.Lab]:
    """A store with an attempt of every kind; `lab.ids` names them."""
    with web_lab.filled(tmp_path_factory.mktemp("browser-lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def site(lab: web_lab.Lab) -> Iterator[web_lab.Site]:
    """The store behind a server that lets anyone read."""
    with web_lab.served(lab, "--public-read") as site:
        yield site


@pytest.fixture(scope="module")
def closed_site(lab: web_lab.Lab) -> Iterator[web_lab.Site]:
    """The store behind a server that asks for a token."""
    with web_lab.served(lab) as site:
        yield site


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver process, ended with the module: while it runs, no other test may run an event loop."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A Chromium with an empty profile."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=chromium(),
        args=list(ARGUMENTS),
        viewport={"width": 1200, "height": 900},
    )
    context.add_init_script(WATCH)
    yield context
    context.close()


@pytest.fixture
def watched(browser: BrowserContext) -> Iterator[Watched]:
    """A new page; whoever uses it looks at its complaints."""
    watched = Watched(browser.new_page())
    watched.page.on("console", watched.heard)
    watched.page.on("pageerror", watched.failed)
    yield watched
    watched.page.close()
    browser.clear_cookies()
