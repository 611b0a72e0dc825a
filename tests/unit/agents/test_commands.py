"""`neurorig agent` speaks to people: what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from neurorig_agents.agent_commands import agent
from neurorig_agents.bench_doctor import clock, examine, rapl
from neurorig_agents.spool import Spool

BENCH = """
name = "trial"
reality = "virtual"
rails = [{{ name = "core" }}]
[board]
driver = "{board}"
options = {{ {options} }}
[[monitors]]
id = "pm"
driver = "trial-monitor"
channels = [{{ channel = 1, rail = "core" }}]
options = {{ {monitor} }}
"""


@pytest.fixture
def bench(tmp_path: Path, trial_drivers: Path) -> Path:
    """Write the file of a good bench."""
    return write(tmp_path)


def write(folder: Path, board: str = "trial-board", options: str = "", monitor: str = "") -> Path:
    """Write a bench file."""
    path = folder / "bench.toml"
    path.write_text(BENCH.format(board=board, options=options, monitor=monitor))
    return path


@pytest.fixture
def logs() -> Iterator[None]:
    """Put the log configuration back: `agent run` sets it for a whole process."""
    import logging

    root, ours = logging.getLogger(), logging.getLogger("neurorig_agents")
    before = root.level, ours.level, list(root.handlers)
    yield
    root.setLevel(before[0])
    ours.setLevel(before[1])
    root.handlers[:] = before[2]


def invoke(*arguments: object) -> Result:
    """Run `neurorig agent` with arguments."""
    return CliRunner().invoke(agent, [str(a) for a in arguments])


def test_a_good_bench_passes(bench: Path) -> None:
    """Every check is ok and the exit status is 0."""
    result = invoke("check", "--bench", bench)

    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.output
    assert "ok   bench file: bench 'trial', virtual" in result.output
    assert "ok   board 'trial-board': gives the keys of its kind" in result.output
    assert "ok   monitor 'pm': takes samples whose counts add up" in result.output


def test_a_wrong_file_is_told(tmp_path: Path) -> None:
    """A bench file that contradicts itself fails with the problem."""
    path = tmp_path / "bench.toml"
    path.write_text(BENCH.format(board="x", options="", monitor="").replace('rail = "core"', 'rail = "ore"'))
    result = invoke("check", "--bench", path)

    assert result.exit_code == 1
    assert "FAIL bench file" in result.output
    assert "unknown rail 'ore'" in result.output


def test_an_unknown_driver_lists_the_known(tmp_path: Path, trial_drivers: Path) -> None:
    """A board driver that is not installed is named with those that are."""
    result = invoke("check", "--bench", write(tmp_path, board="no-board"))

    assert "no board driver is called 'no-board'" in result.output
    assert "trial-board" in result.output
    assert "Error: one check failed" in result.output


def test_a_board_that_does_not_answer_is_told(tmp_path: Path, trial_drivers: Path) -> None:
    """A board that is not there fails with its next step."""
    result = invoke("check", "--bench", write(tmp_path, options='open = "lost"'))

    assert "FAIL board 'trial-board': the board vanished during open. Plug it in." in result.output


def test_a_broken_board_leaves_its_monitors_checked(tmp_path: Path, trial_drivers: Path) -> None:
    """A driver that crashes in a check fails it, and the monitors are checked all the same."""
    findings = list(examine(write(tmp_path, options='run = "crash"')))

    assert any(not f.passed and "board" in f.check for f in findings)
    assert all(f.passed for f in findings if f.check.startswith("monitor 'pm'"))


@pytest.mark.parametrize(("optional", "passed"), [("", False), (", optional = true", True)])
def test_an_absent_monitor_is_told(tmp_path: Path, trial_drivers: Path, optional: str, passed: bool) -> None:
    """A monitor that is not there fails, unless the bench calls it optional."""
    path = write(tmp_path, monitor=f'absent_until = "/nowhere/at/all"{optional}')
    (finding,) = [f for f in examine(path) if f.check == "monitor 'pm'"]

    assert finding.passed is passed
    assert "no monitor answers" in finding.sentence


def test_the_host_is_looked_at(tmp_path: Path) -> None:
    """The clock's step is told, and whether RAPL can be read."""
    assert clock().passed
    assert rapl(tmp_path).sentence == "this host has no RAPL counters"
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "energy_uj").write_text("1\n")
    assert rapl(tmp_path).sentence == "1 of 1 RAPL counters can be read"
    (tmp_path / "intel-rapl:1" / "energy_uj").mkdir(parents=True)
    assert rapl(tmp_path).sentence == "1 of 2 RAPL counters can be read"


@pytest.mark.usefixtures("logs")
def test_a_missing_token_is_told(bench: Path, tmp_path: Path) -> None:
    """Without a token, or with a token file that is not there, the agent says what to make."""
    nothing = invoke("run", "--bench", bench, "--server", "http://127.0.0.1:9")
    absent = invoke("run", "--bench", bench, "--server", "http://127.0.0.1:9", "--token-file", tmp_path / "no")

    assert (nothing.exit_code, absent.exit_code) == (1, 1)
    assert "no token is given" in nothing.output
    assert "the token file cannot be read: No such file or directory" in absent.output


@pytest.mark.usefixtures("logs")
def test_a_spool_in_use_is_told(bench: Path, tmp_path: Path) -> None:
    """A second agent on one spool folder ends with the reason."""
    token = tmp_path / "token"
    token.write_text("t")
    with Spool(tmp_path / "spool"):
        result = invoke(
            "run", "--bench", bench, "--server", "http://127.0.0.1:9",
            "--token-file", token, "--spool", tmp_path / "spool",
        )  # fmt: skip

    assert result.exit_code == 1
    assert "another agent uses the spool folder" in result.output


@pytest.mark.usefixtures("logs")
def test_a_wrong_bench_file_ends_the_agent(tmp_path: Path) -> None:
    """An agent never starts on a file that it does not understand."""
    path = tmp_path / "bench.toml"
    path.write_text("name = 1")
    result = invoke("run", "--bench", path, "--server", "http://127.0.0.1:9", "--token", "t")

    assert result.exit_code == 1
    assert "the bench file bench.toml has" in result.output
