"""Shared parts of the virtual lab's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def read_truth(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Return the truth lines of a bench whose log lies in tmp_path/truth."""

    def read(bench: str = "virtual") -> list[dict[str, Any]]:
        path = tmp_path / "truth" / f"{bench}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return read
