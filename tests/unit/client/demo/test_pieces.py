"""The demo's jobs, its bench file, its tables and its progress display."""

from __future__ import annotations

import io
import tomllib
from collections import Counter

import pytest
from whole_answers import record

from neurorig.demo import pictures, summary
from neurorig.demo.lab import demo_jobs, host_bench
from neurorig.demo.results import agreement, comparisons, with_truth
from neurorig.demo.run import Display
from neurorig.plain_console import PlainConsole as Console
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.workloads.qubo.mis import official_target


def draw(*pictures_of, width=250):
    """Return what a console would show, a wide one unless told."""
    console = Console(file=io.StringIO(), width=width, markup=False)
    for picture in pictures_of:
        console.print(picture)
    return console.file.getvalue()


def test_the_demo_has_36_problems_and_the_digits():
    """Six instances, three scenarios and two boards, all different, all with an official target; and 200 digits."""
    jobs = demo_jobs()
    qubo = [job for job in jobs if job.workload.name == "qubo-mis"]

    assert len(set(map(repr, jobs))) == len(jobs) == 37
    assert Counter(job.needs.board for job in qubo) == {"virtual-loihi": 18, "host-cpu": 18}
    assert all(official_target(job.workload.n, job.workload.density, job.workload.seed) for job in qubo)
    assert [job.workload.count for job in jobs if job.workload.name == "mnist-digits"] == [200]


def test_host_bench_with_counters(tmp_path):
    """Readable packages become channels of a RAPL monitor; their sub-zones do not."""
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text("1")
    profile = BenchProfile.model_validate(tomllib.loads(host_bench(tmp_path)))

    assert profile.measured_rails == ("package-0", "package-1")
    assert profile.monitors[0].options == {"zones": "intel-rapl:0,intel-rapl:1"}
    assert profile.boundary.components == ("processor",)
    assert profile.reality == "physical"


def test_host_bench_without_counters(tmp_path):
    """Without counters the processor is omitted with the reason, never measured as zero."""
    profile = BenchProfile.model_validate(tomllib.loads(host_bench(tmp_path)))

    assert profile.measured_rails == ()
    assert "no RAPL counters" in profile.boundary.omitted[0].reason


def test_host_bench_with_counters_that_cannot_be_read(tmp_path):
    """Counters that are there but cannot be read are named as such."""
    (tmp_path / "intel-rapl:0" / "energy_uj").mkdir(parents=True)
    profile = BenchProfile.model_validate(tomllib.loads(host_bench(tmp_path)))

    assert "cannot be read" in profile.boundary.omitted[0].reason


def test_tables_show_measured_beside_true(result, measured, windows):
    """Each table names reality and grade; energies that are absent and gaps that were not reached say so."""
    results = with_truth(
        [result(energy=measured(0.015)), result(reality="physical"), result(energy=measured(), digits=True)],
        {"a1": windows},
    )
    shown = draw(*pictures.attempts(results), pictures.run_energies(results), pictures.components(results))

    for text in (
        "virtual",
        "physical",
        "not reached",
        "absent (see below)",
        "energy metered",
        "232.030",
        "± 0.020 J",
        "true 232.0 J",
    ):
        assert text in shown
    assert "0.214 %" in shown
    assert "true " in shown
    assert any("inside" in sentence and "virtual" in sentence for sentence in pictures.boundaries(results))
    digits = draw(pictures.digits(summary.digits_entry(results[2])))
    assert "3 of 4" in digits
    assert "29.0000 ± 0.0025 J" in digits


def test_the_tables_fit_a_terminal_of_100_columns(result, measured, windows):
    """Where a terminal has 100 columns no name, number or unit is cut in two."""
    results = with_truth([result(energy=measured(0.015)), result(reality="physical")], {"a1": windows})
    shown = [*pictures.attempts(results), pictures.run_energies(results)]

    assert draw(*shown, width=100) == draw(*shown)


def test_tables_without_anything_are_empty(result):
    """Without digits and without truth the tables have no rows, and the agreement says that nothing was compared."""
    assert pictures.digits({}).row_count == 0
    assert pictures.components([result()]).row_count == 0
    assert pictures.agreement(agreement([])) == ["No virtual cell was compared with its truth."]


def test_the_agreement_is_one_sentence_each(result, measured, windows):
    """The printed numbers are the largest error per component and in all, and the coverage."""
    [errors, coverage] = pictures.agreement(
        agreement(comparisons(with_truth([result(energy=measured(0.015))], {"a1": windows})))
    )

    assert "neurocores 0.214\u00a0%" in errors
    assert "all components together 0.0129\u00a0%" in errors
    assert coverage == "100\u00a0% of 6 virtual cells lie within 2u of the truth."


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_ends_at_all_jobs(bodies, terminal):
    """The display counts ended jobs; away from a terminal it says each quarter once."""
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal)
    with Display(console, 8) as display:
        for k in range(8):
            for state in ("running", "succeeded"):
                display.show(record(JobView, bodies.job(f"j{k}", state)))
    shown = console.file.getvalue()

    assert "8/8" in shown if terminal else shown.count("of 8 jobs have ended") == 4
