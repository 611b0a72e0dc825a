"""One Lava worker for all tests of a session that do not end it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lava_kit import START_LIMIT_S, lava_python

from neurorig_drivers.boards.loihi.lava_child import LavaChild


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """Return the Python 3.10 that Lava runs under."""
    return lava_python()


@pytest.fixture(scope="session")
def worker(interpreter: Path) -> Iterator[LavaChild]:
    """Return a worker that no test may end."""
    child = LavaChild(interpreter, start_limit_s=START_LIMIT_S)
    yield child
    child.close()
