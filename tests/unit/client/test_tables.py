"""Tables of an attempt: what was reached, what was not, and what a board only believed."""

from __future__ import annotations

import io

from whole_answers import record

from neurorig.cli.tables import reached
from neurorig.plain_console import PlainConsole as Console
from neurorig_protocols.api.attempts import ReachedGap

NOT_REACHED = {"reason_code": "not_reached", "reason": "the gap was not reached"}


def test_belief_of_a_rounding_board_stands_beside_not_reached():
    """When its rounded cost reached the gap is told, and no energy; a gap that nobody claimed has neither."""
    gaps = [
        {"gap": 0.1, "target_cost": -9, "cost": -8, "energy": NOT_REACHED, "believed_s": 0.0125},
        {"gap": 0.01, "target_cost": -10, "energy": NOT_REACHED},
    ]
    console = Console(width=120, file=io.StringIO())
    console.print(reached([record(ReachedGap, gap) for gap in gaps], "virtual"))
    believed, missed = console.file.getvalue().splitlines()[1:]

    assert believed.split("−9", 1)[1].split() == (
        ["not", "reached", "(rounded", "cost", "did,", "12.50", "ms)", "not", "reached", "virtual"]
    )
    assert missed.split("−10", 1)[1].split() == ["not", "reached", "not", "reached", "virtual"]
