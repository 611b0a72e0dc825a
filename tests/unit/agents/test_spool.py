"""What the spool holds survives kills: any state on disk leads to one legal action."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_agents import spool as journal
from neurorig_agents.spool import ACCEPTED, JOURNAL, LEASE, REPORT, AttemptFolder, Recovery, Spool, recover, steps
from neurorig_protocols.errors import InfraError, InvalidConfig
from neurorig_protocols.lease import Lease
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.trace import AccuracySpec, ChannelInfo, Trace, TraceHead, digest_of, from_parquet

STEPS = ["leased", "compile", "idle 0", "run 0", "idle 1", "report", "upload pm", "send report", ACCEPTED]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Open a spool folder."""
    with Spool(tmp_path / "spool") as opened:
        yield opened


def lines(names: list[str]) -> bytes:
    """Return the journal of these steps."""
    return b"".join(json.dumps({"step": name, "at_ns": 1}).encode() + b"\n" for name in names)


@given(cut=st.integers(0, len(lines(STEPS))), has_lease=st.booleans(), has_report=st.booleans())
def test_any_prefix_of_a_journal_recovers(
    tmp_path_factory: pytest.TempPathFactory, cut: int, has_lease: bool, has_report: bool
) -> None:
    """Wherever the writing stopped, the action follows from lease, report and acceptance alone."""
    folder = tmp_path_factory.mktemp("attempt")
    (folder / JOURNAL).write_bytes(lines(STEPS)[:cut])
    if has_lease:
        (folder / LEASE).write_text("{}")
    if has_report:
        (folder / REPORT).write_text("{}")

    action = recover(folder)

    accepted = cut == len(lines(STEPS))
    if not has_lease or accepted:
        assert action is Recovery.REMOVE
    elif has_report:
        assert action is Recovery.UPLOAD
    else:
        assert action is Recovery.CLOSE


@given(junk=st.binary(max_size=200), whole=st.lists(st.sampled_from(STEPS[:-1]), max_size=5))
def test_torn_lines_are_no_steps(tmp_path_factory: pytest.TempPathFactory, junk: bytes, whole: list[str]) -> None:
    """Whatever a power cut left at the end, the whole lines before it stand and nothing is taken for accepted."""
    folder = tmp_path_factory.mktemp("attempt")
    (folder / LEASE).write_text("{}")
    (folder / JOURNAL).write_bytes(lines(whole) + junk)

    assert steps(folder)[: len(whole)] == whole
    assert recover(folder) is Recovery.CLOSE


def test_steps_come_back_in_order(spool: Spool, make_lease: Callable[..., Lease]) -> None:
    """Steps are read as they were noted."""
    folder = spool.begin(make_lease(1))
    folder.step("compile")
    folder.step("idle 0")

    assert steps(folder.path) == ["leased", "compile", "idle 0"]


def test_an_attempt_is_kept_until_it_is_removed(spool: Spool, make_lease: Callable[..., Lease]) -> None:
    """Lease and report come back as they were, in the order of the attempts."""
    folder = spool.begin(make_lease(1))
    spool.begin(make_lease(2))
    report = AttemptReport(fence=1, outcome="cancelled", provenance={"host": "h"})
    folder.keep_report(report)

    first, second = spool.waiting()

    assert first.lease == make_lease(1).model_copy(update={"expires_at": first.lease.expires_at})
    assert first.report == report
    assert [recover(first.path), recover(second.path)] == [Recovery.UPLOAD, Recovery.CLOSE]
    spool.remove(first)
    assert [f.path.name for f in spool.waiting()] == ["attempt-2"]


