"""The pages that list campaigns and comparisons."""

from __future__ import annotations

import httpx
import pytest
import web_lab

from neurorig_protocols.api.campaigns import CampaignCreated
from neurorig_protocols.api.comparisons import ComparisonRequest, Side


@pytest.fixture(scope="module")
def campaign(lab: web_lab.Lab) -> CampaignCreated:
    """A campaign with a name that HTML could read, in the filled store."""
    specs = [web_lab.qubo_spec(), web_lab.qubo_spec()]
    return lab.store.campaigns.submit("<b>list</b> me", specs, web_lab.ADMIN, wait_for_bench=True)


def test_campaigns_can_be_found_again(reader: httpx.Client, campaign: CampaignCreated) -> None:
    """A campaign is listed with a link, its size and its states; the navigation leads to the list."""
    response = reader.get("/campaigns", params={"name": "LIST"})

    assert f'href="/campaigns/{campaign.id}"' in response.text
    assert "&lt;b&gt;list&lt;/b&gt; me" in response.text
    assert "queued 2" in web_lab.text_of(response)
    assert 'href="/campaigns"' in reader.get("/").text
    assert 'href="/comparisons"' in reader.get("/").text


def test_filters_that_match_nothing_offer_the_whole_list(reader: httpx.Client, campaign: CampaignCreated) -> None:
    """A form with empty fields shows everything; one that matches nothing has a way back."""
    assert campaign.id in reader.get("/campaigns?name=&owner=&tag=").text
    for name in ("campaigns", "comparisons"):
        found = reader.get(f"/{name}?owner=nobody")
        assert found.status_code == 200
        assert f'<a href="/{name}">Show all {name}</a>' in found.text
        assert 'value="nobody"' in found.text


def test_comparisons_can_be_found_again(reader: httpx.Client, lab: web_lab.Lab, campaign: CampaignCreated) -> None:
    """A comparison is listed with links to itself and to both sides."""
    asked = ComparisonRequest(name="both", left=Side(campaign=campaign.id), right=Side(job=campaign.jobs[0]))
    made = lab.store.comparisons.create(asked, web_lab.ADMIN)
    text = reader.get("/comparisons?name=both&owner=").text

    for address in (f"/comparisons/{made.id}", f"/campaigns/{campaign.id}", f"/jobs/{campaign.jobs[0]}"):
        assert f'href="{address}"' in text


def test_list_goes_on_over_pages(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """More campaigns than a page holds are reached by the link to older ones, which keeps the filter."""
    for k in range(31):
        lab.store.campaigns.submit(f"many {k}.", [web_lab.qubo_spec()], web_lab.ADMIN, wait_for_bench=True)
    first = reader.get("/campaigns?name=many").text
    older = first.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = reader.get(older).text

    assert "many 30." in first
    assert "many 0." not in first
    assert "many 0." in second
    assert 'href="/campaigns?name=many"' in second


@pytest.mark.parametrize("path", ["/campaigns?cursor=!", "/comparisons?cursor=!", "/comparisons?tag=x"])
def test_another_address_is_a_page_that_says_so(reader: httpx.Client, path: str) -> None:
    """A cursor of another server and an unknown filter are refused as pages."""
    assert reader.get(path).status_code == 422


def test_lists_ask_for_a_token(visitor: httpx.Client) -> None:
    """Without a token the lists show the sign-in form."""
    for path in ("/campaigns", "/comparisons"):
        found = visitor.get(path)
        assert "login" in found.headers.get("location", "") or "Sign in" in found.text
        assert 'class="cards"' not in found.text
