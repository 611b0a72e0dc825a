"""The demo's folder. It is emptied before each run, so only a folder that a demo made is ever touched."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from neurorig.errors import ClientError

MARK = ".neurorig-demo"


@dataclass(frozen=True)
class Folder:
    """Where everything of a demo lies."""

    root: Path

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


def prepare(root: Path) -> Folder:
    """Make an empty folder for a run; ClientError when there is another's folder at the place."""
    root = root.absolute()
    if root.exists() and any(root.iterdir()):
        if not (root / MARK).exists():
            raise ClientError(
                f"'{root}' holds something that no demo made", next_step="name an empty or new folder with --out"
            )
        shutil.rmtree(root)
    folder = Folder(root)
    for path in (folder.logs, folder.server, folder.truth, root / "tokens", root / "benches"):
        path.mkdir(parents=True)
    (root / MARK).touch()
    return folder
