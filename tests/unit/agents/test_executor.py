"""One attempt on a bench of trial drivers, each in a real child process."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neurorig_agents.attempt_control import Control, Stop
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.executor import execute
from neurorig_agents.spool import AttemptFolder, Spool, steps
from neurorig_protocols.errors import LeaseLost
from neurorig_protocols.lease import Lease
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.trace import digest_of, from_parquet
from neurorig_protocols.windows import from_markers
from neurorig_protocols.workloads.qubo.qubo_records import QuboAnswer, unpack_bits

OnStep = Callable[[Control], object]
OpenBench = Callable[..., LiveBench]
MakeLease = Callable[..., Lease]


class Run:
    """One attempt: what its control, folder and report were."""

    def __init__(self, bench: LiveBench, lease: Lease, spool: Spool, stop: Stop, on: dict[str, OnStep]) -> None:
        self.control = Control(stop, lease.job.plan.max_attempt_s)
        self.folder: AttemptFolder = spool.begin(lease)
        self.seen: list[str] = []

        def on_step(step: str) -> None:
            self.seen.append(step)
            if step in on:
                on[step](self.control)

        self.report: AttemptReport = execute(lease, bench, self.folder, self.control, on_step)


Attempt = Callable[..., Run]


@pytest.fixture
def stop() -> Iterator[Stop]:
    """Return a wish to stop that nobody has yet."""
    made = Stop()
    yield made
    made.close()


@pytest.fixture
def attempt(tmp_path: Path, stop: Stop) -> Iterator[Attempt]:
    """Return a function that runs one attempt of a lease on a bench; `on` maps a step to what happens in it."""
    with Spool(tmp_path / "spool") as spool:
        yield lambda bench, lease, on=None: Run(bench, lease, spool, stop, on or {})


def warm(bench: LiveBench) -> LiveBench:
    """Start the drivers of a bench, so that their start takes nothing of the attempt's time."""
    bench.board.ensure_running()
    bench.monitors.open()
    return bench


ORDER = [
    "prepare", "start board", "compile", "map", "load", "open monitors", "ranging", "ranging again", "arm",
    "idle 0", "warmup 0", "run 0", "run 1", "idle 1", "keep traces",
]  # fmt: skip


def test_an_attempt_takes_every_step(attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease) -> None:
    """A good attempt goes through all steps in order and reports times, windows, answer, trace and provenance."""
    lease = make_lease(4, plan={"trials": 2, "idle_s": 0.02, "settle_s": 0.005})
    run = attempt(trial_bench, lease)
    report = run.report

    assert run.seen == ORDER
    assert steps(run.folder.path) == ["leased", *ORDER]
    assert (report.outcome, report.error, report.fence) == ("succeeded", None, 4)
    assert report.energy_absent is None
    assert [(w.phase, w.index) for w in report.windows] == [
        ("idle", 0), ("warmup", 0), ("run", 0), ("run", 1), ("idle", 1),
    ]  # fmt: skip
    assert [(t.phase, t.index) for t in report.times] == [
        ("compile", 0), ("map", 0), ("load", 0), ("warmup", 0), ("run", 0), ("run", 1),
    ]  # fmt: skip
    assert all(0.02 <= t.duration_s < 0.2 for t in report.times if t.phase == "run")
    assert report.board is not None
    assert report.board.serial_number == "T-1"
    answer = report.answer
    assert isinstance(answer, QuboAnswer)
    assert unpack_bits(answer.solution, answer.n).tolist() == [1] + [0] * 9
    assert answer.activity == {"flips": 3.0}
    assert [trial["solver_cost"] for trial in report.provenance["trials"]] == [-1, -1]
    assert AttemptReport.model_validate_json(report.model_dump_json()) == report


