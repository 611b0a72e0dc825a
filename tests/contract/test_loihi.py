"""The board "loihi" on a bench: it conforms in a child process; an attempt on its CPU backend claims no energy.

On the chip, up to a stand-in for its closed extension, energy comes from the chip's own sensors.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lava_kit import lava_python

from neurorig_agents.attempt_control import Control, Stop
from neurorig_agents.bench_doctor import examine
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.executor import execute
from neurorig_agents.spool import Spool
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.job import BenchRecord, JobSpec
from neurorig_protocols.lease import Lease
from neurorig_protocols.report import AttemptReport
from neurorig_server.recompute.attempt import recompute
from neurorig_server.recompute.verdict import AnalysisInput

BENCH = """
name = "lava"
reality = "virtual"
components = [{{ name = "host" }}]
rails = [{{ name = "package", component = "host" }}]
[board]
driver = "loihi"
options = {{ lava_python = "{python}" }}
[[monitors]]
id = "rapl"
driver = "rapl"
channels = [{{ channel = 1, rail = "package" }}]
options = {{ root = "{root}" }}
"""

CHIP = """
name = "chip"
reality = "virtual"
[board]
driver = "loihi"
[board.options]
lava_python = "{python}"
backend = "loihi2"
extension = "{extension}"
slurm_board = "kp-7"
{more}
"""
EXTENSION = Path(__file__).parents[1] / "support" / "fake_loihi2"

JOB: dict[str, Any] = {
    "workload": {
        "name": "qubo-mis",
        "n": 25,
        "density": 0.1,
        "seed": 0,
        "scenario": {"kind": "fixed-timeout", "timeout_s": 0.3},
    },
    "solver": {"name": "nebm-sa"},
    "plan": {"idle_s": 0.02, "settle_s": 0.005},
}


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Return RAPL counters made of files: a monitor that would have something to say."""
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    for name, text in {"name": "package-0", "energy_uj": "5000", "max_energy_range_uj": "262143328850"}.items():
        (zone / name).write_text(f"{text}\n")
    return tmp_path


@pytest.fixture
def stop() -> Iterator[Stop]:
    """Return a wish to stop that nobody has."""
    made = Stop()
    yield made
    made.close()


def lease(solver: str = "nebm-sa") -> Lease:
    """Return a lease of the job."""
    job = JobSpec.model_validate({**JOB, "solver": {"name": solver}})
    return Lease(
        lease_id="l", fence=1, job_id="j", attempt_id="a", attempt=1, job=job, ttl_s=60.0,
        expires_at=datetime.now(UTC) + timedelta(seconds=60),
    )  # fmt: skip


def test_a_loihi_bench_conforms(tmp_path: Path, powercap: Path) -> None:
    """`neurorig agent check` finds nothing wrong with the board."""
    bench = tmp_path / "bench.toml"
    bench.write_text(BENCH.format(python=lava_python(), root=powercap))

    findings = list(examine(bench))

    assert [finding for finding in findings if not finding.passed] == []
    assert sum(finding.check.startswith("board 'loihi'") for finding in findings) == 10


def test_an_attempt_on_the_cpu_backend_is_functional_only(tmp_path: Path, powercap: Path, stop: Stop) -> None:
    """The answer is verified, and energy is absent with the reason although a monitor is there."""
    profile = BenchProfile.model_validate(tomllib.loads(BENCH.format(python=lava_python(), root=powercap)))
    with LiveBench.of(profile) as bench, Spool(tmp_path / "spool") as spool:
        bench.board.ensure_running()
        leased = lease()
        report = execute(leased, bench, spool.begin(leased), Control(stop, 60.0))
        info = bench.board.info

    assert (report.outcome, report.error) == ("succeeded", None)
    assert report.energy_absent is not None
    assert report.energy_absent.startswith("functional only")
    assert report.traces == ()
    assert report.provenance["trials"][0]["grade"] == "functional_only"
    record = BenchRecord(profile=profile, board=info)
    sent = AttemptReport.model_validate_json(report.model_dump_json())
    verdict = recompute(AnalysisInput("a", leased.job, record, sent), str(tmp_path))
    assert (verdict.state, verdict.quality, verdict.codes) == ("succeeded", "valid", ("functional_only",))
    assert verdict.energy is None
    assert verdict.energy_absent == report.energy_absent
    assert verdict.verified is not None


@pytest.mark.parametrize("declared", [True, False])
def test_an_attempt_on_the_chip_has_energy_where_its_accuracy_is_declared(
    tmp_path: Path, stop: Stop, *, declared: bool
) -> None:
    """Mean power of the power pass times the chip's own time, through driver process, agent and server."""
    more = "sensor_accuracy = 0.05" if declared else ""
    text = CHIP.format(python=lava_python(), extension=EXTENSION, more=more)
    profile = BenchProfile.model_validate(tomllib.loads(text))
    with LiveBench.of(profile) as bench, Spool(tmp_path / "spool") as spool:
        bench.board.ensure_running()
        leased = lease("nebm-sa-refract")
        report = execute(leased, bench, spool.begin(leased), Control(stop, 60.0))
        info = bench.board.info

    assert (report.outcome, report.error) == ("succeeded", None)
    sent = AttemptReport.model_validate_json(report.model_dump_json())
    verdict = recompute(AnalysisInput("a", leased.job, BenchRecord(profile=profile, board=info), sent), str(tmp_path))
    assert (verdict.state, verdict.quality) == ("succeeded", "valid")
    if declared:
        run_s = next(time.duration_s for time in sent.times if time.phase == "run")
        assert verdict.codes == ("onboard_power",)
        assert verdict.energy is not None
        assert verdict.energy.totals[0].energy.value == pytest.approx(1.31 * run_s)
        assert {cell.energy.grade for cell in verdict.energy.cells} == {"onboard"}
    else:
        assert verdict.codes == ("sensor_accuracy_undeclared",)
        assert verdict.energy is None
