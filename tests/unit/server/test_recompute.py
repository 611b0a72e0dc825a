"""From stored traces to a verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from server_kit import ACQUISITION, ANSWER, MADE_WINDOWS, METERED, bench_body, job, made_trace

from neurorig_protocols.benchmarks.statistics import Run
from neurorig_protocols.job import BenchRecord, JobSpec, JobState
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.trace import Gap, Trace, digest_of, to_parquet
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits
from neurorig_server.objects.traces import TraceStore
from neurorig_server.recompute.attempt import recompute
from neurorig_server.recompute.campaign_results import Pieces, result_of
from neurorig_server.recompute.verdict import AnalysisInput, Verdict

SUPPLY = {
    **METERED,
    "rails": [*METERED["rails"], {"name": "vin", "role": "total"}],
    "monitors": [*METERED["monitors"], {"id": "second", "driver": "x", "channels": [{"channel": 1, "rail": "vin"}]}],
}


ONBOARD: dict[str, Any] = {
    "components": [
        {"component": "neurocores", "rails": ["vdd"], "mean_w": 0.7},
        {"component": "memory", "rails": ["vddm"], "mean_w": 0.3},
    ],
    "static_w": 1.2,
    "chips_available": 8,
    "chips_allocated": 1,
    "pass_s": 2.0,
    "accuracy": 0.05,
    "omitted": [{"component": "host", "reason": "made up"}],
    "source": "made up",
}
"""What a board's own sensors said: 1 W."""


@pytest.fixture
def store(tmp_path: Path) -> TraceStore:
    """A trace store in a folder."""
    return TraceStore(str(tmp_path))


def keep(store: TraceStore, trace: Trace, folder: Path) -> dict[str, Any]:
    """Store a trace; returns the report's reference to it."""
    data = to_parquet(trace)
    file = folder / "staged"
    file.write_bytes(data)
    store.put(digest_of(data).removeprefix("sha256:"), file)
    return {"monitor": trace.head.monitor, "digest": digest_of(data), "size": len(data), "samples": len(trace)}


def judge(
    store: TraceStore, refs: list[dict[str, Any]], *, profile: dict[str, Any] | None = None, **fields: Any
) -> Verdict:
    """Recompute an attempt whose report names these traces."""
    needs = fields.pop("needs", {})
    body = {"fence": 1, "outcome": "succeeded", "answer": ANSWER, "windows": MADE_WINDOWS, "traces": refs}
    body |= {"acquisitions": [ACQUISITION], **fields}
    bench = BenchRecord.model_validate(bench_body("b", **(METERED if profile is None else profile)))
    spec = JobSpec.model_validate(job(needs=needs))
    return recompute(AnalysisInput("a", spec, bench, AttemptReport.model_validate(body)), store.location)


def test_good_attempt_is_valid_and_carries_its_matrix(store: TraceStore, tmp_path: Path) -> None:
    """Answer confirmed, windows found, every component integrated."""
    verdict = judge(store, [keep(store, made_trace(), tmp_path)])

    assert (verdict.state, verdict.quality, verdict.codes, verdict.energy_absent) == ("succeeded", "valid", (), None)
    assert verdict.energy is not None
    assert verdict.energy.cell("core", "run").energy.value == pytest.approx(0.03, rel=2e-3)


def test_same_input_gives_the_same_verdict(store: TraceStore, tmp_path: Path) -> None:
    """Joules can be recomputed for ever, bit for bit."""
    refs = [keep(store, made_trace(), tmp_path)]

    assert judge(store, refs) == judge(store, refs)


@pytest.mark.parametrize(
    ("fields", "codes", "quality"),
    [
        ({"energy_absent": "RAPL cannot be read"}, ("energy_absent",), "valid"),
        ({}, ("energy_missing",), "degraded"),
        ({"energy_absent": "no", "needs": {"metered": True}}, ("energy_missing",), "degraded"),
    ],
    ids=["with a reason", "without one", "although it was asked for"],
)
def test_attempt_without_traces_has_no_energy(
    store: TraceStore, fields: dict[str, Any], codes: tuple[str, ...], quality: str
) -> None:
    """A reason makes absent energy acceptable, unless energy was what the job wanted."""
    verdict = judge(store, [], **fields)

    assert (verdict.state, verdict.codes, verdict.quality) == ("succeeded", codes, quality)
    assert verdict.energy_absent
    assert verdict.energy is None


def test_bench_without_a_monitor_says_so(store: TraceStore) -> None:
    """Nothing is missing where nothing was promised."""
    verdict = judge(store, [], profile={})

    assert (verdict.quality, verdict.energy_absent) == ("valid", "the bench has no power monitor")