def test_the_trace_holds_every_window(attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease) -> None:
    """The trace on disk is what the report names, spans all windows, and they do not touch."""
    run = attempt(trial_bench, make_lease(1, plan={"trials": 3, "idle_s": 0.02, "settle_s": 0}))
    (reference,) = run.report.traces
    data = run.folder.trace_path("pm").read_bytes()
    trace = from_parquet(data)
    windows = from_markers(run.report.markers, run.report.windows)

    assert digest_of(data) == reference.digest
    assert reference.samples == len(trace)
    assert run.report.acquisitions[0].samples == len(trace)
    assert len(windows) == 6
    assert trace.head.t0_ns < windows[0].begin_ns
    assert windows[-1].end_ns < trace.head.t0_ns + trace.duration_ns
    gaps_ns = [b.begin_ns - a.end_ns for a, b in itertools.pairwise(windows)]
    assert min(gaps_ns) > 9 * trace.head.dt_ns


def test_the_ranging_pass_sets_range_and_rate(attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease) -> None:
    """Peaks of the ranging pass become the ranges, its run length the rate, and both are in the report."""
    run = attempt(trial_bench, make_lease(1))
    head = from_parquet(run.folder.trace_path("pm").read_bytes()).head
    kept = run.report.provenance["ranging"]

    # The largest sample and the offset that may hide in it, 0.1 mW.
    assert kept["peak_w"] == {"core": pytest.approx(0.1001), "io": pytest.approx(0.2001)}
    assert {c.rail: c.range_w for c in head.channels} == kept["peak_w"]
    assert kept["shortest_window_s"] == pytest.approx(0.02)
    assert kept["rate_hz"] == pytest.approx(102_062, rel=1e-3)
    assert head.dt_ns == 1000.0


def test_a_second_pass_needs_a_finer_range(attempt: Attempt, open_bench: OpenBench, make_lease: MakeLease) -> None:
    """A monitor whose range is fixed is not ranged twice."""
    bench = open_bench(monitor={"fixed_range": True}, board={"run_s": 0.05})
    report = attempt(bench, make_lease(1)).report

    assert report.outcome == "succeeded"
    assert report.provenance["ranging"]["passes"] == 1


def test_without_a_ranging_pass_nothing_is_run_unmeasured(
    attempt: Attempt, open_bench: OpenBench, make_lease: MakeLease
) -> None:
    """A plan without ranging and warm-up runs the trials alone, on the largest range."""
    plan = {"idle_s": 0.02, "ranging": False, "warmup": False}
    run = attempt(open_bench(board={"ranging": "crash"}), make_lease(1, plan=plan))

    assert "ranging" not in run.seen
    assert [w.phase for w in run.report.windows] == ["idle", "run", "idle"]
    head = from_parquet(run.folder.trace_path("pm").read_bytes()).head
    assert head.channels[0].range_w == 100.0


def test_seeds_differ_from_trial_to_trial(attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease) -> None:
    """The answer is that of trial 0, with the job's own seed."""
    lease = make_lease(1, solver={"seed": 7}, plan={"trials": 2, "idle_s": 0.02})
    run = attempt(trial_bench, lease)

    assert run.report.outcome == "succeeded"
    assert [(w.phase, w.index) for w in run.report.windows if w.phase == "run"] == [("run", 0), ("run", 1)]


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"overload": True}, ("overload", True)),
        ({"drops": True}, ("samples_lost", True)),
        ({"dies_in_acquisition": 1}, ("monitor_lost", False)),
        ({"dies_in_acquisition": 2}, ("monitor_lost", False)),
        ({"dies_in_acquisition": 3}, ("monitor_lost", False)),
        ({"absent_until": "/nowhere/at/all"}, ("monitor_unavailable", False)),
    ],
)
def test_a_failed_measurement_keeps_time_and_answer(
    attempt: Attempt,
    open_bench: OpenBench,
    make_lease: MakeLease,
    options: dict[str, Any],
    verdict: tuple[str, bool],
) -> None:
    """Overload, lost samples and a dead or absent monitor withhold the energy with the reason, and nothing else."""
    code, trace = verdict
    run = attempt(open_bench(monitor=options), make_lease(1))
    report = run.report

    assert report.outcome == "measurement_invalid"
    assert report.error is not None
    assert (report.error.code, report.error.fault) == (code, "measurement")
    assert report.energy_absent == report.error.message
    assert isinstance(report.answer, QuboAnswer)
    assert [t.phase for t in report.times] == ["compile", "map", "load", "warmup", "run"]
    assert bool(report.traces) is trace


