"""Fixtures of the tests that start real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An empty house."""
    house = House(tmp_path)
    yield house
    house.close()
