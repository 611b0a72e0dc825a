"""The GPU board keeps to the interface, on numba's CUDA simulator: no GPU is needed and none is claimed."""

from __future__ import annotations

from pathlib import Path

import pytest
from gpu_simulator import SIMULATED

from neurorig_agents.bench_doctor import examine

BENCH = """
name = "simulated-gpu"
reality = "virtual"
[board]
driver = "host-gpu"
"""


def test_the_gpu_board_conforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`neurorig agent check` finds nothing wrong with the board, in a child process."""
    for name, value in SIMULATED.items():
        monkeypatch.setenv(name, value)
    bench = tmp_path / "bench.toml"
    bench.write_text(BENCH)

    findings = list(examine(bench))

    assert [finding for finding in findings if not finding.passed] == []
    assert sum(finding.check.startswith("board 'host-gpu'") for finding in findings) == 10
