"""What the agent can say of its own bench: the file, the drivers, the monitors, the clock. Changes nothing lasting.

The board and the monitors go through the conformance checks, so a foreign driver is judged like ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from neurorig_agents.bench_in_operation import load_bench
from neurorig_agents.workloads.prepare_digits import DigitsWork
from neurorig_drivers.conformance.board_checks import Sample, check_open_board, qubo_sample, snn_sample
from neurorig_drivers.conformance.checks import Finding
from neurorig_drivers.conformance.monitor_checks import check_monitor
from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.process.host import HostedBoard, HostedMonitor
from neurorig_protocols.bench import BenchProfile, MonitorConfig
from neurorig_protocols.errors import NeurorigError
from neurorig_protocols.workloads.digits.digits_records import Digits

_POWERCAP = Path("/sys/class/powercap")
_CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_MAX_CLOCK_STEP_S = 1e-6
_SAMPLE_IMAGES = 2


def examine(bench_file: Path) -> Iterator[Finding]:
    """Check one bench from its file to its monitors; yields each finding as it is made."""
    yield clock()
    yield rapl()
    try:
        profile = load_bench(bench_file)
    except NeurorigError as error:
        yield _failed("bench file", error)
        return
    yield Finding("bench file", True, f"bench '{profile.name}', {profile.reality}")
    try:
        with HostedBoard(profile.board) as board:
            yield from _examine_drivers(profile, board)
    except NeurorigError as error:
        yield _failed(f"board '{profile.board.driver}'", error)


def clock() -> Finding:
    """Say how fine the host's clock is and where it comes from."""
    step_s = time.get_clock_info("monotonic").resolution
    try:
        source = _CLOCK_SOURCE.read_text().strip()
    except OSError:
        source = "an unknown source"
    return Finding("clock", step_s <= _MAX_CLOCK_STEP_S, f"steps of {step_s * 1e9:g} ns from {source}")


def rapl(powercap: Path = _POWERCAP) -> Finding:
    """Say whether the CPU's energy counters can be read; a host without them is no fault."""
    counters = sorted(powercap.glob("*/energy_uj"))
    if not counters:
        return Finding("RAPL", True, "this host has no RAPL counters")
    readable = [path for path in counters if _can_read(path)]
    sentence = f"{len(readable)} of {len(counters)} RAPL counters can be read"
    hint = "" if readable else "; allow the agent's user to read energy_uj, or host energy stays absent"
    return Finding("RAPL", True, sentence + hint)


def _examine_drivers(profile: BenchProfile, board: HostedBoard) -> Iterator[Finding]:
    subject = f"board '{profile.board.driver}'"
    findings = check_open_board(board, _sample(board), subject)
    yield from findings
    usable = all(finding.passed for finding in findings)

    def pass_time(seconds: float) -> None:
        # A virtual bench's time passes with its board only.
        if usable:
            board.idle(seconds, None, MarkerLog())
        else:
            time.sleep(seconds)

    for config in profile.monitors:
        yield from _examine_monitor(config, pass_time)


def _examine_monitor(config: MonitorConfig, pass_time: Callable[[float], None]) -> Iterator[Finding]:
    subject = f"monitor '{config.id}'"
    try:
        with HostedMonitor(config) as monitor:
            yield from check_monitor(monitor, config, pass_time=pass_time, subject=subject)
    except NeurorigError as error:
        if config.options.get("optional") is True:
            yield Finding(subject, True, f"absent, and optional: {error.message}")
        else:
            yield _failed(subject, error)


def _sample(board: HostedBoard) -> Sample:
    if "qubo" in board.info.kinds:
        return qubo_sample()
    if "snn" in board.info.kinds:
        return snn_sample(leaky=False)
    work = DigitsWork(Digits(name="mnist-digits", count=_SAMPLE_IMAGES), "check")
    return Sample(work.artifact, work.batch("run", 0, 0))


def _can_read(path: Path) -> bool:
    try:
        path.read_text()
    except OSError:
        return False
    return True


def _failed(check: str, error: NeurorigError) -> Finding:
    hint = f" {error.next_step}" if error.next_step else ""
    return Finding(check, False, f"{error.message}.{hint}")
