"""What an uploaded file does to its check, the server survives."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurorig_protocols.refusals import ServerBusy, UnacceptableFile
from neurorig_server.objects.checks import CHECKS, check_of
from neurorig_server.settings import Settings
from neurorig_server.uploads import check_process
from neurorig_server.uploads.check_process import run_check

COO = {"format": "coo", "vartype": "binary"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with the usual bounds."""
    return Settings(data_dir=tmp_path)


def staged(folder: Path, content: bytes) -> Path:
    """A file as it was uploaded."""
    path = folder / "staged.part"
    path.write_bytes(content)
    return path


def test_a_problem_is_replaced_by_its_kept_form(settings: Settings, tmp_path: Path) -> None:
    """The facts come back, and what is to be kept lies beside."""
    result = tmp_path / "result"

    found = run_check("qubo", staged(tmp_path, b"0 0 1\n0 1 -2\n"), result, COO, settings)

    assert (found.replaced, found.facts["n"], found.facts["source"]["format"]) == (True, 2, "coo")
    assert result.read_bytes().startswith(b"neurorig-qubo 1\n")


def test_a_refusal_names_line_and_reason(settings: Settings, tmp_path: Path) -> None:
    """The worker's error becomes the server's, with the same words."""
    with pytest.raises(UnacceptableFile, match="line 2") as refused:
        run_check("qubo", staged(tmp_path, b"0 0 1\n0 1 x\n"), tmp_path / "r", COO, settings)

    assert refused.value.problems[0].code == "syntax"


def test_a_check_that_takes_too_long_is_killed(settings: Settings, tmp_path: Path) -> None:
    """The time limit ends it."""
    hasty = settings.model_copy(update={"file_check_s": 0.001})

    with pytest.raises(ServerBusy, match="longer than"):
        run_check("qubo", staged(tmp_path, b"0 0 1\n"), tmp_path / "r", COO, hasty)


def test_a_check_that_takes_too_much_memory_ends_alone(settings: Settings, tmp_path: Path) -> None:
    """A process without memory dies; the server says so."""
    poor = settings.model_copy(update={"file_check_bytes": 64 << 20})

    with pytest.raises(ServerBusy, match="memory"):
        run_check("qubo", staged(tmp_path, b"0 0 1\n"), tmp_path / "r", COO, poor)


def test_a_worker_that_cannot_start_is_no_fault_of_the_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the process without an answer is the server's matter."""
    monkeypatch.setattr(check_process, "_WORKER", "neurorig_server.no_such_module")

    with pytest.raises(ServerBusy):
        run_check("qubo", staged(tmp_path, b"0 0 1\n"), tmp_path / "r", {}, settings)


def test_every_check_can_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table names functions that exist; a kind without one takes any bytes."""
    assert all(callable(check_of(kind)) for kind in CHECKS)
    monkeypatch.delitem(CHECKS, "events")
    assert check_of("events")(b"anything", {}).content is None