def broken(kind: str) -> Trace:
    """Return a trace with one thing wrong with it."""
    trace = made_trace()
    values, digital, flags = trace.values.copy(), trace.digital.copy(), trace.flags.copy()
    run = 1500
    if kind == "samples_lost":
        values[run] = np.nan
    elif kind == "overload":
        flags[run] = 1
    elif kind == "marker_mismatch":
        digital[:] = 0
    elif kind == "window_cut":
        digital[-1] = 1
    return replace(trace, values=values, digital=digital, flags=flags)


@pytest.mark.parametrize("kind", ["samples_lost", "overload", "marker_mismatch", "window_cut"])
def test_measurement_that_cannot_be_believed_withholds_all_energy(store: TraceStore, tmp_path: Path, kind: str) -> None:
    """The answer stands, the energy is absent with the reason and its code."""
    verdict = judge(store, [keep(store, broken(kind), tmp_path)])

    assert (verdict.state, verdict.quality, verdict.codes) == ("measurement_invalid", "invalid", (kind,))
    assert verdict.energy is None
    assert verdict.energy_absent
    assert verdict.error is not None
    assert verdict.error.code == kind
    assert verdict.verified is not None


def test_samples_missing_outside_the_windows_only_degrade(store: TraceStore, tmp_path: Path) -> None:
    """A gap between windows is told, and takes nothing from the windows."""
    trace = made_trace()
    values = trace.values.copy()
    values[10:20] = np.nan
    head = trace.head.model_copy(update={"gaps": (Gap(index=10, length=10),)})
    refs = [keep(store, replace(trace, head=head, values=values), tmp_path)]

    verdict = judge(store, refs, acquisitions=[{**ACQUISITION, "dropped": 10}])

    assert (verdict.quality, verdict.codes) == ("degraded", ("samples_dropped",))
    assert verdict.energy is not None


def test_samples_lost_without_a_place_withhold_the_energy(store: TraceStore, tmp_path: Path) -> None:
    """When nobody knows where samples are missing, no time axis is right."""
    refs = [keep(store, made_trace(), tmp_path)]

    verdict = judge(store, refs, acquisitions=[{**ACQUISITION, "dropped": 3}])

    assert verdict.codes == ("samples_lost",)


def test_monitor_that_says_nothing_of_itself_gets_the_weakest_grade(store: TraceStore, tmp_path: Path) -> None:
    """Without a grade, and without a report of losses, the numbers are marked."""
    refs = [keep(store, made_trace(), tmp_path)]

    ungraded = judge(store, refs, acquisitions=[{**ACQUISITION, "settings": {}}])
    silent = judge(store, refs, acquisitions=[])

    assert ungraded.codes == ("grade_unknown",)
    assert silent.codes == ("no_acquisition_report", "grade_unknown")
    assert ungraded.energy is not None
    assert {c.energy.grade for c in ungraded.energy.cells} == {"assumed"}


def test_monitor_on_an_unknown_clock_is_left_out_of_the_boundary(store: TraceStore, tmp_path: Path) -> None:
    """What cannot be laid beside the phases is in no number, and the boundary says so."""
    other = made_trace()
    head = other.head.model_copy(
        update={
            "monitor": "second",
            "clock": "monitor:second",
            "channels": (other.head.channels[0].model_copy(update={"rail": "vin"}),),
        }
    )
    second = replace(other, head=head, values=other.values[:, :1])
    refs = [keep(store, made_trace(), tmp_path), keep(store, second, tmp_path)]
    acquired = [ACQUISITION, {**ACQUISITION, "monitor": "second"}]

    verdict = judge(store, refs, profile=SUPPLY, acquisitions=acquired)

    assert verdict.codes == ("clock_not_mapped",)
    assert verdict.energy is not None
    assert verdict.energy.boundary.rails == ("vdd", "vmem")


def test_configured_monitor_without_a_trace_is_told(store: TraceStore, tmp_path: Path) -> None:
    """A bench that measured less than it can is degraded."""
    verdict = judge(store, [keep(store, made_trace(), tmp_path)], profile=SUPPLY)

    assert (verdict.quality, verdict.codes) == ("degraded", ("monitor_without_trace",))


