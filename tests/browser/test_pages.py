"""What a person sees: pages in a real Chromium, drawn charts, narrow screens, no scripts, hostile text."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import web_lab
from browser_kit import ARGUMENTS, Watched, chromium
from playwright.sync_api import Playwright, expect

pytestmark = pytest.mark.browser

CHARTED = ("qubo", "digits", "unmetered", "lost_meter")
PAGES = ("/", "/benches", "/targets", "/login", "evil_job", "running_job", *CHARTED, "failed", "running")


def opened(watched: Watched, site: web_lab.Site, page: str) -> None:
    """Open a page by its name and wait until its charts are drawn."""
    watched.page.goto(site.url + site.lab.ids.path(page))
    for plot in watched.page.locator(".plot").all():
        expect(plot.locator("svg.main-svg").first).to_be_visible()


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_without_a_complaint(watched: Watched, site: web_lab.Site, page: str) -> None:
    """No error, no warning, no violation of the policy, and a heading to begin with."""
    opened(watched, site, page)

    expect(watched.page.locator("h1")).to_have_count(1)
    assert watched.all() == []


def test_energy_chart_is_drawn(watched: Watched, site: web_lab.Site) -> None:
    """Five components in three phases are bars with marks and error bars, and the picture says VIRTUAL."""
    opened(watched, site, "qubo")

    plot = watched.page.locator("#energy-plot")
    assert plot.locator(".barlayer .point path").count() >= 15
    assert plot.locator(".scatterlayer .points path").count() == 15
    assert plot.locator(".scatterlayer .errorbar").count() == 15
    expect(plot.get_by_text("VIRTUAL")).to_be_visible()
    expect(plot.get_by_text("management-cpu").first).to_be_visible()


def test_power_trace_is_drawn_over_its_phases(watched: Watched, site: web_lab.Site) -> None:
    """Every rail is a visible line, every window a band, and the phases are named."""
    opened(watched, site, "qubo")

    plot = watched.page.locator("#trace-analyser-plot")
    lines = plot.locator(".scatterlayer .js-line")
    lengths = [line.evaluate("path => path.getTotalLength()") for line in lines.all()]
    assert len([length for length in lengths if length > 200]) == 6
    assert plot.locator(".shapelayer path").count() == 6
    for name in ("warmup", "run × 3", "supply (total)"):
        expect(plot.get_by_text(name)).to_be_visible()


def test_cost_curve_is_drawn_with_its_targets(watched: Watched, site: web_lab.Site) -> None:
    """Steps, both targets, gaps and the gap that was reached are all there."""
    opened(watched, site, "unmetered")

    plot = watched.page.locator("#answer-plot")
    assert plot.locator(".scatterlayer .js-line").count() == 5
    assert plot.locator(".scatterlayer .points path").count() == 1
    levels = ("best verified target", "official target, gap 0.01: −67", "gap 0.05: −64", "gap 0.1: −61")
    for name in (*levels, "best cost so far"):
        expect(plot.get_by_text(name)).to_be_visible()
    expect(plot.get_by_text("VIRTUAL")).to_have_count(0)


@pytest.mark.parametrize("page", PAGES)
def test_page_fits_a_narrow_screen(watched: Watched, site: web_lab.Site, page: str) -> None:
    """At 400 pixels nothing makes the page scroll sideways."""
    watched.page.set_viewport_size({"width": 400, "height": 800})
    opened(watched, site, page)

    width = watched.page.evaluate("document.documentElement.scrollWidth")

    assert width <= 400


def test_charts_take_the_page_s_colours(watched: Watched, site: web_lab.Site) -> None:
    """In the dark the charts' text is as light as the page's, and follows when the light changes."""
    watched.page.emulate_media(color_scheme="dark")
    opened(watched, site, "qubo")
    label = watched.page.locator("#answer-plot .xtick text").first

    expect(label).to_have_css("fill", "rgb(230, 232, 234)")
    watched.page.emulate_media(color_scheme="light")
    expect(label).to_have_css("fill", "rgb(27, 31, 35)")


@pytest.mark.parametrize("page", ["/", "/benches", "evil_job"])
def test_hostile_text_is_inert(watched: Watched, site: web_lab.Site, page: str) -> None:
    """Markup in comments, tags and descriptions is shown as text and runs nothing."""
    opened(watched, site, page)

    expect(watched.page.get_by_text("<img src=x").first).to_be_visible()
    assert watched.page.evaluate("window.pwned") is None
    assert watched.page.locator("img[src='x']").count() == 0
    assert watched.all() == []


def test_signing_in_and_out(watched: Watched, closed_site: web_lab.Site) -> None:
    """A closed server asks for a token, says when one is wrong, goes on with a good one and forgets it on request."""
    page, wanted = watched.page, closed_site.lab.ids.path("qubo")
    page.goto(closed_site.url + wanted)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("prints an admin token once")).to_be_visible()

    page.get_by_label("API token").fill("nrg_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown, expired or revoked")

    page.get_by_label("API token").fill(closed_site.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="qubo-mis")).to_be_visible()
    assert urlsplit(page.url).path == wanted
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []
    page.goto(closed_site.url)
    expect(page.get_by_label("API token")).to_be_visible()


def test_numbers_stand_without_scripts(playwright: Playwright, site: web_lab.Site) -> None:
    """With JavaScript switched off every number is in a table, and the chart says where."""
    browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
    try:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(site.url + site.lab.ids.path("qubo"))

        # Playwright's text search passes over <noscript>.
        expect(page.locator("noscript p").first).to_be_visible()
        row = page.locator("table.energy tr", has_text="neurocores")
        expect(row).to_contain_text("35.268 ± 0.021\u00a0mJ")
        page.get_by_text("Measured windows (6)").click()
        expect(page.get_by_role("cell", name="marker line").first).to_be_visible()
    finally:
        browser.close()


def test_keyboard_reaches_the_content_first(watched: Watched, site: web_lab.Site) -> None:
    """The first tab stop is a visible link that skips to the main part."""
    opened(watched, site, "/")

    watched.page.keyboard.press("Tab")
    skip = watched.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    watched.page.keyboard.press("Enter")
    expect(watched.page.locator("#main")).to_be_focused()


def test_tables_say_what_they_are(watched: Watched, site: web_lab.Site) -> None:
    """Every table has a caption, and every heading cell says what it heads."""
    for name in ("/", "/benches", "/targets", "evil_job", "qubo", "digits"):
        opened(watched, site, name)

        assert watched.page.locator("table:not(:has(> caption))").count() == 0
        assert watched.page.locator("th:not([scope])").count() == 0


def test_queue_reloads_until_all_is_done(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> None:
    """While a job runs the queue shows its end by itself; afterwards it stays as it is."""
    with web_lab.running(tmp_path_factory.mktemp("live")) as (lab, lease), web_lab.served(lab, "--public-read") as site:
        watched.page.goto(site.url)
        expect(watched.page.locator("tbody .state-running").first).to_be_visible()

        lab.fail(lease)

        expect(watched.page.locator("tbody .state-failed").first).to_be_visible(timeout=20_000)
        expect(watched.page.locator("meta[http-equiv=refresh]")).to_have_count(0)
