"""The page of targets, and both gaps on the page of an attempt."""

from __future__ import annotations

import httpx
import numpy as np
import web_lab
from store_kit import Shelf
from web_lab import ADMIN

from neurorig_protocols.number_text import count_text
from neurorig_protocols.workloads.qubo import targets_shipped
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, Proposal
from neurorig_server.store.files import NewFile
from neurorig_server.store.targets import TargetFilter
from neurorig_server.web import targets_page


def test_page_shows_both_targets_with_their_origin(reader: httpx.Client) -> None:
    """Every tuning instance is a row: official, best verified, proof, finder, date, and a link to its solution."""
    response = reader.get("/targets")
    text = web_lab.text_of(response)
    key = MisProblem(n=250, density=0.05, seed=0).key
    best = targets_shipped.best(key)
    assert best is not None

    assert "Of 180 problems" in text or "Of 181 problems" in text
    assert f"n = 250, 5 %, seed 0 1 562 {count_text(-67)} {count_text(best.cost)}" in text
    assert best.found_by in text
    assert best.found_at.isoformat() in text
    assert "optimal kernelisation" in text
    link = f"/api/v1/targets/{key}/solution"
    assert f'href="{link}"' in response.text
    assert reader.get(link).json()["cost"] == best.cost


def test_page_can_be_narrowed(reader: httpx.Client) -> None:
    """One size shows that size only, and what is no filter is a page that says so."""
    text = web_lab.text_of(reader.get("/targets?n=10&density=0.05"))

    assert "Of 5 problems" in text
    assert "Only problems with n 10, density 0.05." in text
    assert "No target here." in web_lab.text_of(reader.get("/targets?n=11"))
    assert reader.get("/targets?n=many").status_code == 422


def test_page_asks_for_a_token(visitor: httpx.Client) -> None:
    """Who is not signed in is asked to."""
    assert visitor.get("/targets").status_code == 401


def test_attempt_shows_both_gaps(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Beside the official gap stands the one to the best verified target, and each gap names its target."""
    text = web_lab.text_of(reader.get(lab.ids.path("qubo")))

    for part in ("Gap to the official target", "Gap to the best verified", "Held by, when this was verified"):
        assert part in text
    assert "official target" in text


def test_rows_of_uploaded_and_hostile_targets(lab: web_lab.Lab) -> None:
    """An uploaded problem has no edges and no official target; text of others stays text."""
    hexadecimal = "c" * 64
    digest = f"sha256:{hexadecimal}"
    uploaded = NewFile(digest=hexadecimal, kind="qubo", name="one", size=1, facts={})
    lab.store.files.add(uploaded, ADMIN, Shelf(hexadecimal))
    proposal = Proposal(
        problem={"workload": "qubo", "problem": digest},
        solution=pack_bits(np.zeros(4, np.uint8)),
        found_by="<script>alert(1)</script>",
        found_on="paper",
    )
    lab.store.targets.propose(proposal, n=4, cost=-1, who=ADMIN)
    (row,) = targets_page.context(lab.store, TargetFilter(problem=digest))["rows"]

    assert (row.edges, row.official, row.lower_by, row.proven) == ("–", "–", "–", "no")
    assert row.problem.startswith("uploaded, 4 variables, sha256:cccc")


def test_hostile_finder_is_escaped(reader: httpx.Client) -> None:
    """A finder's name is never markup."""
    assert "<script>alert" not in reader.get("/targets").text
