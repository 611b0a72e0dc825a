"""Files and problems from the command line and from Python, against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel
from server_kit import Server, launch

from neurorig import AsyncClient, Client
from neurorig.cli.main import cli
from neurorig.cli.problem_options import cost_of_value
from neurorig.errors import ApiError, ClientError
from neurorig_protocols.api import files
from neurorig_protocols.api.files import FilePage, FileView
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.qubo.problem_file import from_bytes
from neurorig_protocols.workloads.qubo.qubo_records import Qubo, TimeToSolution

QUBO = "p qubo 0 3 2 1\n0 0 -1.5\n2 2 1\n0 2 3\n"
BQP = "2 2\n1 1 3\n1 2 -1\n"

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for these tests."""
    started = launch(tmp_path_factory.mktemp("server"))
    yield started
    assert started.stop() == 0


@pytest.fixture
def run(server: Server) -> Run:
    """Run the command against the server."""

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, env={"NEURORIG_SERVER": server.url, "NEURORIG_TOKEN": server.token})

    return invoke


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the server."""
    with Client(server.url, server.token) as made:
        yield made


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    """A problem file."""
    path = tmp_path / "small.qubo"
    path.write_text(QUBO)
    return path


def submitted(server: Server, result: Result) -> JobSpec:
    """Return the job that a command submitted, and cancel it."""
    assert result.exit_code == 0, result.output
    job_id = json.loads(result.stdout)["id"]
    with server.client() as api:
        api.post(f"/jobs/{job_id}/cancel")
        return JobSpec.model_validate(api.get(f"/jobs/{job_id}").json()["spec"])


def test_a_file_goes_there_and_back(run: Run, problem: Path, tmp_path: Path) -> None:
    """Put, list, show, get: one digest, and nothing is overwritten."""
    put = json.loads(run("files", "put", str(problem), "--kind", "qubo", "--json").stdout)
    listed = run("files", "list", "--kind", "qubo", "--name", "small.qubo")
    shown = run("files", "show", put["digest"])
    path = tmp_path / "kept"
    got = run("files", "get", put["digest"], str(path))

    assert put["digest"] in listed.output
    assert "n=3, 1 couplings" in listed.output
    assert "value = 0.5 · cost" in shown.output
    assert f"by token {put['uploaded_by']}" in " ".join(shown.output.split())
    assert got.exit_code == 0, got.output
    assert from_bytes(path.read_bytes()).weights.tolist() == [3]
    assert run("files", "get", put["digest"], str(path)).exit_code == 2
    assert run("files", "list", "--name", "nobody").output.strip() == "no files"


def test_a_list_says_how_many_events_a_file_has(run: Run, tmp_path: Path) -> None:
    """As it says the size of a problem."""
    path = tmp_path / "input.csv"
    path.write_text("0,0,1\n0,1,1\n")
    assert run("files", "put", str(path), "--kind", "events").exit_code == 0

    assert "events: 2" in run("files", "list", "--kind", "events").output


def test_what_a_problem_is_needs_no_server(run: Run, problem: Path, client: Client) -> None:
    """The digest that is told here is the one that an upload gives."""
    told = json.loads(CliRunner().invoke(cli, ["qubo", "show", str(problem), "--json"]).stdout)

    assert (told["n"], told["couplings"], told["scale"], told["rounding_bound"]) == (3, 1, "0.5", 0.0)
    assert told["problem"] == client.upload(problem, kind="qubo").digest
    assert "every coefficient is exact" in run("qubo", "show", str(problem)).output
    assert "3, 1 of them in no term" in run("qubo", "show", str(problem)).output


def test_a_bad_file_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    """Here and by the server, in the same words."""
    path = tmp_path / "bad.qubo"
    path.write_text(QUBO.replace("3\n", "nan\n"))

    here, there = run("qubo", "show", str(path)), run("files", "put", str(path), "--kind", "qubo")

    assert (here.exit_code, there.exit_code) == (2, 4)
    for result in (here, there):
        assert "line 4" in result.output
        assert "'nan' is not a finite number" in result.output
    assert run("qubo", "show", str(tmp_path / "nothing")).exit_code == 2


def test_a_problem_is_submitted_from_its_file(run: Run, client: Client, server: Server, problem: Path) -> None:
    """One command uploads and submits; the digest does as well."""
    options = ("--timeout", "0.1", "--wait-for-bench", "--json")

    first = submitted(server, run("submit", "qubo", str(problem), *options))
    assert isinstance(first.workload, Qubo)
    second = submitted(server, run("submit", "qubo", first.workload.problem, *options))

    assert first == second
    shown = client.file(first.workload.problem)
    assert shown.name == "small.qubo"


def test_a_problem_goes_to_the_baseline_too(run: Run, client: Client, problem: Path) -> None:
    """With --baseline the same file is asked for on the CPU bench, and a comparison joins both jobs."""
    options = ("--timeout", "0.1", "--board", "virtual-loihi", "--baseline", "--wait-for-bench", "--json")
    result = run("submit", "qubo", str(problem), *options)
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    left, right = (client.job(shown[side]["job"]).spec for side in ("left", "right"))
    assert left.workload == right.workload
    assert (left.needs.board, right.needs.board) == ("virtual-loihi", "host-cpu")


def test_a_target_is_given_as_cost_or_in_the_files_unit(run: Run, server: Server, tmp_path: Path) -> None:
    """A maximum of at least 2.5 is an integer cost of −3 or less."""
    path = tmp_path / "list.txt"
    path.write_text(BQP)
    base = (
        "submit",
        "qubo",
        str(path),
        "--format",
        "bqp",
        "--sense",
        "max",
        "--tts",
        "2",
        "--wait-for-bench",
        "--json",
    )

    for option in (("--target-value", "2.5"), ("--target-cost", "-3"), ("--target-cost", "-3", "--reference", "given")):
        spec = submitted(server, run(*base, *option))
        assert isinstance(spec.workload, Qubo)
        scenario = spec.workload.scenario
        assert isinstance(scenario, TimeToSolution)
        assert (scenario.reference, scenario.target_cost) == ("given", -3)
    assert cost_of_value("2.5", "-1", "0") == -3


@pytest.mark.parametrize(
    "options",
    [
        ("--tts", "1"),
        ("--tts", "1", "--target-cost", "1", "--reference", "best-verified"),
        ("--tts", "1", "--target-cost", "1", "--target-value", "1"),
        ("--tts", "1", "--target-value", "much"),
        ("--tts", "1", "--target-value", "1e999999999"),
        ("--timeout", "1", "--target-cost", "1"),
    ],
)
def test_contradicting_targets_are_wrong_usage(run: Run, problem: Path, options: tuple[str, ...]) -> None:
    """Said before a job is made."""
    assert run("submit", "qubo", str(problem), *options).exit_code == 2


def test_an_uploaded_problem_cannot_be_read_in_another_way(run: Run) -> None:
    """A digest says it all."""
    assert run("submit", "qubo", "sha256:" + "0" * 64, "--timeout", "1", "--sense", "max").exit_code == 2


def test_a_jobs_page_shows_its_problem(run: Run, client: Client, problem: Path) -> None:
    """Name, size and unit stand beside the job."""
    result = run("submit", "qubo", str(problem), "--timeout", "0.1", "--wait-for-bench", "--json")
    job_id = json.loads(result.stdout)["id"]

    shown = run("show", job_id).output
    client.cancel(job_id)

    assert "small.qubo" in shown
    assert "1 (33.3 % of the pairs)" in shown


def test_the_asynchronous_client_uploads_too(server: Server, problem: Path) -> None:
    """Bytes or a path, the same file."""

    async def both() -> set[str]:
        async with AsyncClient(server.url, server.token) as client:
            first = await client.upload(problem, kind="qubo")
            second = await client.upload(QUBO.encode(), kind="qubo", form="qbsolv")
            return {first.digest, second.digest, (await client.file(first.digest)).digest}

    assert len(asyncio.run(both())) == 1


@pytest.mark.parametrize(("ours", "theirs"), [(FileView, files.FileView), (FilePage, files.FilePage)])
def test_every_field_exists_on_the_server(ours: type[BaseModel], theirs: type[BaseModel]) -> None:
    """Each field that the client reads is one that the server sends."""
    assert set(ours.model_fields) <= set(theirs.model_fields)


def test_what_cannot_be_read_or_is_not_there_is_an_error(client: Client, tmp_path: Path) -> None:
    """On this side, and on the other."""
    with pytest.raises(ClientError, match="cannot read"):
        client.upload(tmp_path / "nothing", kind="qubo")
    with pytest.raises(ApiError) as refused:
        client.file_content("sha256:" + "0" * 64)
    assert refused.value.status == 404


def own_file(client: Client, weight: int) -> str:
    """Upload a problem that nobody names, and return its digest."""
    return client.upload(f"p qubo 0 1 1 0\n0 0 {weight}\n".encode(), kind="qubo", name="unused").digest


def test_files_are_deleted_from_the_command_line(run: Run, client: Client) -> None:
    """One after the other; each is told, and gone."""
    digests = [own_file(client, weight) for weight in (11, 13)]

    result = run("files", "rm", *digests)

    assert (result.exit_code, result.output.split()) == (0, ["deleted", digests[0], "deleted", digests[1]])
    assert json.loads(run("files", "list", "--name", "unused", "--json").stdout) == []


def test_a_file_that_is_needed_is_not_deleted(run: Run, client: Client, problem: Path) -> None:
    """The refusal says which job names it; the files before it are gone, those behind it stay."""
    job = json.loads(run("submit", "qubo", str(problem), "--timeout", "0.1", "--wait-for-bench", "--json").stdout)
    client.cancel(job["id"])
    needed = job["spec"]["workload"]["problem"]
    before, behind = own_file(client, 17), own_file(client, 19)

    result = run("files", "rm", before, needed, behind)

    assert result.exit_code == 4
    assert job["id"] in result.output
    assert run("files", "show", before).exit_code == 4
    assert client.file(behind).name == "unused"
    assert run("files", "rm").exit_code == 2


def test_both_clients_delete(client: Client, server: Server) -> None:
    """A digest that is none, and one that is gone, are errors."""

    async def delete(digest: str) -> None:
        async with AsyncClient(server.url, server.token) as asynchronous:
            await asynchronous.delete_file(digest)

    asyncio.run(delete(own_file(client, 23)))
    own = own_file(client, 29)
    client.delete_file(own)
    for digest, status in ((own, 404), ("nonsense", 422)):
        with pytest.raises(ApiError) as refused:
            client.delete_file(digest)
        assert refused.value.status == status
