"""The pages of campaigns and comparisons, from a real server on a store with made attempts."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import web_lab
from web_records import acquired, digits_spec, host_bench, loihi_bench, measured_report, qubo_spec, solved

from neurorig.cli import benchmark_tables
from neurorig.cli import tables as tables_of_cli
from neurorig.plain_console import SPACES, PlainConsole
from neurorig_protocols import answers
from neurorig_protocols.api.comparisons import CampaignSummary, ComparisonRequest, ComparisonView, Side
from neurorig_protocols.benchmarks.ratios import Difference, Ratio
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.job import JobSpec
from neurorig_protocols.number_text import quantity_text
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.text import result_tables
from neurorig_protocols.text.result_text import compared_cell
from neurorig_protocols.text.text_table import TextTable
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis

SIZE = {"name": "qubo-mis", "n": 250, "density": 0.05}
TTS = {"kind": "time-to-solution", "limit_s": 0.05}
FIXED = {"kind": "fixed-timeout", "timeout_s": 0.05}
MEANS = ("gap_official", "gap_best", "solve", "power", "energy")


@dataclass(frozen=True)
class Made:
    """Ids of what the lab holds."""

    chip: str
    host: str
    digits: str
    comparison: str
    single: str


def specs(board: str, scenario: dict[str, Any], seeds: int = 3) -> list[JobSpec]:
    """One job per seed."""
    needs = {"board": board}
    return [qubo_spec(workload={**SIZE, "seed": seed, "scenario": scenario}, needs=needs) for seed in range(seeds)]


def finish(lab: web_lab.Lab, bench: str, *, metered: bool) -> None:
    """Run the next job of a bench: solved, measured or not."""
    lease = lab.store.leases.claim(bench, web_lab.ADMIN)
    assert lease is not None
    workload = lease.job.workload
    assert isinstance(workload, QuboMis)
    answer = solved(workload)
    if metered:
        found = acquired()
        lab.report(lease, measured_report(lease, answer, found, lab.upload(lease, found), loihi_bench().board))
        return
    report = AttemptReport(fence=lease.fence, outcome="succeeded", answer=answer, energy_absent="RAPL needs root")
    lab.report(lease, report)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[web_lab.Lab, Made]]:
    """A campaign of a VIRTUAL chip, its baseline on this computer, and one of digits that waits."""
    lab = web_lab.Lab(tmp_path_factory.mktemp("benchmark"))
    for record in (loihi_bench(), host_bench()):
        lab.register(record)
    submit = lab.store.campaigns.submit
    chip = submit("chip & <b>more</b>", [*specs("virtual-loihi", TTS), *specs("virtual-loihi", FIXED)], web_lab.ADMIN)
    host = submit("host", [*specs("host-cpu", TTS), *specs("host-cpu", FIXED, 1)], web_lab.ADMIN)
    single = submit("single", specs("virtual-loihi", FIXED, 1), web_lab.ADMIN)
    for _ in range(7):
        finish(lab, "virtual-loihi-0", metered=True)
    for _ in range(3):
        finish(lab, "host-0", metered=False)
    digits = submit("digits", [digits_spec()], web_lab.ADMIN, wait_for_bench=True)
    sides = ComparisonRequest(name="chip/host", left=Side(campaign=chip.id), right=Side(campaign=host.id))
    joined = lab.store.comparisons.create(sides, web_lab.ADMIN)
    yield lab, Made(chip.id, host.id, digits.id, joined.id, single.id)
    lab.close()


@pytest.fixture(scope="module")
def client(made: tuple[web_lab.Lab, Made]) -> Iterator[httpx.Client]:
    """Somebody who signed in."""
    with web_lab.served(made[0]) as site, httpx.Client(base_url=site.url, timeout=30) as client:
        client.cookies.set("neurorig_token", site.token)
        yield client


@pytest.fixture
def ids(made: tuple[web_lab.Lab, Made]) -> Made:
    """Ids of what the lab holds."""
    return made[1]


def test_pages_are_whole(client: httpx.Client, ids: Made) -> None:
    """Both kinds of page answer with title, main part and the strict policy, and without inline scripts."""
    for path in (f"/campaigns/{ids.chip}", f"/campaigns/{ids.digits}", f"/comparisons/{ids.comparison}"):
        response = client.get(path)

        assert response.status_code == 200
        assert '<main id="main"' in response.text
        assert "script-src 'self';" in response.headers["content-security-policy"]
        assert not re.search(r"<script(?![^>]*(src=|application/json))", response.text)
        assert "<b>more</b>" not in response.text


def test_campaign_shows_both_tables_with_their_rules(client: httpx.Client, ids: Made) -> None:
    """Machine, boundary, seeds, start event, stop rule and what was not reached stand on the page."""
    text = web_lab.text_of(client.get(f"/campaigns/{ids.chip}"))

    for part in (
        "VIRTUAL bench.", "virtual-loihi-0 (virtual-loihi, VIRTUAL)", "neurocores, memory", "host-cpu (its power",
        "The clock starts when the problem is loaded.", "stops when the solver itself detects the target",
        "3 of 5 seeds", "No result (not_asked)", "Fixed timeout", "Time to solution", "3 of 3",
    ):  # fmt: skip
        assert part in text, part


def test_campaign_carries_two_charts(client: httpx.Client, ids: Made) -> None:
    """Gap over timeout and share of runs are Plotly figures; one of a VIRTUAL bench says so inside."""
    page = client.get(f"/campaigns/{ids.chip}").text
    figures = re.findall(r'<script type="application/json" id="([\w-]+)-figure">(.*?)</script>', page, re.DOTALL)

    assert [name for name, _ in figures] == ["gap-0", "reached-0"]
    for _, text in figures:
        assert any(note["text"] == "VIRTUAL" for note in json.loads(text)["layout"]["annotations"])


def test_campaign_without_energy_says_why(client: httpx.Client, ids: Made) -> None:
    """The reason stands once above the tables, the cells say that nothing was measured."""
    text = web_lab.text_of(client.get(f"/campaigns/{ids.host}"))

    assert "Power and energy are not measured: RAPL needs root." in text
    assert "VIRTUAL" not in text
    assert "1 queued" in text
    assert "No result (pending)" in text


def test_row_of_one_seed_says_that_its_spread_is_unknown(client: httpx.Client, ids: Made) -> None:
    """Each of its means is marked, and the notes give the field's words."""
    page = client.get(f"/campaigns/{ids.single}").text
    (row,) = client.get(f"/api/v1/campaigns/{ids.single}/summary").json()["summary"]["rows"]

    assert (row["gap_official"]["u"], row["gap_official"]["n"]) == (None, 1)
    assert (row["solve"]["u"] > 0, row["solve"]["n"]) == (True, 1)
    assert row["power"]["u"] > 0
    assert page.count("(n\u00a0=\u00a01)") == sum("value" in row[name] for name in MEANS)
    assert "n = 1, spread unknown; ± is the instrument" in page


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (Ratio(relation="=", low=0.5, high=0.5), "0.5 (n = 1, spread unknown)"),
        (Ratio(relation="=", low=0.5, high=0.5, n=2), "0.5"),
        (Ratio(relation=">=", low=0.5, high=None), "≥ 0.5"),
        (Difference(value=0.25, u=None), "+0.25 (difference; n = 1, spread unknown)"),
        (Difference(value=0.25), "+0.25 (difference)"),
    ],
)
def test_comparison_of_one_pair_says_that_its_spread_is_unknown(found: Ratio | Difference, shown: str) -> None:
    """A ratio or difference without an uncertainty is not shown as an exact one."""
    assert compared_cell(found, "latency").text == shown


