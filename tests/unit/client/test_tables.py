"""Tables of an attempt: what was reached, what was not, and what a board only believed."""

from __future__ import annotations

import io

from whole_answers import record

from neurorig.cli.tables import answer_tables
from neurorig.plain_console import PlainConsole as Console
from neurorig_protocols.workloads.qubo.qubo_records import QuboAnswerView

NOT_REACHED = {"reason_code": "not_reached", "reason": "the gap was not reached"}


def test_belief_of_a_rounding_board_stands_beside_not_reached():
    """The time at which its rounded cost reached the gap is shown without energy; an unclaimed gap has neither."""
    gaps = [
        {"gap": 0.1, "target_cost": -9, "cost": -8, "energy": NOT_REACHED, "believed_s": 0.0125},
        {"gap": 0.01, "target_cost": -10, "energy": NOT_REACHED},
    ]
    answer = record(QuboAnswerView, solver="s", verified={"kind": "qubo", "reached": gaps})
    console = Console(width=200, file=io.StringIO())
    console.print(*answer_tables(answer))
    believed, missed = console.file.getvalue().splitlines()[1:]

    assert "not reached, though the board, whose weights are rounded, believed so at 12.50 ms" in believed
    assert missed.split("−10", 1)[1].split() == ["–", "not", "reached", "–"]
