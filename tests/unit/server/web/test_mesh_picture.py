"""The picture of a placement shows what a board says, and nothing that is not of that form."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import web_lab

from neurorig_server.web.mesh_picture import pictures

MESH = {"grain": "core", "columns": 3, "rows": 2, "work_percent": [100, 40, -1, 0, 7, 9], "memory_percent": [1] * 6}


def test_every_cell_is_drawn_in_its_place() -> None:
    """Cells lie row by row, the busiest is darkest, an unused one has no shade and says so."""
    (title, svg), (other, _) = pictures({"mesh": MESH})
    cells = list(ET.fromstring(svg).iter("rect"))  # noqa: S314 - our own picture

    assert title == "Expected work per step, of the busiest, by core"
    assert other == "Synaptic memory in use, by core"
    assert [(cell.get("x"), cell.get("y")) for cell in cells[:4]] == [("0", "0"), ("10", "0"), ("20", "0"), ("0", "10")]
    assert float(cells[0].get("fill-opacity") or 0) == 1.0 > float(cells[1].get("fill-opacity") or 1)
    assert cells[2].get("fill-opacity") is None
    assert [cell.findtext("title") for cell in cells[:3]] == ["100 %", "40 %", "unused"]


@pytest.mark.parametrize(
    "change",
    [
        {"columns": 0, "rows": 0}, {"columns": "3"}, {"columns": 10**6, "rows": 10**6}, {"rows": 3},
        {"columns": True}, {"columns": -3, "rows": -2},
    ],
)  # fmt: skip
def test_malformed_meshes_are_not_drawn(change: dict[str, Any]) -> None:
    """What an agent may send and no driver says is left out."""
    assert pictures({"mesh": MESH | change}) == []


@pytest.mark.parametrize("shares", [[101] * 6, ["<script>"] * 6, [0.5] * 6, None, [True] * 6])
def test_malformed_shares_are_not_drawn(shares: Any) -> None:
    """Only the other picture remains."""
    assert [title for title, _ in pictures({"mesh": MESH | {"work_percent": shares}})] == [
        "Synaptic memory in use, by core"
    ]


def test_a_placement_without_a_mesh_has_no_picture() -> None:
    """Other boards say nothing of a mesh; the grain is text and is escaped."""
    assert pictures({}) == pictures({"mesh": "<b>"}) == []
    svg = pictures({"mesh": MESH | {"grain": '"><script>'}})[0][1]
    assert "<script>" not in svg


def test_the_page_of_an_attempt_shows_it_and_says_virtual(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Both pictures stand with the placement; their numbers are not repeated among its facts."""
    page = reader.get(f"/attempts/{lab.ids.qubo}").text

    assert page.count('<svg class="mesh"') == 2
    assert "Expected work per step, of the busiest, by core, VIRTUAL" in page
    assert "work_percent" not in page