def test_campaign_of_another_workload_has_no_table(client: httpx.Client, ids: Made) -> None:
    """A campaign of digits says so and leads to its jobs."""
    text = web_lab.text_of(client.get(f"/campaigns/{ids.digits}"))

    assert "no qubo-mis job" in text


def test_comparison_shows_numbers_and_refusals(client: httpx.Client, ids: Made) -> None:
    """Costs compare, times and energies of two realities do not, and the page says why and by which rule."""
    text = web_lab.text_of(client.get(f"/comparisons/{ids.comparison}"))

    for part in (
        "virtual-loihi-0 (virtual-loihi, VIRTUAL), solver annealing", "host-0 (host-cpu, physical), solver annealing",
        "cost 3 of 3", "(difference)", "different reality", "A virtual and a physical number have no ratio.",
        "What must be equal", "3 jobs without a counterpart", "no job with this problem and scenario",
    ):  # fmt: skip
        assert part in text, part


def test_pages_lead_to_each_other(client: httpx.Client, ids: Made) -> None:
    """Campaign and comparison, and the queue and a campaign, are one click apart."""
    assert f"/comparisons/{ids.comparison}" in client.get(f"/campaigns/{ids.chip}").text
    assert f"/campaigns/{ids.host}" in client.get(f"/comparisons/{ids.comparison}").text
    assert f'href="/campaigns/{ids.host}"' in client.get(f"/?campaign={ids.host}").text


@pytest.mark.parametrize("path", ["/campaigns/aaaaaaaaaaaa", "/comparisons/aaaaaaaaaaaa", "/campaigns/UPPER"])
def test_what_is_not_there_is_a_page(client: httpx.Client, path: str) -> None:
    """An unknown id answers with a page, not with JSON."""
    response = client.get(path)

    assert response.status_code in (404, 422)
    assert response.headers["content-type"].startswith("text/html")


