"""Takes an uploaded file in: to the disk as it arrives, through its check, into the object store; and out again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from neurorig_protocols.api.files import FileView
from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.refusals import FileTooLarge, Invalid, ServerBusy
from neurorig_protocols.workloads.contract import FileKind
from neurorig_server.objects.files import FileStore, Part, Staging
from neurorig_server.settings import Settings
from neurorig_server.store.files import ContentGone, Files, NewFile
from neurorig_server.store.tokens import Principal
from neurorig_server.threads import Slots
from neurorig_server.uploads.check_process import run_check

WRITE_BYTES = 1 << 20

TRIES = 3
"""How often the same bytes are stored again because a deletion took them before they were noted."""


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
        self._staging = Staging(settings.data_dir / "staging")
        self._files = files
        self._content = content
        # A check holds memory, so only so many run at a time.
        self._checks = Slots(settings.file_checks)

    async def take(self, body: AsyncIterator[bytes], label: Label, who: Principal) -> FileView:
        """Keep a file and return it.

        Raises FileTooLarge, Invalid, UploadStalled, UnacceptableFile, KindDiffers, FileQuotaExceeded,
        FileSpaceExhausted, ServerBusy.
        """
        with self._staging.part() as part:
            try:
                await self._stage(body, part.file)
            except ClientDisconnect as gone:
                raise _broken_off() from gone
            return await self._checks.run(self._keep, part, label, who)

    def clean(self) -> int:
        """Remove the staged files of servers that were killed; returns how many. Those of living ones stay."""
        return self._staging.clean()

    def delete(self, digest: str, who: Principal) -> None:
        """Delete a file, by its 64 hex digits. Raises NotFound, Forbidden, FileInUse."""
        self._files.remove(digest, who, self._content)

    async def _stage(self, body: AsyncIterator[bytes], file: BinaryIO) -> None:
        limit, size, waiting = self._settings.max_file_bytes, 0, bytearray()
        async for chunk in body:
            size += len(chunk)
            if size > limit:
                raise FileTooLarge(f"the file is larger than {limit} bytes, the limit of this server")
            waiting += chunk
            if len(waiting) >= WRITE_BYTES:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(file.write, bytes(waiting))
        await run_in_threadpool(file.flush)
        if size == 0:
            problem = FieldProblem(field="body", message="the file is empty", code="empty")
            raise Invalid("the file is empty", problems=[problem])

    def _keep(self, part: Part, label: Label, who: Principal) -> FileView:
        found = run_check(label.kind, part.path, part.kept, label.options, self._settings)
        kept = part.kept if found.replaced else part.path
        with kept.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        new = NewFile(digest, label.kind, label.name, kept.stat().st_size, found.facts, found.names)
        for _ in range(TRIES):
            self._content.put(digest, kept)
            with suppress(ContentGone):
                return self._files.add(new, who, self._content)
        raise ServerBusy("the same file was deleted again and again meanwhile", next_step="Upload it again.")


def _broken_off() -> Invalid:
    problem = FieldProblem(field="body", message="the upload broke off", code="truncated")
    return Invalid("the upload broke off", problems=[problem])