def test_windows_of_a_bench_without_a_marker_line_come_from_the_host(store: TraceStore, tmp_path: Path) -> None:
    """A monitor on the host's clock is cut by the marker log."""
    trace = made_trace()
    head = trace.head.model_copy(update={"clock": "host"})
    t0, dt = head.t0_ns, int(head.dt_ns)
    edges = {("idle", 0): (100, 1100), ("run", 0): (1200, 2200), ("idle", 1): (2300, 3300)}
    markers = [
        {"phase": phase, "index": index, "edge": edge, "t_ns": t0 + at * dt}
        for (phase, index), span in edges.items()
        for edge, at in zip(("begin", "end"), span, strict=True)
    ]
    profile = {**METERED, "marker": {"mode": "software"}}

    verdict = judge(store, [keep(store, replace(trace, head=head), tmp_path)], profile=profile, markers=markers)

    assert (verdict.quality, verdict.codes) == ("valid", ())
    assert verdict.energy is not None
    assert verdict.energy.cell("core", "run").energy.value == pytest.approx(0.03, rel=2e-3)


def test_trace_that_cannot_be_read_withholds_the_energy(store: TraceStore, tmp_path: Path) -> None:
    """Bytes that are no trace, and a trace that is gone, are measurement faults."""
    file = tmp_path / "staged"
    file.write_bytes(b"no parquet")
    digest = digest_of(b"no parquet")
    store.put(digest.removeprefix("sha256:"), file)
    ref = {"monitor": "meter", "digest": digest, "size": 10, "samples": 1}
    gone = {**ref, "digest": "sha256:" + "0" * 64}

    for refs in ([ref], [gone]):
        assert judge(store, refs).codes == ("bad_trace",)


def test_energy_to_a_solution_is_the_energy_until_its_latency(store: TraceStore, tmp_path: Path) -> None:
    """Half the run window is half its energy; a window that is not there has none."""
    scenario = {"kind": "time-to-solution", "gaps": [0.1, 0.05], "limit_s": 1}
    bits = {"target_cost": -9, "solution": ANSWER["solution"]}
    reached = [
        {"gap": 0.1, **bits, "latency_s": 0.005},
        {"gap": 0.05, **bits, "target_cost": -10, "latency_s": 0.005, "window": 7},
    ]
    refs = [keep(store, made_trace(), tmp_path)]
    body = {
        "fence": 1,
        "outcome": "succeeded",
        "answer": {**ANSWER, "reached": reached},
        "windows": MADE_WINDOWS,
        "traces": refs,
        "acquisitions": [ACQUISITION],
    }
    wanted = job()
    wanted["workload"]["scenario"] = scenario
    bench = BenchRecord.model_validate(bench_body("b", **METERED))
    given = AnalysisInput("a", JobSpec.model_validate(wanted), bench, AttemptReport.model_validate(body))

    verdict = recompute(given, store.location)

    assert verdict.codes == ()
    assert verdict.verified is not None
    first, second = verdict.verified.reached
    assert first.energy.value == pytest.approx(0.025, rel=5e-3)
    assert second.energy.reason_code == "no_window"


def test_claim_within_a_boards_rounding_is_a_run_that_was_given_up(store: TraceStore) -> None:
    """The attempt stays usable, with a code; the gap is not reached, and what was observed ends where the board did."""
    claim = {"gap": 0.05, "target_cost": -10, "latency_s": 0.005, "solution": pack_bits(np.arange(10) < 9)}
    answer = {**ANSWER, "cost_error_bound": 1, "reached": [claim]}
    wanted = job()
    wanted["workload"]["scenario"] = {"kind": "time-to-solution", "gaps": [0.05], "limit_s": 1}
    spec = JobSpec.model_validate(wanted)
    body = {"fence": 1, "outcome": "succeeded", "answer": answer, "energy_absent": "no"}
    report, bench = AttemptReport.model_validate(body), BenchRecord.model_validate(bench_body("b"))

    verdict = recompute(AnalysisInput("a", spec, bench, report), store.location)

    assert (verdict.quality, verdict.codes) == ("degraded", ("reached_within_quantisation", "energy_absent"))
    assert verdict.verified is not None
    assert report.answer is not None
    kept = Pieces(
        attempt="a", bench="b", board="x", reality="virtual", codes=verdict.codes, withheld="no",
        answer=report.answer.model_dump(mode="json"),
        verified=verdict.verified.model_dump(mode="json"), totals=None, boundary=None, run_s=None, runs=None,
    )  # fmt: skip
    found = result_of("j", JobState.SUCCEEDED, spec, None, kept).outcome
    assert found is not None
    assert found.reached[0].run(1.0) == Run(time_s=0.005, reached=False)