def test_a_trace_is_kept_with_its_digest(spool: Spool, make_lease: Callable[..., Lease]) -> None:
    """The reference names the very bytes on disk, and the blocks are gone."""
    folder = spool.begin(make_lease(1))
    accuracy = AccuracySpec(
        gain_limit=0, offset_limit_w=0, noise_w=0, resolution_w=0, timebase_limit=0, source="made up"
    )
    head = TraceHead(
        monitor="pm",
        clock="host",
        t0_ns=0,
        dt_ns=1e6,
        channels=(ChannelInfo(channel=1, rail="core", rate_hz=1e3, range_w=1, accuracy=accuracy),),
    )
    trace = Trace(head, np.ones((5, 1), np.float32), np.zeros(5, np.uint8), np.zeros(5, np.uint8))
    folder.blocks_path("pm").write_bytes(b"blocks")

    reference = folder.keep_trace(trace)

    data = folder.trace_path("pm").read_bytes()
    assert (reference.digest, reference.size, reference.samples) == (digest_of(data), len(data), 5)
    assert from_parquet(data).rail("core").tolist() == [1.0] * 5
    assert not folder.blocks_path("pm").exists()


def test_half_made_and_half_removed_attempts_vanish(tmp_path: Path, make_lease: Callable[..., Lease]) -> None:
    """A kill while a folder is made or removed leaves nothing to report."""
    with Spool(tmp_path) as spool:
        spool.begin(make_lease(1))
    (tmp_path / "attempts" / ".new-attempt-2").mkdir()
    done = tmp_path / "attempts" / ".done-attempt-3"
    done.mkdir()
    (done / LEASE).write_text("{}")

    with Spool(tmp_path) as spool:
        assert [f.path.name for f in spool.waiting()] == ["attempt-1"]


def test_two_agents_never_share_a_spool(spool: Spool) -> None:
    """A second agent on the same folder is refused, and accepted when the first has ended."""
    with pytest.raises(InvalidConfig, match="another agent uses the spool"):
        Spool(spool.root)


@pytest.mark.parametrize("name", ["../x", "", "a/b", "-x", "a" * 65, ".new-a"])
def test_a_name_that_is_a_path_is_refused(spool: Spool, make_lease: Callable[..., Lease], name: str) -> None:
    """An attempt id never becomes a path of its own choosing."""
    with pytest.raises(InfraError, match="cannot be the name of an attempt"):
        spool.begin(make_lease(1).model_copy(update={"attempt_id": name}))


def test_a_broken_file_is_told(spool: Spool, make_lease: Callable[..., Lease]) -> None:
    """A report that is no report is an InfraError, not a crash."""
    folder = spool.begin(make_lease(1))
    (folder.path / REPORT).write_text("{")
    with pytest.raises(InfraError, match=r"report\.json of attempt attempt-1 cannot be read"):
        _ = folder.report


def test_a_full_disk_takes_no_work(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room on the disk is told before a job is taken."""
    spool.check_room()
    monkeypatch.setattr("neurorig_agents.spool.MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(InfraError, match="MiB are needed"):
        spool.check_room()


WRITER = """
import sys
from pathlib import Path
from neurorig_agents.spool import write_whole
path = Path(sys.argv[1])
print("go", flush=True)
k = 0
while True:
    k += 1
    write_whole(path, str(k % 10).encode() * 200_000)
"""


@pytest.mark.parametrize("round_number", range(3))
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path, round_number: int) -> None:
    """A file replaced over and over by a process that is killed is one whole version or absent."""
    path = tmp_path / "report.json"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        deadline = 200
        while not path.exists() and deadline:
            deadline -= 1
            os.sched_yield()
        writer.send_signal(signal.SIGKILL)
    if path.exists():
        assert len(set(path.read_bytes())) == 1
        assert path.stat().st_size == 200_000


def test_the_journal_is_appended_to(tmp_path: Path) -> None:
    """A step is one JSON line with its wall-clock instant."""
    journal.note(tmp_path, "compile")
    entry = json.loads((tmp_path / JOURNAL).read_text())

    assert entry["step"] == "compile"
    assert entry["at_ns"] > 0
    assert AttemptFolder(tmp_path).blocks_path("pm").name == "pm.blocks"
