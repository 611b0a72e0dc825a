"""Pages over HTTP from a real server on a filled store."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import httpx
import pytest
import web_lab

from neurorig_protocols import onboard
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.number_text import quantity_text
from neurorig_protocols.onboard import OnboardComponent, OnboardPower
from neurorig_server.objects.traces import TraceStore
from neurorig_server.web import attempt_page, templating

ATTEMPTS = ("qubo", "digits", "unmetered", "lost_meter", "failed", "running")


@pytest.mark.parametrize(
    "page",
    [
        "/",
        "/benches",
        "/targets",
        "/campaigns",
        "/comparisons",
        "/docs",
        "/docs/records",
        "/login",
        "evil_job",
        "running_job",
        *ATTEMPTS,
    ],
)
def test_page_is_whole_and_carries_the_policy(reader: httpx.Client, lab: web_lab.Lab, page: str) -> None:
    """Every page answers 200 with language, title, skip link, main part and a strict policy."""
    response = reader.get(lab.ids.path(page))

    assert response.status_code == 200
    for part in ('<html lang="en">', "<title>", 'href="#main"', '<main id="main"'):
        assert part in response.text
    assert "script-src 'self';" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert not re.search(r"<[^>]+\son\w+=", response.text), "an inline event handler"
    assert not re.search(r"<script(?![^>]*(src=|application/json))", response.text), "an inline script"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/jobs/aaaaaaaaaaaa", 404), ("/attempts/aaaaaaaaaaaa", 404), ("/jobs/UPPER", 422), ("/?state=lost", 422),
        ("/?cursor=!", 422), ("/?nonsense=1", 422), ("/attempts/%3Cscript%3E", 422),
    ],
)  # fmt: skip
def test_failure_is_a_page(reader: httpx.Client, path: str, status: int) -> None:
    """What is not there, or not an address of ours, is a page with a way back, and echoes nothing."""
    response = reader.get(path)

    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert "Back to the queue" in web_lab.text_of(response)
    assert "<script>" not in response.text


def test_queue_shows_state_needs_and_why_a_job_waits(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Every job has its line; a waiting one says its place and the reason."""
    text = web_lab.text_of(reader.get("/"))

    assert lab.ids.waiting_job in text
    assert "Number 2 in the queue. Every bench that fits is busy: virtual-loihi-0." in text
    assert "No registered bench meets its needs yet." in text
    assert "1 on virtual-loihi-0 VIRTUAL valid" in text
    assert "1 on host-0 physical valid" in text


@pytest.mark.parametrize(("state", "count"), [("queued", 2), ("succeeded", 4), ("failed", 1), ("leased", 0)])
def test_queue_is_narrowed_by_state(reader: httpx.Client, state: str, count: int) -> None:
    """A state shows its jobs alone; the counts beside the states stay whole."""
    response = reader.get("/", params={"state": state})

    assert response.text.count('<th scope="row" data-label="Job">') == count
    assert f"{state} {count}" in web_lab.text_of(response)
    assert "all 43" in web_lab.text_of(response)


