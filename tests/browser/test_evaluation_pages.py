"""The pages of evaluation rounds in a real Chromium: every state, narrow, without scripts, with hostile text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import round_lab
import web_lab
from browser_kit import ARGUMENTS, Watched, chromium
from playwright.sync_api import Playwright, expect
from round_lab import Rounds

pytestmark = pytest.mark.browser

PAGES = ("/evaluations", "sealed", "revealed", "run", "wrong", "/evaluations/aaaaaaaaaaaa", "/no/such/page")


@dataclass(frozen=True)
class RoundSite:
    """A server that lets anyone read, on a store with rounds."""

    url: str
    rounds: Rounds

    def at(self, page: str) -> str:
        """Return the address of a page by its name."""
        return self.url + self.rounds.path(page)


@pytest.fixture(scope="module")
def round_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoundSite]:
    """Rounds in every state behind a server."""
    folder = tmp_path_factory.mktemp("round-lab")
    with round_lab.filled(folder) as (lab, rounds), web_lab.served(lab, "--public-read") as site:
        yield RoundSite(site.url, rounds)


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_and_fits_a_narrow_screen(watched: Watched, round_site: RoundSite, page: str) -> None:
    """At 400 pixels nothing scrolls sideways; nothing complains but an address that is not there, about its status."""
    watched.page.set_viewport_size({"width": 400, "height": 800})
    watched.page.goto(round_site.at(page))

    expect(watched.page.locator("h1")).to_have_count(1)
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 400
    assert watched.page.locator("table:not(:has(> caption))").count() == 0
    assert watched.page.locator("th:not([scope])").count() == 0
    assert watched.page.evaluate("window.pwned") is None
    assert [line for line in watched.all() if "status of 404" not in line] == []


def test_way_from_the_head_to_a_round_and_its_jobs(watched: Watched, round_site: RoundSite) -> None:
    """From any page's head a reader comes to the rounds, to one of them, and to the jobs that ran with its seeds."""
    page, rounds = watched.page, round_site.rounds
    page.goto(round_site.url)
    page.get_by_role("link", name="Evaluations").click()
    expect(page.get_by_role("heading", name="Evaluation rounds")).to_be_visible()
    page.get_by_role("link", name=rounds.run).click()
    expect(page.get_by_text("verified", exact=True).first).to_be_visible()
    page.get_by_role("link", name=rounds.digest).click()
    expect(page.get_by_role("heading", name="Declaration")).to_be_in_viewport()
    page.get_by_role("link", name="2 failed").click()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_sealed_round_keeps_its_secret_in_a_browser_too(watched: Watched, round_site: RoundSite) -> None:
    """Neither text nor markup of a sealed round's page holds the secret."""
    rounds = round_site.rounds
    watched.page.goto(round_site.at("sealed"))

    expect(watched.page.get_by_text("sealed until the freeze")).to_be_visible()
    assert rounds.secrets[rounds.sealed] not in watched.page.content()


def test_rounds_need_no_scripts(playwright: Playwright, round_site: RoundSite) -> None:
    """With JavaScript switched off the check of a round is there, line by line."""
    browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
    try:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(round_site.at("wrong"))

        expect(page.get_by_text("This round does not check.", exact=True)).to_be_visible()
        expect(page.get_by_role("row", name="The secret is the one")).to_contain_text("WRONG")
        expect(page.get_by_role("row", name="The seeds follow")).to_contain_text("verified")
        page.goto(f"{round_site.url}/no/such/page")
        expect(page.get_by_text("There is no page at /no/such/page.")).to_be_visible()
        page.get_by_role("link", name="Back to the queue").click()
        expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    finally:
        browser.close()