def test_an_optional_monitor_may_be_absent(attempt: Attempt, open_bench: OpenBench, make_lease: MakeLease) -> None:
    """A monitor that the bench calls optional is absent with its reason, and the attempt succeeds."""
    bench = open_bench(monitor={"absent_until": "/nowhere/at/all", "optional": True})
    report = attempt(bench, make_lease(1)).report

    assert report.outcome == "succeeded"
    assert report.energy_absent == "no monitor answers"
    assert report.provenance["monitors_absent"] == {"pm": "no monitor answers"}


def test_a_bench_without_monitors_says_so(attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease) -> None:
    """Without any monitor the attempt succeeds and energy is absent with the reason."""
    bench = trial_bench
    profile = bench.profile.model_copy(update={"monitors": ()})
    bare = LiveBench.of(profile)
    try:
        report = attempt(bare, make_lease(1)).report
    finally:
        bare.close()

    assert report.outcome == "succeeded"
    assert report.energy_absent == "no power monitor is configured on this bench"


def test_a_monitor_that_failed_is_opened_anew(
    attempt: Attempt, open_bench: OpenBench, make_lease: MakeLease, tmp_path: Path
) -> None:
    """A monitor that was absent in one attempt is used in the next when it is back."""
    switch = tmp_path / "on"
    bench = open_bench(monitor={"absent_until": str(switch)})
    assert attempt(bench, make_lease(1)).report.outcome == "measurement_invalid"
    switch.touch()

    assert attempt(bench, make_lease(2)).report.outcome == "succeeded"


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"compile": "crash"}, ("driver_crashed", "infra", False)),
        ({"run": "crash"}, ("driver_crashed", "infra", False)),
        ({"ranging": "segfault"}, ("driver_crashed", "infra", False)),
        ({"run": "lost"}, ("board_lost", "infra", False)),
        ({"open": "lost"}, ("board_lost", "infra", False)),
        ({"map": "too-large"}, ("does_not_fit", "job", True)),
    ],
)
def test_a_failed_board_fails_the_attempt(
    attempt: Attempt,
    open_bench: OpenBench,
    make_lease: MakeLease,
    options: dict[str, Any],
    verdict: tuple[str, str, bool],
) -> None:
    """Whatever the board's driver fails with closes the attempt with that record; infra faults end its process."""
    code, fault, alive = verdict
    bench = open_bench(board=options)
    report = attempt(bench, make_lease(1)).report

    assert report.outcome == "failed"
    assert report.error is not None
    assert (report.error.code, report.error.fault) == (code, fault)
    assert report.answer is None
    assert report.traces == ()
    assert bench.board.running is alive


def test_after_a_crash_the_next_attempt_succeeds(
    attempt: Attempt, open_bench: OpenBench, make_lease: MakeLease, tmp_path: Path
) -> None:
    """A driver that crashed once is started anew for the next attempt."""
    bench = open_bench(board={"run": "crash", "once": str(tmp_path / "crashed")})
    assert attempt(bench, make_lease(1)).report.outcome == "failed"

    assert attempt(bench, make_lease(2)).report.outcome == "succeeded"


def test_a_hung_board_is_killed_at_the_limit(attempt: Attempt, open_bench: OpenBench, make_lease: MakeLease) -> None:
    """A driver that hangs is killed when the attempt's time is over."""
    lease = make_lease(1, plan={"idle_s": 0.02, "max_attempt_s": 2})
    bench = warm(open_bench(board={"run": "hang"}))
    report = attempt(bench, lease).report

    assert report.error is not None
    assert report.error.code == "driver_timeout"
    assert not bench.board.running