def sensed(onboard: Any, clock: str = "dut", **fields: Any) -> dict[str, Any]:
    """What an attempt without traces reports on a board with power sensors of its own: one run of 20 ms."""
    times = [{"phase": "load", "index": 0, "duration_s": 3.0}]
    times += [{"phase": "run", "index": 0, "duration_s": 0.02, "clock": clock}]
    answer = {**ANSWER, "clock": clock, "onboard": onboard}
    return {"answer": answer, "times": times, "energy_absent": "no power monitor", "profile": {}, **fields}


def test_energy_of_the_boards_own_sensors_is_mean_power_times_time(store: TraceStore) -> None:
    """Without a trace the matrix comes from the sensors, of their grade, and a code says so."""
    verdict = judge(store, [], **sensed(ONBOARD))

    assert (verdict.state, verdict.quality, verdict.codes) == ("succeeded", "valid", ("onboard_power",))
    assert verdict.energy_absent is None
    assert verdict.energy is not None
    assert verdict.energy.cell("neurocores", "run").energy.value == pytest.approx(0.014)
    assert {cell.energy.grade for cell in verdict.energy.cells} == {"onboard"}
    assert verdict.energy.totals[0].energy.value == pytest.approx(0.02)
    assert [left.component for left in verdict.energy.boundary.omitted] == ["host"]


@pytest.mark.parametrize(
    ("fields", "code", "quality"),
    [
        (sensed({**ONBOARD, "accuracy": None}), "sensor_accuracy_undeclared", "valid"),
        (sensed({"reason_code": "board_not_pinned", "reason": "no board is pinned"}), "board_not_pinned", "valid"),
        (sensed(ONBOARD, clock="host"), "no_board_time", "degraded"),
        (sensed({"reason_code": "cost_mismatch", "reason": "a board's own words"}), "energy_absent", "valid"),
    ],
)
def test_sensors_that_give_no_energy_say_why(
    store: TraceStore, fields: dict[str, Any], code: str, quality: str
) -> None:
    """Neither an accuracy nor a board nor a time is made up; each has its code."""
    verdict = judge(store, [], **fields)

    assert (verdict.state, verdict.quality, verdict.codes) == ("succeeded", quality, (code,))
    assert verdict.energy is None
    assert verdict.energy_absent


def test_a_monitor_that_should_have_measured_is_still_missing(store: TraceStore) -> None:
    """The board's own sensors do not hide that a promised trace is not there."""
    verdict = judge(store, [], **sensed(ONBOARD, profile=METERED, energy_absent=None))
    silent = judge(store, [], **sensed({**ONBOARD, "accuracy": None}, profile=METERED, energy_absent="it is off"))

    assert (verdict.quality, verdict.codes) == ("degraded", ("energy_missing", "onboard_power"))
    assert verdict.energy is not None
    assert silent.energy_absent is not None
    assert silent.energy_absent.startswith("it is off; the maker publishes no accuracy")


def test_a_trace_comes_before_the_boards_own_sensors(store: TraceStore, tmp_path: Path) -> None:
    """Grades are never mixed in one matrix: an external analyser is the better witness."""
    refs = [keep(store, made_trace(), tmp_path)]

    verdict = judge(store, refs, **sensed(ONBOARD, profile=METERED, energy_absent=None))

    assert verdict.codes == ()
    assert verdict.energy is not None
    assert {cell.energy.grade for cell in verdict.energy.cells} == {"metered"}


def test_energy_to_a_solution_by_the_boards_sensors_is_mean_power_times_latency(store: TraceStore) -> None:
    """A window that was not timed has none, and without an accuracy none has any."""
    wanted = job()
    wanted["workload"]["scenario"] = {"kind": "time-to-solution", "gaps": [0.1, 0.05], "limit_s": 1}
    bits = {"solution": ANSWER["solution"], "latency_s": 0.005}
    reached = [
        {"gap": 0.1, "target_cost": -9, **bits},
        {"gap": 0.05, "target_cost": -10, "window": 7, **bits},
    ]
    bench = BenchRecord.model_validate(bench_body("b"))
    energies = []
    for accuracy in (0.05, None):
        body = sensed({**ONBOARD, "accuracy": accuracy})
        answer = {**body["answer"], "reached": reached}
        report = {"fence": 1, "outcome": "succeeded", "answer": answer, "times": body["times"]}
        given = AnalysisInput("a", JobSpec.model_validate(wanted), bench, AttemptReport.model_validate(report))
        verified = recompute(given, store.location).verified
        energies += [gap.energy for gap in verified.reached]

    assert energies[0].value == pytest.approx(0.005)
    assert energies[0].grade == "onboard"
    reasons = [energy.reason_code for energy in energies[1:]]
    assert reasons == ["no_window", *["sensor_accuracy_undeclared"] * 2]
