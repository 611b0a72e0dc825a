"""Takes an uploaded file in: to the disk as it arrives, through its check, into the object store.

Every path is made of a random id of our own; nothing a client says becomes a path.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from neurorig_protocols.files import FileKind
from neurorig_server.bodies import DRAIN_BYTES
from neurorig_server.checking.run import run_check
from neurorig_server.file_store import FileStore
from neurorig_server.ids import new_id
from neurorig_server.settings import Settings
from neurorig_server.slots import Slots
from neurorig_server.store.errors import FieldProblem, FileTooLarge, Invalid
from neurorig_server.store.files import Files, NewFile
from neurorig_server.store.tokens import Principal
from neurorig_server.views import FileView

WRITE_BYTES = 1 << 20


@dataclass(frozen=True)
class Label:
    """What an upload says of its bytes: kind, name, and options of the kind's check."""

    kind: FileKind
    name: str
    options: Mapping[str, str]


class Intake:
    """Receives files."""

    def __init__(self, settings: Settings, files: Files, content: FileStore) -> None:
        self._settings = settings
        self._staging = settings.data_dir / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)
        self._files = files
        self._content = content
        # A check holds memory, so only so many run at a time.
        self._checks = Slots(settings.file_checks)

    async def take(self, body: AsyncIterator[bytes], label: Label, who: Principal) -> FileView:
        """Keep a file and return it. Raises FileTooLarge, Invalid, UnacceptableFile, KindDiffers, ServerBusy."""
        staged = self._staging / f"file-{new_id()}.part"
        result = staged.with_suffix(".kept")
        try:
            await self._stage(body, staged)
        except ClientDisconnect as gone:
            raise _broken_off() from gone
        else:
            return await self._checks.run(self._keep, staged, result, label, who)
        finally:
            await run_in_threadpool(_remove, staged, result)

    async def _stage(self, body: AsyncIterator[bytes], staged: Path) -> None:
        limit, size, waiting = self._settings.max_file_bytes, 0, bytearray()
        with staged.open("wb") as file:
            async for chunk in body:
                size += len(chunk)
                if size <= limit:
                    waiting += chunk
                # A client that is still sending cannot read the answer: the rest is read and thrown away.
                elif size > limit + DRAIN_BYTES:
                    break
                if len(waiting) >= WRITE_BYTES:
                    await run_in_threadpool(file.write, bytes(waiting))
                    waiting.clear()
            await run_in_threadpool(file.write, bytes(waiting))
        if size > limit:
            raise FileTooLarge(f"the file is larger than {limit} bytes, the limit of this server")
        if size == 0:
            problem = FieldProblem(field="body", message="the file is empty", code="empty")
            raise Invalid("the file is empty", problems=[problem])

    def _keep(self, staged: Path, result: Path, label: Label, who: Principal) -> FileView:
        found = run_check(label.kind, staged, result, label.options, self._settings)
        kept = result if found.replaced else staged
        with kept.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._content.put(digest, kept)
        new = NewFile(digest=digest, kind=label.kind, name=label.name, size=kept.stat().st_size, facts=found.facts)
        return self._files.add(new, who)


def _broken_off() -> Invalid:
    problem = FieldProblem(field="body", message="the upload broke off", code="truncated")
    return Invalid("the upload broke off", problems=[problem])


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
