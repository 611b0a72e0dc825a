"""The demo's folder: one run at a time, and the results of earlier runs are kept.

Nothing is ever deleted. Before a run, what an earlier one left is moved to a numbered folder below `earlier`, and only
in a folder that a demo made.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from neurorig.errors import ClientError

MARK = ".neurorig-demo"
EARLIER = "earlier"

SERVER_LOCK = "in-use.lock"
"""A server holds this file of its data folder locked, shared with other servers, while it runs."""


class DemoFolderInUse(ClientError):
    """Another demo, or a server, is using the folder."""

    code = "demo_folder_in_use"


@dataclass(frozen=True)
class Folder:
    """Where everything of a demo lies.

    `lock` is the descriptor of the lock on the folder. Processes that inherit it keep the folder locked until the last
    of them has ended, even when the demo itself was killed. `moved_to` is where the results of the run before lie now.
    """

    root: Path
    lock: int
    moved_to: Path | None = None

    @property
    def logs(self) -> Path:
        """Output of the processes."""
        return self.root / "logs"

    @property
    def server(self) -> Path:
        """The server's database and traces."""
        return self.root / "server"

    @property
    def truth(self) -> Path:
        """The virtual lab's own record; no agent is told of it."""
        return self.root / "truth"

    @property
    def summary(self) -> Path:
        """The summary."""
        return self.root / "summary.json"

    def bench(self, name: str) -> Path:
        """A bench's own folder."""
        return self.root / "benches" / name

    def secret(self, name: str, text: str) -> Path:
        """Write a token to a file that only its owner may read, and return its path."""
        path = self.root / "tokens" / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        return path


@contextlib.contextmanager
def prepared(root: Path) -> Iterator[Folder]:
    """Lock a folder for one run, and empty it by moving the results of an earlier run aside.

    Args:
        root: The folder; created if it does not exist.

    Yields:
        The folder, locked until the end of the block and of every process that inherited the lock.

    Raises:
        DemoFolderInUse: A demo is running in the folder, or a server is running on its database.
        ClientError: The folder holds something that no demo made, or cannot be written.
    """
    root = root.absolute()
    if root.exists() and not (root / MARK).exists() and any(root.iterdir()):
        raise ClientError(
            f"'{root}' contains files that no demo made", next_step="choose an empty or new folder with --out"
        )
    with contextlib.ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            # The kernel releases the lock when the last process that holds the file has ended, however it ended.
            lock = stack.enter_context((root / MARK).open("a+"))
            _lock(lock, root)
            with _no_server_on(root):
                moved_to = _move_aside(root)
            folder = Folder(root, lock.fileno(), moved_to)
            for path in (folder.logs, folder.server, folder.truth, root / "tokens", root / "benches"):
                path.mkdir()
        except OSError as error:
            raise ClientError(
                f"'{root}' cannot be used: {error.strerror or error}", next_step="choose another folder with --out"
            ) from error
        yield folder


def _lock(lock: IO[str], root: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        raise DemoFolderInUse(
            f"a demo is running in '{root}' (process {lock.read().strip() or 'unknown'})",
            next_step="end it with Ctrl-C and wait for its processes to end, or choose another folder with --out",
        ) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()


@contextlib.contextmanager
def _no_server_on(root: Path) -> Iterator[None]:
    """Hold off servers on the earlier run's database; DemoFolderInUse when there is one."""
    path = root / "server" / SERVER_LOCK
    if not path.exists():
        yield
        return
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFolderInUse(
                f"a server is running on '{path.parent}'", next_step="stop it, or choose another folder with --out"
            ) from error
        yield


def _move_aside(root: Path) -> Path | None:
    """Move what an earlier run left to a new numbered folder and return that, or None when there was nothing."""
    left = [path for path in root.iterdir() if path.name not in (MARK, EARLIER)]
    if not left:
        return None
    earlier = root / EARLIER
    earlier.mkdir(exist_ok=True)
    numbers = [int(path.name) for path in earlier.iterdir() if path.name.isdecimal()]
    kept = earlier / str(max(numbers, default=0) + 1)
    kept.mkdir()
    for path in left:
        path.rename(kept / path.name)
    return kept
