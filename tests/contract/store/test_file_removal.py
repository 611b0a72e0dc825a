"""Contract of deleting files and of the room they may take: nothing that was measured loses its problem."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from store_kit import ADMIN, Shelf

from neurorig_protocols.job import JobSpec
from neurorig_protocols.refusals import (
    FileInUse,
    FileQuotaExceeded,
    FileSpaceExhausted,
    Forbidden,
    NotFound,
    UnknownFile,
)
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import FileProblem, Proposal
from neurorig_server.store.files import ContentGone, FileFilter, Files, NewFile, Quota
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import IMPLIED, Principal

DIGEST, OTHER = "ab" * 32, "cd" * 32
OWNER = Principal(id="owner", name="owner", scopes=IMPLIED["submit"])
SOMEBODY = Principal(id="somebody", name="somebody", scopes=IMPLIED["operate"] | IMPLIED["submit"])


@pytest.fixture
def shelf() -> Shelf:
    """The bytes of two files."""
    return Shelf(DIGEST, OTHER)


def new(digest: str = DIGEST, kind: Any = "qubo", size: int = 7) -> NewFile:
    """A file to note."""
    return NewFile(digest=digest, kind=kind, name="one", size=size, facts={"samples": 1, "steps": 1})


def asks(digest: str = DIGEST) -> JobSpec:
    """A job for an uploaded problem."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    return JobSpec.model_validate({"workload": {"name": "qubo", "problem": f"sha256:{digest}", "scenario": scenario}})


def propose(store: Store, digest: str = DIGEST) -> None:
    """Propose a solution of an uploaded problem."""
    body = {"solution": pack_bits(np.zeros(3, np.uint8)), "found_by": "somebody", "found_on": "a machine"}
    proposal = Proposal(problem=FileProblem(problem=f"sha256:{digest}"), **body)
    store.targets.propose(proposal, n=3, cost=-1, who=ADMIN)


@pytest.mark.parametrize("who", [OWNER, ADMIN])
def test_its_owner_or_an_administrator_deletes_a_file(store: Store, shelf: Shelf, who: Principal) -> None:
    """Row and bytes are gone, and the same bytes may come again."""
    store.files.add(new(), OWNER, shelf)

    store.files.remove(DIGEST, who, shelf)

    assert store.files.list(FileFilter()).items == ()
    assert shelf.held == {OTHER}
    with pytest.raises(NotFound):
        store.files.remove(DIGEST, who, shelf)
    shelf.held.add(DIGEST)
    assert store.files.add(new(), SOMEBODY, shelf).digest == f"sha256:{DIGEST}"


def test_nobody_else_deletes_a_file(store: Store, shelf: Shelf) -> None:
    """An operator may cancel anybody's jobs, but a file is its owner's."""
    store.files.add(new(), OWNER, shelf)

    with pytest.raises(Forbidden):
        store.files.remove(DIGEST, SOMEBODY, shelf)

    assert shelf.has(DIGEST)
    assert store.files.get(DIGEST).size == 7


@pytest.mark.parametrize("through", ["job", "cancelled job", "campaign", "network", "events"])
def test_a_file_that_a_job_names_stays(store: Store, shelf: Shelf, through: str) -> None:
    """In any state, alone or in a campaign, as a problem, a network or its input; the refusal names the job."""
    digest = DIGEST
    if through in ("network", "events"):
        store.files.add(new(DIGEST, "nir"), OWNER, shelf)
        store.files.add(new(OTHER, "events"), OWNER, shelf)
        snn = {"name": "snn", "model": f"sha256:{DIGEST}", "events": f"sha256:{OTHER}", "steps": 1}
        job = store.jobs.submit(JobSpec.model_validate({"workload": snn}), OWNER, wait_for_bench=True).id
        digest = DIGEST if through == "network" else OTHER
    else:
        store.files.add(new(), OWNER, shelf)
        if through == "campaign":
            (job,) = store.campaigns.submit("one", [asks()], OWNER, wait_for_bench=True).jobs
        else:
            job = store.jobs.submit(asks(), OWNER, wait_for_bench=True).id
        if through == "cancelled job":
            store.jobs.cancel(job, OWNER)

    with pytest.raises(FileInUse, match="1 jobs and 0 target records") as refused:
        store.files.remove(digest, ADMIN, shelf)

    assert [(p.message, p.code) for p in refused.value.problems] == [(f"job {job} names the file", "job")]
    assert shelf.has(digest)
    assert store.files.get(digest).size == 7


def test_a_file_that_a_target_names_stays(store: Store, shelf: Shelf) -> None:
    """A best verified solution without its problem could not be checked."""
    store.files.add(new(), OWNER, shelf)
    propose(store)

    with pytest.raises(FileInUse, match="0 jobs and 1 target records"):
        store.files.remove(DIGEST, OWNER, shelf)


