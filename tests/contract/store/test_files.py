"""Contract of uploaded files: one row per content, found by digest, asked for by jobs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from store_kit import Shelf

from neurorig_protocols.job import JobSpec
from neurorig_protocols.refusals import Invalid, KindDiffers, NotFound, UnknownFile
from neurorig_server.store.files import FileFilter, NewFile, names_of_variables
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import Principal

DIGEST = "ab" * 32
DIGESTS = [f"{k:064x}" for k in range(5)]
SHELF = Shelf(DIGEST, "cd" * 32, *DIGESTS)


def new(digest: str = DIGEST, kind: str = "qubo", **fields: object) -> NewFile:
    """A file to note."""
    return NewFile(**{"digest": digest, "kind": kind, "name": "one", "size": 7, "facts": {"n": 3}, **fields})


def general(digest: str = DIGEST) -> JobSpec:
    """A job for an uploaded problem."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    return JobSpec.model_validate({"workload": {"name": "qubo", "problem": f"sha256:{digest}", "scenario": scenario}})


def test_a_file_is_found_as_it_was_noted(store: Store, admin: Principal) -> None:
    """Name, size, facts and time; an unknown digest is not found."""
    made = store.files.add(new(), admin, SHELF)

    assert store.files.get(DIGEST) == made
    assert (made.digest, made.kind, made.size, made.facts) == (f"sha256:{DIGEST}", "qubo", 7, {"n": 3})
    assert (made.created_at, made.uploaded_by) == (store.db.now(), admin.id)
    assert store.files.find([f"sha256:{DIGEST}", "sha256:" + "0" * 64]) == {f"sha256:{DIGEST}": made}
    with pytest.raises(NotFound):
        store.files.get("0" * 64)


def test_the_same_bytes_again_are_the_first_file(store: Store, admin: Principal) -> None:
    """Another name changes nothing; another kind is refused."""
    first = store.files.add(new(), admin, SHELF)

    assert store.files.add(new(name="two"), admin, SHELF) == first
    with pytest.raises(KindDiffers):
        store.files.add(new(kind="nir"), admin, SHELF)


def test_uploads_of_the_same_bytes_at_once_make_one_file(store: Store, admin: Principal) -> None:
    """None of them fails."""
    with ThreadPoolExecutor(8) as pool:
        views = list(pool.map(lambda _: store.files.add(new(), admin, SHELF), range(16)))

    assert len({view.created_at for view in views}) == 1
    assert len(store.files.list(FileFilter()).items) == 1


def kept_names(store: Store, token: str) -> object:
    """What the store calls the variables of a token's job."""
    with store.db.read() as connection:
        return names_of_variables(connection, general(), token)


def test_names_are_kept_for_each_token(store: Store, admin: Principal) -> None:
    """One's own come first, then those on which all others agree, and an upload replaces one's own only."""
    other = replace(admin, id="other")
    assert kept_names(store, admin.id) is None
    store.files.add(new(names=["a", "\u2028'; --"]), admin, SHELF)
    assert kept_names(store, admin.id) == kept_names(store, "third") == ["a", "\u2028'; --"]

    store.files.add(new(names=1), other, SHELF)
    store.files.add(new(names=None), other, SHELF)

    assert (kept_names(store, admin.id), kept_names(store, "other")) == (["a", "\u2028'; --"], 1)
    assert kept_names(store, "third") is None
    store.files.add(new(names=1), admin, SHELF)
    assert kept_names(store, "third") == 1


def test_names_go_with_their_file(store: Store, admin: Principal) -> None:
    """A deleted file leaves no names behind; uploaded again without any it has none."""
    shelf = Shelf(DIGEST)
    store.files.add(new(names=["a"]), admin, shelf)
    store.files.remove(DIGEST, admin, shelf)
    store.files.add(new(), admin, SHELF)

    assert kept_names(store, admin.id) is None


def test_files_are_listed_newest_first_and_narrowed(store: Store, admin: Principal) -> None:
    """By kind, by name, page by page."""
    for k, digest in enumerate(DIGESTS):
        store.files.add(new(digest, "qubo" if k % 2 else "events", name=f"name {k}"), admin, SHELF)

    first = store.files.list(FileFilter(), limit=2)
    second = store.files.list(FileFilter(), limit=3, cursor=first.next)

    assert [file.digest[7:] for file in first.items + second.items] == DIGESTS[::-1]
    assert second.next is None
    assert [file.name for file in store.files.list(FileFilter(kind="qubo")).items] == ["name 3", "name 1"]
    assert [file.name for file in store.files.list(FileFilter(name="name 4")).items] == ["name 4"]


def test_jobs_may_name_files_that_are_here(store: Store, admin: Principal, bench: Callable[..., object]) -> None:
    """Unknown digests and other kinds are refused, for jobs and for campaigns, before anything is queued."""
    bench()
    with pytest.raises(UnknownFile, match="no such file"):
        store.jobs.submit(general(), admin)
    with pytest.raises(UnknownFile):
        store.campaigns.submit("many", [general()], admin)
    store.files.add(new("cd" * 32, "nir"), admin, SHELF)
    with pytest.raises(UnknownFile, match="'nir', 'qubo' is needed") as refused:
        store.jobs.submit(general("cd" * 32), admin)
    assert [(p.field, p.code) for p in refused.value.problems] == [("workload.problem", "unknown_file")]
    assert refused.value.next_step == "Name a file of that kind."

    store.files.add(new(), admin, SHELF)
    assert store.jobs.submit(general(), admin).state == "queued"
    assert store.campaigns.submit("many", [general()], admin).count == 1


def test_events_outside_a_job_are_refused(store: Store, admin: Principal, bench: Callable[..., object]) -> None:
    """Said when the job is submitted and not on the bench; events that fit are queued."""
    bench()
    store.files.add(new(DIGEST, "nir"), admin, SHELF)
    facts = {"events": 2, "samples": 3, "steps": 20, "inputs": 4}
    store.files.add(new("cd" * 32, "events", facts=facts), admin, SHELF)
    snn = {"name": "snn", "model": f"sha256:{DIGEST}", "events": "sha256:" + "cd" * 32}

    for given, message in (
        ({"samples": 2, "steps": 20}, "name sample 2, there are 2: 0 to 1"),
        ({"samples": 3, "steps": 19}, "name step 19, there are 19: 0 to 18"),
    ):
        with pytest.raises(Invalid, match=message) as refused:
            store.jobs.submit(JobSpec.model_validate({"workload": {**snn, **given}}), admin, wait_for_bench=True)
        assert [(p.field, p.code) for p in refused.value.problems] == [("workload.events", "too_large")]

    fitting = JobSpec.model_validate({"workload": {**snn, "samples": 3, "steps": 20}})
    assert store.jobs.submit(fitting, admin, wait_for_bench=True).state == "queued"
