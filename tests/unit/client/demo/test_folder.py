"""The demo's folder: what is kept, what is locked, and when the lock ends."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from neurorig.cli.main import cli
from neurorig.cli.terminal import EXIT_USAGE
from neurorig.demo.children import Children
from neurorig.demo.folder import EARLIER, MARK, DemoFolderInUse, prepared
from neurorig.errors import ClientError

HOLDER = """
import subprocess, sys
from pathlib import Path
from neurorig.demo.folder import prepared
with prepared(Path(sys.argv[1])) as folder:
    child = subprocess.Popen(["cat"], stdin=0, stdout=subprocess.DEVNULL, pass_fds=[folder.lock])
    print(child.pid, flush=True)
    child.wait()
"""


@pytest.fixture
def root(tmp_path):
    """The folder of a demo that has ended and left a result."""
    with prepared(tmp_path / "demo") as folder:
        folder.summary.write_text("first")
        (folder.server / "neurorig.db").write_text("a thousand jobs")
    return tmp_path / "demo"


def test_results_of_earlier_runs_are_kept(root):
    """Each new run moves what the run before left to a folder with the next number; nothing is deleted."""
    with prepared(root) as second:
        assert second.moved_to == root / EARLIER / "1"
        assert not second.summary.exists()
        second.summary.write_text("second")
    with prepared(root) as third:
        assert third.moved_to == root / EARLIER / "2"

    assert (root / EARLIER / "1" / "summary.json").read_text() == "first"
    assert (root / EARLIER / "1" / "server" / "neurorig.db").read_text() == "a thousand jobs"
    assert (root / EARLIER / "2" / "summary.json").read_text() == "second"


def test_a_folder_of_someone_else_is_left_alone(tmp_path):
    """A folder with files that no demo made is refused and stays as it was."""
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ClientError), prepared(tmp_path):
        pass

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_is_taken(tmp_path):
    """An empty folder is as good as a new one, and there is nothing to move."""
    with prepared(tmp_path) as folder:
        assert (folder.root / MARK).exists()
        assert folder.moved_to is None


def test_a_running_demo_keeps_its_folder(root):
    """A second demo is refused with the process of the first and moves nothing."""
    with prepared(root) as first:
        first.summary.write_text("running")
        with pytest.raises(DemoFolderInUse, match=str(os.getpid())) as refused, prepared(root):
            pass
        assert first.summary.read_text() == "running"

    assert "--out" in refused.value.next_step
    assert not (root / EARLIER / "2").exists()


def test_the_command_refuses_with_its_exit_code(root):
    """`neurorig demo` on a folder in use ends as wrong usage, before anything is started."""
    with prepared(root):
        result = CliRunner().invoke(cli, ["demo", "--out", str(root), "--json"])

    assert result.exit_code == EXIT_USAGE
    assert '"demo_folder_in_use"' in result.output


def test_a_killed_demo_holds_the_folder_until_its_processes_end(root):
    """SIGKILL ends the demo; the lock goes on with the processes that it started, and ends with the last of them."""
    command = [sys.executable, "-c", HOLDER, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as demo:
        child = int(demo.stdout.readline())
        demo.send_signal(signal.SIGKILL)
        demo.wait(30)
        with pytest.raises(DemoFolderInUse), prepared(root):
            pass
        # Its standard input is the pipe, so the orphan ends now.
        gone = os.pidfd_open(child)
        demo.stdin.close()
        with open(gone, "rb", buffering=0) as watched:  # noqa: PTH123 - a descriptor has no path
            assert select.select([watched], [], [], 30)[0]
    with prepared(root) as folder:
        assert folder.moved_to is not None


def test_the_demo_s_processes_inherit_the_lock(tmp_path):
    """Each process of the demo keeps the lock's file open, so a killed demo leaves it locked while they end."""
    with prepared(tmp_path / "demo") as folder, Children(folder.logs, [folder.lock]) as children:
        children.start("server", ["serve", "--port", "0", "--data-dir", str(tmp_path / "elsewhere")])
        children.ready("server", lambda line: line if "serves on" in line else None, 60)
        [(_, server)] = children._running
        opened = [link.resolve() for link in Path(f"/proc/{server.pid}/fd").iterdir()]

    assert folder.root / MARK in opened


def test_a_server_on_the_results_keeps_the_folder(root):
    """A server that shows the results of an earlier run keeps them where they are."""
    with Children(root.parent) as children:
        (root / "server" / "neurorig.db").unlink()
        children.start("server", ["serve", "--port", "0", "--data-dir", str(root / "server")])
        children.ready("server", lambda line: line if "serves on" in line else None, 60)
        with pytest.raises(DemoFolderInUse, match="server is running"), prepared(root):
            pass
        assert (root / "server" / "neurorig.db").exists()
    with prepared(root) as folder:
        assert (folder.moved_to / "server" / "neurorig.db").exists()


def test_secrets_are_for_their_owner_only(tmp_path):
    """A token file can be read by its owner alone."""
    with prepared(tmp_path / "demo") as folder:
        path = folder.secret("agent-x", "nrg_1")

    assert path.read_text() == "nrg_1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_clean_removes_no_results():
    """`make clean` would remove what can be made again, and neither databases nor results."""
    done = subprocess.run(["make", "--dry-run", "clean"], capture_output=True, text=True, timeout=60, check=True)
    removed = [word for line in done.stdout.splitlines() if line.startswith("rm ") for word in line.split()[2:]]

    assert ".venv" in removed
    assert [word for word in removed if word.split("/")[0] == "var"] == ["var/env"]
