"""Every driver of the house keeps to the interface: the checks of `neurorig agent check` on each kind of bench."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nvml_kit import Gpus

from neurorig_agents.bench_doctor import examine
from neurorig_drivers.conformance.checks import Finding

START_LAB = [sys.executable, "-c", "from neurorig_lab.lab_commands import lab; lab()", "start"]

HOST_CPU = """
name = "this-computer"
reality = "physical"
components = [{{ name = "cpu" }}]
rails = [{{ name = "package", component = "cpu" }}]
[board]
driver = "host-cpu"
[[monitors]]
id = "rapl"
driver = "rapl"
channels = [{{ channel = 1, rail = "package" }}]
options = {{ root = "{root}" }}
"""


def failed(findings: list[Finding]) -> list[Finding]:
    """Return the checks that a driver did not pass."""
    return [finding for finding in findings if not finding.passed]


@pytest.mark.parametrize("kind", ["virtual-loihi", "virtual-serial"])
def test_the_drivers_of_a_virtual_bench_conform(tmp_path: Path, kind: str) -> None:
    """Board and analyser of a virtual bench pass every check, each in a child process."""
    command = [*START_LAB, kind, "--dir", str(tmp_path), "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        ready = json.loads(running.stdout.readline())
        findings = list(examine(Path(ready["bench"])))
        running.stdin.close()
        running.wait(20)

    assert failed(findings) == []
    assert {f.check.partition(" '")[0] for f in findings} >= {"board", "monitor"}


def test_the_drivers_of_this_computer_conform(tmp_path: Path) -> None:
    """The host's solvers and the RAPL monitor, on counters made of files, pass every check."""
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    for name, text in {"name": "package-0", "energy_uj": "5000", "max_energy_range_uj": "262143328850"}.items():
        (zone / name).write_text(f"{text}\n")
    bench = tmp_path / "bench.toml"
    bench.write_text(HOST_CPU.format(root=tmp_path))

    findings = list(examine(bench))

    assert failed(findings) == []
    assert sum(f.check.startswith("monitor 'rapl'") for f in findings) == 6


def test_the_energy_counters_of_gpus_conform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The NVML monitor, on virtual GPUs behind the real nvidia-ml-py, passes every check."""
    Gpus(tmp_path / "gpus", power_w=(70.0, 80.0)).install(monkeypatch)
    monitor = 'id = "nvml"\ndriver = "nvml"\nchannels = [{{ channel = 1, rail = "package" }}]\n'
    bench = tmp_path / "bench.toml"
    bench.write_text((HOST_CPU.partition("[[monitors]]\n")[0] + "[[monitors]]\n" + monitor).format())

    findings = list(examine(bench))

    assert failed(findings) == []
    assert sum(f.check.startswith("monitor 'nvml'") for f in findings) == 6
