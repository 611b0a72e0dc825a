"""A placement as text shows what the board told, and nothing malformed."""

from __future__ import annotations

from typing import Any

import pytest
from rich.text import Text
from whole_answers import record

from neurorig.cli.tables import placement
from neurorig_protocols.board import Placement

MESH = {"grain": "core", "columns": 3, "rows": 2, "work_percent": [100, 50, -1, 0, 100, -1]}


def found(mesh: Any) -> Placement:
    """Return a placement with a mesh."""
    return record(Placement, cores=4, utilisation={"fan_in_per_core": 0.5}, summary={"mesh": mesh})


def text_of(mesh: Any) -> str:
    """Return what is shown of it."""
    (shown,) = placement(found(mesh), "virtual")
    assert isinstance(shown, Text)
    return shown.plain


def test_cells_are_shaded_in_rows() -> None:
    """The busiest is '@', an unused cell is empty, and the use of limits and the reality are said."""
    assert text_of(MESH).splitlines() == [
        "placement (virtual): 4 cores; use of fan in per core 50\u00a0%",
        "  expected work of each core, '@' is the busiest",
        "  |@+ |",
        "  |.@ |",
    ]


@pytest.mark.parametrize("change", [{"columns": 0}, {"columns": "3"}, {"work_percent": [101]}, {"work_percent": None}])
def test_a_malformed_mesh_is_left_out(change: dict[str, Any]) -> None:
    """The line with the limits stays."""
    assert len(text_of(MESH | change).splitlines()) == 1


def test_boards_that_say_nothing_show_nothing() -> None:
    """No placement, or one without limits, is no text at all."""
    assert placement(None, "physical") == placement(record(Placement, cores=1), "physical") == []
    assert len(text_of(None).splitlines()) == 1
