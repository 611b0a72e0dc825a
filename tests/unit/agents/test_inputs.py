"""Files that jobs name: fetched whole, checked, kept for the next job, and not for ever."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neurorig_agents.attempt_control import Control, Stop
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.executor import execute
from neurorig_agents.inputs import InputDamaged, InputMissing, Inputs
from neurorig_agents.server_client import ServerClient, ServerUnreachable
from neurorig_agents.spool import Spool
from neurorig_protocols.errors import InfraError
from neurorig_protocols.job import JobSpec
from neurorig_protocols.lease import Lease
from neurorig_protocols.trace import digest_of
from neurorig_protocols.workloads.qubo.formats import read
from neurorig_protocols.workloads.qubo.problem_file import to_bytes

PROBLEM = to_bytes(read(b"p qubo 0 3 2 1\n0 0 -2\n2 2 1\n0 2 3\n").problem)


@pytest.fixture
def client(server: Any) -> Iterator[ServerClient]:
    """Talk to the trial server without really pausing."""
    with ServerClient(server.url, "secret", wait=lambda _: False) as made:
        yield made


def general(digest: str, **fields: Any) -> dict[str, Any]:
    """The body of a job for an uploaded problem."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.02}
    return {"workload": {"name": "qubo", "problem": digest, "scenario": scenario}, **fields}


def job(content: bytes) -> JobSpec:
    """A job for a file of this content."""
    return JobSpec.model_validate(general(digest_of(content)))


def offered(server: Any, content: bytes) -> JobSpec:
    """Let the server have a file; return a job for it."""
    server.files[digest_of(content)] = content
    return job(content)


def test_a_file_is_fetched_once(server: Any, client: ServerClient, tmp_path: Path) -> None:
    """The second job finds it in the spool."""
    spec = offered(server, PROBLEM)
    inputs = Inputs(tmp_path, client)

    first, second = inputs.fetch(spec), inputs.fetch(spec)

    assert first == second
    assert first[digest_of(PROBLEM)].read_bytes() == PROBLEM
    assert sum(path.endswith("/content") for _, path in server.log) == 1


def test_a_job_without_files_asks_for_nothing(server: Any, client: ServerClient, tmp_path: Path) -> None:
    """Nothing is made on disk either."""
    spec = JobSpec.model_validate({"workload": {"name": "mnist-digits"}})

    assert Inputs(tmp_path, client).fetch(spec) == {}
    assert list(tmp_path.iterdir()) == []
    assert server.log == []


@pytest.mark.parametrize("how", ["drop", "cut", 500, 429])
def test_a_network_that_fails_is_tried_again(server: Any, client: ServerClient, tmp_path: Path, how: Any) -> None:
    """What comes in the end is whole."""
    spec = offered(server, PROBLEM * 1000)
    server.fail("GET", "content", how, times=3)

    (path,) = Inputs(tmp_path, client).fetch(spec).values()

    assert path.read_bytes() == PROBLEM * 1000


def test_patience_ends(server: Any, tmp_path: Path) -> None:
    """A server that stays away is an infrastructure failure, and no half file is left."""
    spec = offered(server, PROBLEM)
    server.fail("GET", "content", "cut", times=100)
    with ServerClient(server.url, "secret", patience_s=0) as client, pytest.raises(ServerUnreachable):
        Inputs(tmp_path, client).fetch(spec)

    assert list((tmp_path / "inputs").iterdir()) == []


def test_a_file_that_the_server_does_not_have_is_said(client: ServerClient, tmp_path: Path) -> None:
    """The job fails, and trying again would not help."""
    with pytest.raises(InputMissing, match="no such file") as missing:
        Inputs(tmp_path, client).fetch(job(PROBLEM))

    assert (missing.value.fault, missing.value.retryable) == ("infra", False)


def test_other_bytes_are_never_taken(server: Any, client: ServerClient, tmp_path: Path) -> None:
    """The digest is checked, twice tried, and nothing is kept."""
    server.files[digest_of(PROBLEM)] = PROBLEM + b"!"

    with pytest.raises(InputDamaged):
        Inputs(tmp_path, client).fetch(job(PROBLEM))

    assert list((tmp_path / "inputs").iterdir()) == []


def test_a_file_damaged_on_disk_is_fetched_again(server: Any, client: ServerClient, tmp_path: Path) -> None:
    """What lies in the spool is checked before every use."""
    spec = offered(server, PROBLEM)
    inputs = Inputs(tmp_path, client)
    (path,) = inputs.fetch(spec).values()
    path.write_bytes(PROBLEM[:-1])

    inputs.fetch(spec)

    assert path.read_bytes() == PROBLEM


def test_a_giant_is_not_fetched(
    server: Any, client: ServerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound the download ends."""
    monkeypatch.setattr("neurorig_agents.inputs.MAX_FILE_BYTES", 10)

    with pytest.raises(InfraError, match="larger than 10"):
        Inputs(tmp_path, client).fetch(offered(server, PROBLEM))


def test_the_least_recently_used_files_go(server: Any, client: ServerClient, tmp_path: Path) -> None:
    """The cache keeps to its size; a job's own files stay, whatever their size."""
    contents = [bytes([k]) * 100 for k in range(4)]
    inputs = Inputs(tmp_path, client, cache_bytes=250)
    for k, content in enumerate(contents[:3]):
        (path,) = inputs.fetch(offered(server, content)).values()
        os.utime(path, ns=(k + 1, k + 1))
    inputs.fetch(job(contents[1]))

    inputs.fetch(offered(server, contents[3]))

    held = {path.read_bytes()[0] for path in (tmp_path / "inputs").iterdir()}
    assert held == {1, 3}
    (large,) = Inputs(tmp_path, client, cache_bytes=1).fetch(job(contents[3])).values()
    assert list((tmp_path / "inputs").iterdir()) == [large]


def run(bench: LiveBench, folder: Path, leased: Lease, inputs: Callable[[JobSpec], Any]) -> Any:
    """Execute one attempt."""
    stop = Stop()
    try:
        with Spool(folder) as spool:
            return execute(leased, bench, spool.begin(leased), Control(stop, 60.0), inputs=inputs)
    finally:
        stop.close()


def test_an_attempt_runs_with_its_file(
    server: Any, client: ServerClient, trial_bench: LiveBench, make_lease: Callable[..., Lease], tmp_path: Path
) -> None:
    """Fetched before anything is measured; the answer is of the file's size."""
    offered(server, PROBLEM)
    leased = make_lease(1, **general(digest_of(PROBLEM)))

    report = run(trial_bench, tmp_path, leased, Inputs(tmp_path, client).fetch)

    assert report.outcome == "succeeded", report.error
    assert report.answer.n == 3


def test_an_attempt_without_its_file_fails_with_the_reason(
    client: ServerClient, trial_bench: LiveBench, make_lease: Callable[..., Lease], tmp_path: Path
) -> None:
    """The report says which file is missing, and whose fault that is."""
    leased = make_lease(1, **general(digest_of(PROBLEM)))

    report = run(trial_bench, tmp_path, leased, Inputs(tmp_path, client).fetch)

    assert report.outcome == "failed"
    assert (report.error.code, report.error.where) == ("input_missing", "workload.problem")
