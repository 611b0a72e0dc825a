"""Uploads survive cuts, crashes and races; what is kept is what was meant."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from server_kit import job, made_trace
from store_kit import ADMIN, bench_record

from neurorig_protocols.job import JobSpec
from neurorig_protocols.lease import Lease
from neurorig_protocols.refusals import DigestMismatch, OffsetMismatch, StaleFence
from neurorig_protocols.trace import to_parquet
from neurorig_server.objects.traces import TraceStore
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.store import Store
from neurorig_server.uploads.trace_uploads import TraceUploads


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    """Settings of a server in a folder."""
    return Settings(data_dir=tmp_path)


@pytest.fixture
def store(configured: Settings) -> Iterator[Store]:
    """A store with one bench."""
    made = Store(configured)
    schema_revision.upgrade(made.db)
    made.benches.register(bench_record(), ADMIN)
    yield made
    made.close()


@pytest.fixture
def lease(store: Store) -> Lease:
    """A lease to upload under."""
    store.jobs.submit(JobSpec.model_validate(job()), ADMIN)
    found = store.leases.claim("bench-a", ADMIN)
    assert found is not None
    return found


@pytest.fixture
def uploads(configured: Settings, store: Store) -> TraceUploads:
    """The receiver under test."""
    return TraceUploads(configured, store.uploads, TraceStore.of(configured))


def digest(data: bytes) -> str:
    """Return the digest in 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def append(uploads: TraceUploads, lease: Lease, data: bytes, begin: int, end: int) -> int:
    """Send the bytes from begin to end of a trace."""
    return uploads.append(
        lease.attempt_id,
        digest(data),
        ADMIN,
        fence=lease.fence,
        offset=begin,
        size=len(data),
        chunk=data[begin:end],
    )


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=200), cuts=st.lists(st.integers(1, 199), max_size=6))
def test_trace_arrives_however_it_is_cut(
    uploads: TraceUploads, configured: Settings, lease: Lease, data: bytes, cuts: list[int]
) -> None:
    """Any sequence of chunks gives the same file, under its digest."""
    at = uploads.offset(lease.attempt_id, digest(data), ADMIN)
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})

    for end in ends:
        if end > at:
            at = append(uploads, lease, data, at, end)

    assert uploads.offset(lease.attempt_id, digest(data), ADMIN) == len(data)
    assert b"".join(TraceStore.of(configured).stream(digest(data))) == data
    assert list((configured.data_dir / "staging").iterdir()) == []


def test_stored_trace_is_read_back(uploads: TraceUploads, configured: Settings, lease: Lease) -> None:
    """What was uploaded is the trace that was measured."""
    trace = made_trace(samples=50)
    data = to_parquet(trace)
    append(uploads, lease, data, 0, len(data))

    back = TraceStore.of(configured).read(digest(data))

    assert back.head == trace.head
    assert (back.values == trace.values).all()


def test_wrong_bytes_are_thrown_away(uploads: TraceUploads, configured: Settings, lease: Lease) -> None:
    """A digest that does not fit leaves neither a trace nor a rest, and the right bytes may follow."""
    wanted = digest(b"right")

    def send(data: bytes) -> int:
        return uploads.append(lease.attempt_id, wanted, ADMIN, fence=1, offset=0, size=5, chunk=data)

    with pytest.raises(DigestMismatch):
        send(b"wrong")
    assert uploads.offset(lease.attempt_id, wanted, ADMIN) == 0
    assert list((configured.data_dir / "staging").iterdir()) == []

    assert send(b"right") == 5


def test_upload_goes_on_after_a_crash_between_last_byte_and_check(
    uploads: TraceUploads, configured: Settings, store: Store, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that died before it noted the end asks for the last byte once more."""
    data = b"0123456789"
    with monkeypatch.context() as patch:
        patch.setattr(TraceStore, "put", _power_cut)
        with pytest.raises(PowerCut):
            append(uploads, lease, data, 0, 10)

    restarted = TraceUploads(configured, store.uploads, TraceStore.of(configured))
    at = restarted.offset(lease.attempt_id, digest(data), ADMIN)

    assert at == 9
    assert append(restarted, lease, data, at, 10) == 10
    assert b"".join(TraceStore.of(configured).stream(digest(data))) == data


class PowerCut(Exception):
    """The server stops here."""


def _power_cut(*_: object) -> None:
    raise PowerCut


def test_chunks_that_race_are_written_once(uploads: TraceUploads, lease: Lease) -> None:
    """Of many equal chunks at once one is taken, the others are told where the upload stands."""
    data = bytes(range(200))

    def send(_: int) -> int | str:
        try:
            return append(uploads, lease, data, 0, 100)
        except OffsetMismatch as refused:
            return (refused.headers or {})["Upload-Offset"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert sorted(map(str, answers)) == ["100"] * 8
    assert answers.count(100) == 1
    assert append(uploads, lease, data, 100, 200) == 200


def test_finished_upload_stays_finished(uploads: TraceUploads, lease: Lease) -> None:
    """A repeated last chunk is told that nothing is missing."""
    append(uploads, lease, b"abc", 0, 3)

    with pytest.raises(OffsetMismatch, match="stands at 3"):
        append(uploads, lease, b"abc", 0, 3)


def test_equal_traces_of_two_attempts_are_kept_once(
    uploads: TraceUploads, store: Store, configured: Settings, lease: Lease
) -> None:
    """The digest is the name, so the second upload finds its place taken by itself."""
    append(uploads, lease, b"abc", 0, 3)
    store.benches.register(bench_record("bench-b"), ADMIN)
    store.jobs.submit(JobSpec.model_validate(job()), ADMIN)
    second = store.leases.claim("bench-b", ADMIN)
    assert second is not None

    assert append(uploads, second, b"abc", 0, 3) == 3
    assert len(list((configured.data_dir / "traces").rglob("*.parquet"))) == 1


def test_stale_lease_leaves_no_file(uploads: TraceUploads, configured: Settings, lease: Lease) -> None:
    """The fence is checked before a byte is written."""
    with pytest.raises(StaleFence):
        uploads.append(lease.attempt_id, digest(b"x"), ADMIN, fence=9, offset=0, size=1, chunk=b"x")

    assert list((configured.data_dir / "staging").iterdir()) == []


def test_forgotten_uploads_are_cleared(uploads: TraceUploads, configured: Settings, lease: Lease) -> None:
    """Files that nobody adds to for a week go; fresh ones stay."""
    append(uploads, lease, b"fresh", 0, 2)
    old = configured.data_dir / "staging" / "1-old.part"
    old.touch()
    os.utime(old, (0, 0))

    uploads.clean()

    assert not old.exists()
    assert uploads.offset(lease.attempt_id, digest(b"fresh"), ADMIN) == 2


def test_a_file_that_is_gone_meanwhile_stops_no_clearing(uploads: TraceUploads, configured: Settings) -> None:
    """An upload may end between the folder's list and the look at its file: the others go all the same."""
    staging = configured.data_dir / "staging"
    for name in "abc":
        (staging / f"{name}-gone.part").symlink_to(staging / "nothing")
    old = staging / "b-old.part"
    old.touch()
    os.utime(old, (0, 0))

    uploads.clean()

    assert not old.exists()