def test_a_plan_that_cannot_fit_is_the_jobs_fault(
    attempt: Attempt, open_bench: OpenBench, make_lease: MakeLease
) -> None:
    """When the ranging pass shows that a run takes longer than is left, the attempt ends before the window."""
    lease = make_lease(1, plan={"idle_s": 0.02, "max_attempt_s": 2.5})
    report = attempt(warm(open_bench(board={"run_s": 1.5})), lease).report

    assert report.error is not None
    assert (report.error.code, report.error.fault) == ("job_error", "job")
    assert "max_attempt_s" in report.error.message
    assert all(w.phase == "idle" for w in report.windows)


def cancel(control: Control) -> None:
    """Ask to cancel, as the heartbeat does."""
    control.cancel()


@pytest.mark.parametrize(("step", "windows"), [("compile", []), ("idle 0", ["idle"]), ("warmup 0", ["idle"])])
def test_a_cancelled_attempt_begins_no_further_step(
    attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease, step: str, windows: list[str]
) -> None:
    """A cancel is honoured after the step that runs, or before its run if that has not begun."""
    run = attempt(trial_bench, make_lease(1), {step: cancel})

    assert run.report.outcome == "cancelled"
    assert [w.phase for w in run.report.windows] == windows
    assert len(run.report.markers) == 2 * len(windows)
    assert run.report.answer is None


def test_a_wish_after_the_last_run_keeps_the_result(
    attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease
) -> None:
    """Cancelled after the last trial, the attempt is measured to its end."""
    run = attempt(trial_bench, make_lease(1), {"idle 1": cancel})

    assert run.report.outcome == "succeeded"


def test_a_stopped_agent_fails_the_attempt_for_another_try(
    attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease, stop: Stop
) -> None:
    """SIGTERM in the middle ends after the window, as an infra failure that may be tried again."""
    report = attempt(trial_bench, make_lease(1), {"idle 0": lambda _: stop.set()}).report

    assert report.outcome == "failed"
    assert report.error is not None
    assert (report.error.code, report.error.fault, report.error.retryable) == ("agent_stopped", "infra", True)


def test_a_lost_lease_ends_the_attempt(attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease) -> None:
    """An attempt whose lease is gone stops between windows."""
    report = attempt(trial_bench, make_lease(1), {"idle 0": lambda c: c.lose(LeaseLost("gone"))}).report

    assert report.error is not None
    assert report.error.code == "lease_lost"


def test_a_time_to_solution_without_target_is_the_jobs_fault(
    attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease
) -> None:
    """No target, no gap: the job is told what to ask for instead."""
    workload = {
        "name": "qubo-mis",
        "n": 11,
        "density": 0.33,
        "seed": 9,
        "scenario": {"kind": "time-to-solution", "limit_s": 1},
    }
    report = attempt(trial_bench, make_lease(1, workload=workload)).report

    assert report.error is not None
    assert (report.error.code, report.error.fault) == ("job_error", "job")
    assert "no target is known" in report.error.message
    assert "fixed-timeout" in (report.error.next_step or "")


def test_a_fault_of_the_agent_itself_is_reported(
    attempt: Attempt, open_bench: OpenBench, make_lease: MakeLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception in the agent's own code closes the attempt instead of leaving it to expire."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("neurorig_agents.executor.prepare", broken)
    report = attempt(open_bench(), make_lease(1)).report

    assert report.error is not None
    assert report.error.code == "infra_error"
    assert "ZeroDivisionError: ours" in report.error.message


def test_provenance_names_no_person_and_no_path(
    attempt: Attempt, trial_bench: LiveBench, make_lease: MakeLease
) -> None:
    """Host, kernel, CPU and versions are kept; home folders and interpreter paths are not."""
    kept = attempt(trial_bench, make_lease(1)).report.provenance
    text = json.dumps(kept)

    assert {"host", "kernel", "machine", "cpu", "python", "packages"} <= set(kept)
    assert kept["packages"]["neurorig"]
    assert str(Path.home()) not in text
    assert "site-packages" not in text
