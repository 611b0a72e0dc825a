"""Places and reasons of waiting jobs are those that the store gives for each alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import web_lab
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_records import loihi_bench, qubo_spec

from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.job import JobState
from neurorig_server.store.jobs import JobFilter
from neurorig_server.web.job_waits import explained

NEEDS = ({"board": "virtual-loihi"}, {"board": "nobody-has-it"}, {"bench": "virtual-loihi-0"})


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[web_lab.Lab]:
    """Jobs of several priorities and needs, a few of them cancelled."""
    lab = web_lab.Lab(tmp_path_factory.mktemp("queue"))
    lab.register(loihi_bench())
    for i in range(40):
        job_id = lab.submit(qubo_spec(priority=(50, 50, 80, 10)[i % 4], needs=NEEDS[i % 3], tags=[f"t{i % 2}"]))
        if i % 7 == 0:
            lab.store.jobs.cancel(job_id, web_lab.ADMIN)
    yield lab
    lab.close()


def pages(lab: web_lab.Lab, limit: int, wanted: JobFilter) -> Iterator[tuple[JobView, ...]]:
    """Every page of a list."""
    cursor: str | None = None
    while True:
        page = lab.store.jobs.list(wanted, limit=limit, cursor=cursor)
        yield page.items
        cursor = page.next
        if cursor is None:
            return


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 45), state=st.sampled_from([None, JobState.QUEUED]))
def test_place_and_reason_are_the_store_s_own(queue: web_lab.Lab, limit: int, state: JobState | None) -> None:
    """However the queue is cut into pages, every waiting job has the place and reason that `get` gives it."""
    for page in pages(queue, limit, JobFilter(state=state)):
        for shown in explained(queue.store.jobs, page, whole=True):
            alone = queue.store.jobs.get(shown.id)
            assert (shown.position, shown.reason) == (alone.position, alone.reason)


def test_list_with_holes_gives_reasons_and_no_places(queue: web_lab.Lab) -> None:
    """Where a filter leaves jobs out, no place is guessed."""
    (page,) = pages(queue, 50, JobFilter(tag="t1"))

    shown = explained(queue.store.jobs, page, whole=False)

    waiting = [job for job in shown if job.state == JobState.QUEUED]
    assert len(waiting) > 10
    assert {job.position for job in waiting} == {None}
    assert all(job.reason == queue.store.jobs.get(job.id).reason for job in waiting)


def test_job_that_left_the_queue_meanwhile_is_shown_as_it_is_now(tmp_path: Path) -> None:
    """Between the list and the question a job may end: its new state is shown, and no place."""
    with web_lab.running(tmp_path) as (lab, _):
        job_id = lab.submit(qubo_spec())
        (newest, _) = lab.store.jobs.list(JobFilter()).items
        lab.store.jobs.cancel(job_id, web_lab.ADMIN)

        (shown,) = explained(lab.store.jobs, [newest], whole=True)

        assert (shown.id, shown.state, shown.position) == (job_id, JobState.CANCELLED, None)
