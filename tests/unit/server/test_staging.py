"""Staged parts belong to the process that locked them, and to nobody once it has ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from neurorig_server.objects.files import Staging

HOLD = """
import sys
from pathlib import Path
from neurorig_server.objects.files import Staging
with Staging(Path(sys.argv[1])).part() as part:
    part.kept.write_bytes(b"x")
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a part of the same folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        yield process
        process.kill()


def names(folder: Path) -> list[str]:
    """The kinds of files in the folder."""
    return sorted(path.suffix for path in folder.iterdir())


def test_a_part_is_gone_behind_its_block(tmp_path: Path) -> None:
    """Both of its files, whatever happened."""

    def fail() -> None:
        with Staging(tmp_path).part() as part:
            part.kept.write_bytes(b"x")
            assert names(tmp_path) == [".kept", ".part"]
            raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        fail()

    assert names(tmp_path) == []


def test_parts_of_living_processes_stay(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    """Of this process and of another one on the same folder, and so does what their checks wrote."""
    with Staging(tmp_path).part() as mine:
        assert Staging(tmp_path).clean() == 0
        assert mine.path.exists()
        assert names(tmp_path) == [".kept", ".part", ".part"]


def test_parts_of_killed_processes_go(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    """Killed with SIGKILL, a process leaves its files and no lock; traces are not touched."""
    (tmp_path / "1-abc.part").write_bytes(b"a trace")
    with Staging(tmp_path).part() as mine:
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)

        assert Staging(tmp_path).clean() == 2

        assert mine.path.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["1-abc.part"]
    assert Staging(tmp_path).clean() == 0


def test_what_a_check_wrote_late_goes_too(tmp_path: Path) -> None:
    """The check of a killed server may end after the next server has cleaned."""
    (tmp_path / "file-0.kept").write_bytes(b"late")

    assert Staging(tmp_path).clean() == 1
    assert names(tmp_path) == []


def test_cleaning_races_with_uploads_and_other_cleaning(tmp_path: Path) -> None:
    """Many servers that clean while parts are made: each part stays for its whole block."""
    staging = Staging(tmp_path)

    def make(_: int) -> bool:
        with staging.part() as part:
            part.file.write(b"bytes")
            part.file.flush()
            staging.clean()
            return part.path.read_bytes() == b"bytes"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(make, range(200)))

    assert names(tmp_path) == []
