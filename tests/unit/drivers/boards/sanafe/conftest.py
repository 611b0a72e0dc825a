"""Boards on SANA-FE, in its own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sanafe_kit import sanafe_python

from neurorig_drivers.boards.sanafe.sanafe_driver import SanafeBoard
from neurorig_protocols.bench import BoardConfig


@pytest.fixture
def open_board() -> Iterator[Callable[..., SanafeBoard]]:
    """Return what opens a board without a lab; all are closed afterwards."""
    python = sanafe_python()
    boards: list[SanafeBoard] = []

    def opened(**options: str | float) -> SanafeBoard:
        boards.append(SanafeBoard(BoardConfig(driver="sanafe", options={"python": python} | options)))
        return boards[-1]

    yield opened
    for board in boards:
        board.close()