def test_queue_pages_follow_each_other(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Going on to older jobs meets every job once, and the last page ends."""
    seen: list[str] = []
    path: str | None = "/"
    while path:
        page = reader.get(path).text
        seen += re.findall(r'<th scope="row" data-label="Job"><a href="/jobs/(\w+)"', page)
        older = re.search(r'<a href="([^"]+)" rel="next">', page)
        path = unescape(older[1]) if older else None

    assert len(seen) == len(set(seen)) == 8 + lab.ids.cancelled
    assert seen[0] == lab.ids.waiting_job


def test_tag_in_an_address_finds_its_jobs(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """The link of a tag, however odd the tag, leads to the jobs that carry it."""
    link = re.search(r'<a class="tag" href="([^"]+)"', reader.get(lab.ids.path("evil_job")).text)

    assert link is not None
    text = web_lab.text_of(reader.get(unescape(link[1])))
    assert lab.ids.evil_job in text
    assert lab.ids.waiting_job not in text


def test_what_is_under_way_refreshes_and_what_is_done_does_not(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Queue, running job and running attempt reload by themselves unless told not to; an ended attempt never."""
    refresh = '<meta http-equiv="refresh" content="5">'

    for page in ("/", "running_job", "running"):
        assert refresh in reader.get(lab.ids.path(page)).text
        assert refresh not in reader.get(lab.ids.path(page), params={"refresh": "off"}).text
    for page in ("qubo", "failed", "/benches"):
        assert "http-equiv" not in reader.get(lab.ids.path(page)).text


@pytest.mark.parametrize("page", ["qubo", "digits", "lost_meter", "running", "/", "/benches", "running_job"])
def test_virtual_is_said(reader: httpx.Client, lab: web_lab.Lab, page: str) -> None:
    """Whatever comes from a virtual bench carries the word."""
    assert "VIRTUAL" in web_lab.text_of(reader.get(lab.ids.path(page)))


def test_physical_attempt_is_not_called_virtual(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """The word is for virtual benches alone."""
    text = web_lab.text_of(reader.get(lab.ids.path("unmetered")))

    assert "VIRTUAL" not in text
    assert "physical" in text


def test_attempt_shows_every_energy_of_its_matrix(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Each cell, total, supply and residual stands on the page with uncertainty, grade and boundary."""
    text = web_lab.text_of(reader.get(lab.ids.path("qubo")))
    matrix = lab.store.attempts.energy(lab.ids.qubo)

    assert isinstance(matrix, EnergyMatrix)
    numbers = [cell.energy for cell in matrix.cells] + [cell.dynamic for cell in matrix.cells if cell.phase == "run"]
    numbers += [number for total in matrix.totals for number in (total.energy, total.supply, total.residual)]
    for number in numbers:
        assert quantity_text(number).replace("\u00a0", " ") in text
    assert "host-cpu: its power is shared with other work on the host" in text
    assert "metered: external analyser on a tap" in text
    assert text.count("not reached") == 3


def test_attempt_without_energy_says_why(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """An unmetered bench gives its reason and no number in joules."""
    text = web_lab.text_of(reader.get(lab.ids.path("unmetered")))

    assert "No energy RAPL cannot be read: the energy counters need root rights." in text
    assert not re.search(r"\d [mµ]?J", text)


def test_lost_meter_says_what_failed_and_what_to_do(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Time and answer stay; the box says what, where, which kind and the next step, once."""
    text = web_lab.text_of(reader.get(lab.ids.path("lost_meter")))

    assert "Where monitor analyser at TCPIP::127.0.0.1::hislip0,46325::INSTR" in text
    assert "Time and answer stand, the energy does not." in text
    assert "What to do next Check the instrument's power and network" in text
    assert "Best cost" in text
    assert "No energy" not in text


def test_failed_attempt_names_limit_and_excess(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """A problem that does not fit names the limit and by how much."""
    text = web_lab.text_of(reader.get(lab.ids.path("failed")))

    assert "the problem needs 3 125 000 synapses, the chip has 1 048 576" in text
    assert "needed 3125000" in text


def test_benches_show_wiring_boundary_and_work(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """A bench says what its rails feed, who samples them, what is left out and what it is at."""
    text = web_lab.text_of(reader.get("/benches"))

    assert "management management-cpu part 1 V analyser, channel 4" in text
    assert "host-cpu: its power is shared with other work on the host" in text
    assert "nothing: this bench measures no energy" in text
    assert f"attempt {lab.ids.running} of job {lab.ids.running_job}" in " ".join(text.split())


@pytest.mark.parametrize("page", ["evil_job", "/", "/benches"])
def test_text_of_users_stays_text(reader: httpx.Client, lab: web_lab.Lab, page: str) -> None:
    """Markup in comments, tags and descriptions is shown, never read."""
    response = reader.get(lab.ids.path(page))

    assert "<img src=x" not in response.text
    assert "{{ 7*7 }}" in response.text or "&lt;img src=x" in response.text
    assert "<img src=x" in web_lab.text_of(response)


def test_too_large_a_trace_is_not_drawn(lab: web_lab.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the page says so and keeps the link and everything else."""
    monkeypatch.setattr(attempt_page, "MOST_TRACE_BYTES", 100)

    found = attempt_page.context(lab.store, lab.traces, lab.ids.qubo)

    assert "too large to be drawn here" in found["trace_problem"]
    assert (found["traces"], len(found["trace_files"])) == ([], 1)
    assert found["charts"]["energy"] is not None


def test_narrow_run_is_drawn_once_more(lab: web_lab.Lab) -> None:
    """Where a run is too short to be seen in its trace, a second chart shows it with the samples beside it."""
    digits = attempt_page.context(lab.store, lab.traces, lab.ids.digits)
    window = next(w for w in digits["matrix"].windows if w.phase == "run")

    whole, closer = digits["traces"]

    assert (whole.name, closer.name) == ("trace-analyser", "closer-analyser")
    figure = json.loads(closer.json)
    assert figure["layout"]["xaxis"]["title"]["text"].endswith("run 0, ms")
    end = window.duration_s * 1e3
    line = next(t for t in figure["data"] if t["x"] != [None])
    inside = [w for t, w in zip(line["x"], line["y"], strict=True) if 0.02 < t < end - 0.02]
    beside = [w for t, w in zip(line["x"], line["y"], strict=True) if not -0.02 < t < end + 0.02]
    assert min(inside) > max(beside)
    assert line["x"][0] < -0.3 * end
    assert line["x"][-1] > 1.3 * end


def test_wide_run_needs_no_closer_look(lab: web_lab.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that can be seen in its trace is drawn once."""
    monkeypatch.setattr(attempt_page, "NARROW", 0.05)

    drawn = attempt_page.context(lab.store, lab.traces, lab.ids.qubo)["traces"]

    assert [chart.name for chart in drawn] == ["trace-analyser"]


def test_energy_of_the_boards_own_sensors_has_its_page(lab: web_lab.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix without a trace or a window on one is shown with the grade, the code's meaning and the powers."""
    part = OnboardComponent(component="neurocores", rails=("vdd",), mean_w=1.3)
    power = OnboardPower(components=(part,), chips_available=8, chips_allocated=2, pass_s=1, accuracy=0.05, source="s")
    seen = lab.store.attempts.get(lab.ids.unmetered)
    assert seen.answer is not None
    told = {"answer": seen.answer.model_copy(update={"onboard": power}), "codes": ("onboard_power",)}
    monkeypatch.setattr(lab.store.attempts, "get", lambda _: seen.model_copy(update=told))
    monkeypatch.setattr(lab.store.attempts, "energy", lambda _: onboard.matrix(power, [0.01], "physical"))

    found = attempt_page.context(lab.store, lab.traces, lab.ids.unmetered)
    common = {"now": lab.store.db.now(), "signed_in": True, "refresh_s": None, "still_url": None, "refresh_url": None}
    shown = templating.page("attempt.html", common | found)
    text = unescape(re.sub(r"<[^>]+>", " ", bytes(shown.body).decode()))

    assert "onboard: the board's or chip's own counter" in text
    assert "No monitor: the energy is the board's own mean power" in text
    assert quantity_text(found["matrix"].totals[0].energy) in text
    assert onboard.ACCURACY in text
    assert "Board's own power" in text


def test_lost_trace_file_is_said(lab: web_lab.Lab, tmp_path: Path) -> None:
    """A trace that is gone from the trace store takes the picture, not the page."""
    found = attempt_page.context(lab.store, TraceStore(str(tmp_path)), lab.ids.qubo)

    assert "cannot be read from the trace store" in found["trace_problem"]
    assert found["matrix"] is not None


def test_links_to_data_work(reader: httpx.Client, lab: web_lab.Lab) -> None:
    """Every link to data on the page answers a signed-in browser, the trace with its very bytes."""
    page = reader.get(lab.ids.path("qubo")).text
    links = [unescape(link) for link in re.findall(r'href="(/api/[^"]+)"', page)]

    answers = {link: reader.get(link) for link in links}

    assert len(links) == 6
    assert {answer.status_code for answer in answers.values()} == {200}
    (trace,) = [answer for link, answer in answers.items() if "parquet" in link]
    (info,) = lab.store.attempts.traces(lab.ids.qubo)
    assert len(trace.content) == info.size
