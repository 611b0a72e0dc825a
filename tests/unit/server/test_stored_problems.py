"""Uploaded problems in memory: the right one, and not too many."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.problem_file import to_bytes
from neurorig_server.objects.files import FileStore, StoredProblems


def kept(folder: Path, first: int, *, n: int = 10) -> str:
    """Keep a problem and return its digest."""
    none = np.zeros(0, np.int64)
    content = to_bytes(Problem(n, none, none, none, np.full(n, first, np.int64)))
    digest = hashlib.sha256(content).hexdigest()
    staged = folder / "staged"
    staged.write_bytes(content)
    FileStore(str(folder / "store")).put(digest, staged)
    return f"sha256:{digest}"


def test_a_problem_is_read_once(tmp_path: Path) -> None:
    """The second asking gives the same object, also when the file is gone."""
    digest = kept(tmp_path, 3)
    problems = StoredProblems(str(tmp_path / "store"))

    first = problems.get(digest)
    for path in (tmp_path / "store" / "files").rglob("*"):
        if path.is_file():
            path.unlink()

    assert problems.get(digest) is first
    assert first.cost(np.ones(10)) == 30


def test_memory_is_bounded_and_the_last_one_stays(tmp_path: Path) -> None:
    """Beyond the limit the one that was asked for longest ago goes; one larger than the limit is still given."""
    digests = [kept(tmp_path, k) for k in (1, 2, 3)]
    problems = StoredProblems(str(tmp_path / "store"), cache_bytes=2 * 80)
    held = [problems.get(digest) for digest in digests]

    assert problems.get(digests[2]) is held[2]
    assert problems.get(digests[1]) is held[1]
    assert problems.get(digests[0]) is not held[0]
    assert StoredProblems(str(tmp_path / "store"), cache_bytes=1).get(digests[0]).n == 10


def test_a_problem_that_is_not_here_is_not_found(tmp_path: Path) -> None:
    """The caller is told."""
    with pytest.raises(FileNotFoundError):
        StoredProblems(str(tmp_path / "store")).get("sha256:" + "0" * 64)
