"""What a job counts as, on its page and on its attempt's page."""

from __future__ import annotations

import httpx
import web_lab


def test_standing_is_said_on_both_pages(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """A job without a declaration counts as exploratory, and the reason stands beside it."""
    attempt = reader.get(lab.ids.path("qubo"))
    job_id = lab.store.attempts.get(lab.ids.path("qubo").rpartition("/")[2]).job_id

    for response in (attempt, reader.get(f"/jobs/{job_id}")):
        assert "Counts as exploratory : it names no frozen tuning declaration." in _spaced(response)


def test_page_of_a_workload_without_rules_says_nothing(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Handwritten digits have no standing."""
    assert "Counts as" not in web_lab.text_of(reader.get(lab.ids.path("digits")))


def _spaced(response: httpx.Response) -> str:
    return " ".join(web_lab.text_of(response).split())
