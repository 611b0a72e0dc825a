"""The pages of evaluation rounds, from a real server on a store with rounds in every state."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import round_lab
import web_lab
from round_lab import Rounds
from web_records import EVIL

from neurorig_protocols.benchmarks import evaluation
from neurorig_server.web import evaluation_pages

STATES = ("sealed", "revealed", "run", "wrong")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[web_lab.Lab, Rounds]]:
    """A store with rounds."""
    with round_lab.filled(tmp_path_factory.mktemp("rounds")) as found:
        yield found


@pytest.fixture(scope="module")
def rounds(made: tuple[web_lab.Lab, Rounds]) -> Rounds:
    """The ids of the rounds."""
    return made[1]


@pytest.fixture(scope="module")
def site(made: tuple[web_lab.Lab, Rounds]) -> Iterator[web_lab.Site]:
    """The store behind a server that asks for a token."""
    with web_lab.served(made[0]) as site:
        yield site


@pytest.fixture
def client(site: web_lab.Site) -> Iterator[httpx.Client]:
    """Somebody who signed in."""
    with httpx.Client(base_url=site.url, timeout=30, cookies={"neurorig_token": site.token}) as client:
        yield client


def test_sealed_round_shows_its_commitment_and_never_its_secret(
    client: httpx.Client, made: tuple[web_lab.Lab, Rounds]
) -> None:
    """Before the freeze no page, list or answer holds the secret or a seed that could follow from it."""
    lab, rounds = made
    secret = rounds.secrets[rounds.sealed]
    seeds = evaluation.derive(bytes.fromhex(secret), rounds.digest, rounds.sealed, "")
    pages = [client.get(path) for path in (rounds.path("sealed"), "/evaluations", "/")]

    text = web_lab.text_of(pages[0])
    assert lab.store.evaluations.get(rounds.sealed).commitment in text
    for part in ("open its secret is sealed", "sealed until the freeze", "not drawn", "Note the commitment down now"):
        assert part in text, part
    assert f"neurorig evaluation freeze {rounds.sealed} DIGEST" in text
    assert "verified" not in text.lower()
    for page in pages:
        assert secret not in page.text
        assert not any(str(seed) in page.text for seed in seeds)


def test_revealed_round_shows_all_that_a_check_needs(client: httpx.Client, made: tuple[web_lab.Lab, Rounds]) -> None:
    """Secret, nonce, seeds, declaration and every recomputed line stand on the page, and it says verified."""
    lab, rounds = made
    view = lab.store.evaluations.get(rounds.run)
    text = web_lab.text_of(client.get(rounds.path("run")))

    assert view.seeds is not None
    for part in (rounds.secrets[rounds.run], round_lab.NONCE, rounds.digest, view.commitment, *map(str, view.seeds)):
        assert part in text, part
    assert text.count(" verified ") == 5
    assert "WRONG" not in text
    assert f"neurorig evaluation verify {rounds.run}" in text


def test_declaration_is_shown_in_every_form(client: httpx.Client, rounds: Rounds) -> None:
    """Constants, functions and tables are told as they were declared."""
    text = web_lab.text_of(client.get(rounds.path("revealed")))

    for part in (
        'kind constant "<b>geometric</b>"', "levels constant 32", "t_max function 0.4 if density > 0.02 else 0.5",
        "8 for n up to 100", "16 for n up to 1000 and density up to 0.05", "32 for the rest",
        "Board virtual-loihi", "Solver annealing", "Rounds with it 3: seeds were drawn for it more than once",
        "none was sent, so the seeds rest on the secret alone",
    ):  # fmt: skip
        assert part in text, part


def test_round_that_does_not_check_says_where(client: httpx.Client, rounds: Rounds) -> None:
    """A commitment that was changed afterwards is called wrong at the top and in its line, the rest is verified."""
    text = web_lab.text_of(client.get(rounds.path("wrong")))

    assert "This round does not check." in text
    assert "The secret is the one that the server was bound to WRONG" in text
    assert text.count(" verified ") == 3


def test_jobs_of_a_round_are_counted_and_linked(client: httpx.Client, rounds: Rounds) -> None:
    """States lead to the jobs in them, the campaign to its tables, and the page reloads while jobs go on."""
    page = client.get(rounds.path("run"))
    text = web_lab.text_of(page)

    assert "5 jobs were submitted through this round: 3 queued , 2 failed ." in text
    assert f"evaluation {rounds.run} {rounds.campaign}" in text
    assert f'href="/campaigns/{rounds.campaign}"' in page.text
    link = f"/?tag=evaluation%3A{rounds.run}&state=failed"
    assert link.replace("&", "&amp;") in page.text
    assert client.get(link).text.count('<th scope="row" data-label="Job">') == 2
    assert 'http-equiv="refresh"' in page.text
    assert "http-equiv" not in client.get(rounds.path("revealed")).text
    assert "None yet. Submit them" in web_lab.text_of(client.get(rounds.path("revealed")))


def test_list_shows_every_round_and_how_often_was_drawn(client: httpx.Client, rounds: Rounds) -> None:
    """Each round has its line with its state; the counts by board and solver stand below."""
    page = client.get("/evaluations")
    text = web_lab.text_of(page)

    for name in STATES:
        assert f'href="/evaluations/{getattr(rounds, name)}"' in page.text
    assert "1 of all rounds waits for a declaration" in text
    assert "virtual-loihi annealing 3 1" in text
    assert 'aria-current="page">Evaluations' in page.text


def test_pages_lead_to_the_round(client: httpx.Client, rounds: Rounds) -> None:
    """The campaign, the list of its jobs and each of them name the round and lead to it; other tags do not."""
    link = f'href="/evaluations/{rounds.run}"'

    assert link in client.get(f"/campaigns/{rounds.campaign}").text
    assert link in client.get(f"/?tag=evaluation:{rounds.run}").text
    for other in ("night", "evaluation:", "evaluation:../x", f"xevaluation:{rounds.run}"):
        assert 'href="/evaluations/' not in client.get("/", params={"tag": other}).text
    job = client.get(f"/jobs/{rounds.job}")
    assert link in job.text
    assert "Counts as official evaluation" in web_lab.text_of(job)


def test_older_rounds_are_a_page_further(made: tuple[web_lab.Lab, Rounds], monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is longer than a page leads to the rest and back."""
    monkeypatch.setattr(evaluation_pages, "PAGE_ROUNDS", 3)
    first = evaluation_pages.list_context(made[0].store, None)
    cursor = first["older_url"].partition("cursor=")[2]
    second = evaluation_pages.list_context(made[0].store, cursor)

    assert (len(first["rounds"]), len(second["rounds"])) == (3, 1)
    assert (first["newest_url"], second["newest_url"], second["older_url"]) == (None, "/evaluations", None)