def test_no_target_is_kept_for_a_deleted_file(store: Store, shelf: Shelf) -> None:
    """A proposal whose problem was deleted while it was being recomputed is refused."""
    with pytest.raises(UnknownFile):
        propose(store)


def test_a_refused_deletion_names_a_few_jobs_only(store: Store, shelf: Shelf) -> None:
    """However many there are."""
    store.files.add(new(), OWNER, shelf)
    for _ in range(7):
        store.jobs.submit(asks(), OWNER, wait_for_bench=True)

    with pytest.raises(FileInUse, match="7 jobs") as refused:
        store.files.remove(DIGEST, OWNER, shelf)

    assert len(refused.value.problems) == 5


@pytest.mark.parametrize("round_", range(5))
def test_deletion_and_submission_race(store: Store, shelf: Shelf, round_: int) -> None:
    """Either the job is refused or the file stays; there is never a job without its file."""
    digest = f"{round_:064x}"
    shelf.held.add(digest)
    store.files.add(new(digest), OWNER, shelf)
    gate = threading.Barrier(3)

    def at_once(act: Callable[[], object]) -> str:
        gate.wait(10)
        try:
            act()
        except (FileInUse, UnknownFile) as refused:
            return refused.code
        return "done"

    with ThreadPoolExecutor(3) as pool:
        submitted = pool.submit(at_once, lambda: store.jobs.submit(asks(digest), OWNER, wait_for_bench=True))
        proposed = pool.submit(at_once, lambda: propose(store, digest))
        deleted = pool.submit(at_once, lambda: store.files.remove(digest, OWNER, shelf))
        outcomes = submitted.result(), proposed.result(), deleted.result()

    assert outcomes in (("unknown_file", "unknown_file", "done"), ("done", "done", "file_in_use"))
    assert shelf.has(digest) is (outcomes[2] != "done")


def test_bytes_that_a_deletion_took_are_asked_for_again(store: Store, shelf: Shelf) -> None:
    """An upload whose bytes vanish between their arrival and its row says so instead of naming nothing."""
    store.files.add(new(), OWNER, shelf)
    store.files.remove(DIGEST, OWNER, shelf)

    with pytest.raises(ContentGone):
        store.files.add(new(), SOMEBODY, shelf)

    assert store.files.list(FileFilter()).items == ()


def limited(store: Store, owner_bytes: int, total_bytes: int) -> Files:
    """The same files with little room."""
    return Files(store.db, Quota(owner_bytes=owner_bytes, total_bytes=total_bytes))


def test_a_token_has_so_much_room(store: Store, shelf: Shelf) -> None:
    """Its files fill it up exactly; a byte more is refused with what to do, and leaves no bytes behind."""
    files = limited(store, 10, 100)
    files.add(new(DIGEST, size=6), OWNER, shelf)

    with pytest.raises(FileQuotaExceeded, match="take 6 of 10") as refused:
        files.add(new(OTHER, size=5), OWNER, shelf)

    assert "neurorig files rm" in str(refused.value.next_step)
    assert refused.value.code == "file_quota_exceeded"
    assert shelf.held == {DIGEST}
    shelf.held.add(OTHER)
    files.add(new(OTHER, size=4), OWNER, shelf)


def test_the_same_bytes_again_take_no_room(store: Store, shelf: Shelf) -> None:
    """Also when there is none left, and whoever sends them."""
    files = limited(store, 7, 7)
    first = files.add(new(), OWNER, shelf)

    assert files.add(new(), OWNER, shelf) == first
    assert files.add(new(), SOMEBODY, shelf) == first


def test_each_token_has_its_own_room_and_all_share_the_servers(store: Store, shelf: Shelf) -> None:
    """One token's files take nothing from another's, until the server's own room is used up."""
    files = limited(store, 7, 13)
    files.add(new(), OWNER, shelf)

    with pytest.raises(FileSpaceExhausted, match="take 7 of 13") as refused:
        files.add(new(OTHER), SOMEBODY, shelf)

    assert "operator" in str(refused.value.next_step)
    shelf.held.add(OTHER)
    files.remove(DIGEST, OWNER, shelf)
    files.add(new(OTHER), SOMEBODY, shelf)


def test_uploads_at_once_do_not_share_the_last_room(store: Store) -> None:
    """Of ten files for room of three, three are kept."""
    digests = [f"{k:064x}" for k in range(10)]
    shelf, files = Shelf(*digests), limited(store, 21, 100)

    def add(digest: str) -> bool:
        try:
            files.add(new(digest), OWNER, shelf)
        except FileQuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        kept = list(pool.map(add, digests))

    assert kept.count(True) == 3
    assert shelf.held == {digest for digest, here in zip(digests, kept, strict=True) if here}