def test_api_answers_what_the_pages_show(client: httpx.Client, ids: Made) -> None:
    """Summary and comparison are there for programs, with kinds that tell ratios and refusals apart."""
    summary = client.get(f"/api/v1/campaigns/{ids.chip}/summary").json()
    found = client.get(f"/api/v1/comparisons/{ids.comparison}").json()

    assert len(summary["summary"]["rows"]) == 2
    assert summary["summary"]["start_rule"] == "The clock starts when the problem is loaded."
    kinds = {total["metric"]: total["mean"]["kind"] for total in found["result"]["totals"]}
    assert kinds["cost"] == "difference"
    assert kinds["power"] == "refusal"


def test_api_joins_two_sides(client: httpx.Client, ids: Made, made: tuple[web_lab.Lab, Made]) -> None:
    """A comparison is created with 201 and a location; a side must be one thing that exists."""
    token = made[0].store.tokens.create("submitter", ["submit"]).token
    headers = {"Authorization": f"Bearer {token}"}
    body = {"left": {"campaign": ids.chip}, "right": {"campaign": ids.chip}}

    created = client.post("/api/v1/comparisons", json=body, headers=headers)
    both = {**body, "left": {"campaign": ids.chip, "job": ids.chip}}
    wrong = [both, {**body, "left": {}}, {**body, "right": {"job": "nonsense"}}, {**body, "left": {"job": "a" * 12}}]

    assert created.status_code == 201
    assert created.headers["location"] == f"/api/v1/comparisons/{created.json()['id']}"
    statuses = [client.post("/api/v1/comparisons", json=bad, headers=headers).status_code for bad in wrong]
    assert statuses == [422, 422, 422, 404]
    assert client.post("/api/v1/comparisons", json=body).status_code in (401, 403)


def printed(*parts: Any) -> str:
    """Return what the terminal shows of tables and texts, in one line."""
    console = PlainConsole(width=250, file=io.StringIO(), markup=False)
    for part in parts:
        console.print(part)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def shown_alike(tables: Iterable[TextTable], page: str) -> int:
    """Check that terminal and page show every text of the columns that both have; return how many there are."""
    seen = 0
    for table in tables:
        terminal = " ".join(printed(tables_of_cli.draw(table)).split())
        shared = [k for k, column in enumerate(table.columns) if not column.where]
        for row in table.rows:
            for text in (row[k].text.translate(SPACES) for k in shared):
                assert text in page
                assert text in terminal
                seen += bool(text)
    return seen


def test_terminal_and_page_show_a_campaign_in_the_same_words(client: httpx.Client, ids: Made) -> None:
    """Each number, its uncertainty and its unit are the same strings in the CLI's tables and on the page."""
    found = answers.read(CampaignSummary, client.get(f"/api/v1/campaigns/{ids.chip}/summary").content)
    page = web_lab.text_of(client.get(f"/campaigns/{ids.chip}")).translate(SPACES)
    terminal = printed(*benchmark_tables.summary(found.summary))
    machines = result_tables.machines(found.summary)

    assert shown_alike((table for machine in machines for table in machine.tables), page) > 20
    for machine in machines:
        for text in (machine.title, *machine.notes, *(value.text for _, value in machine.facts)):
            assert text.translate(SPACES) in page
            assert text.translate(SPACES) in terminal


def test_terminal_and_page_show_a_comparison_in_the_same_words(client: httpx.Client, ids: Made) -> None:
    """Totals, sides of pairs and refusals are the same strings in the CLI's tables and on the page."""
    found = answers.read(ComparisonView, client.get(f"/api/v1/comparisons/{ids.comparison}").content)
    page = web_lab.text_of(client.get(f"/comparisons/{ids.comparison}")).translate(SPACES)
    made = [result_tables.totals(found.result), *(result_tables.pairs([pair]) for pair in found.result.pairs)]

    assert shown_alike(made, page) > 40


def test_terminal_and_page_show_energies_in_the_same_words(client: httpx.Client, ids: Made) -> None:
    """Each energy of an attempt is the same string in the CLI's table and on the page."""
    (job, *_) = client.get("/api/v1/jobs", params={"campaign": ids.chip, "limit": 1}).json()["items"]
    attempt = job["attempts"][-1]["id"]
    matrix = answers.read(EnergyMatrix, client.get(f"/api/v1/attempts/{attempt}/energy").content)
    page = web_lab.text_of(client.get(f"/attempts/{attempt}")).translate(SPACES)
    terminal = printed(tables_of_cli.energy(matrix))

    assert matrix.cells
    for text in {quantity_text(cell.energy).translate(SPACES) for cell in matrix.cells}:
        assert " ± " in text
        assert text in page
        assert text in terminal