def test_text_of_users_stays_text(client: httpx.Client, rounds: Rounds) -> None:
    """Markup in comments and constants is shown, never read."""
    for page in (client.get(rounds.path("sealed")), client.get("/evaluations"), client.get(rounds.path("run"))):
        assert "<img src=x" not in page.text
        assert "<b>geometric" not in page.text
    assert EVIL in web_lab.text_of(client.get(rounds.path("sealed")))


@pytest.mark.parametrize(
    ("path", "status"),
    [("/evaluations/aaaaaaaaaaaa", 404), ("/evaluations/UPPER", 422), ("/evaluations?cursor=!", 422),
     ("/evaluations?nonsense=1", 422), ("/evaluations?cursor=" + "a" * 65, 422)],
)  # fmt: skip
def test_what_is_not_there_is_a_page(client: httpx.Client, path: str, status: int) -> None:
    """An unknown round and a wrong address answer with a page."""
    response = client.get(path)

    assert (response.status_code, response.headers["content-type"].partition(";")[0]) == (status, "text/html")


def test_pages_ask_for_a_token(site: web_lab.Site, rounds: Rounds) -> None:
    """Who is not signed in is asked to, and is told nothing."""
    answers = [httpx.get(site.url + path) for path in ("/evaluations", rounds.path("run"))]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert not any(rounds.secrets[rounds.run] in answer.text for answer in answers)
