"""How much room uploaded files may take: each token's, and all together. Not for the size of one file."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from neurorig_server.store.errors import FileQuotaExceeded, FileSpaceExhausted
from neurorig_server.store.tables_files import files
from neurorig_server.store.tokens import Principal


@dataclass(frozen=True)
class Quota:
    """Bytes that the files of one token, and those of all, may take as they are kept."""

    owner_bytes: int
    total_bytes: int

    def require_room(self, connection: Connection, size: int, who: Principal) -> None:
        """Raise FileQuotaExceeded or FileSpaceExhausted unless `size` more bytes fit.

        Uploads are counted one after the other: the caller has serialised them.
        """
        room = func.coalesce(func.sum(files.c.size), 0)
        used = int(connection.execute(select(room).where(files.c.uploaded_by == who.id)).scalar_one())
        if used + size > self.owner_bytes:
            raise FileQuotaExceeded(
                f"the file takes {size} bytes; this token's files take {used} of {self.owner_bytes}",
                next_step="Delete files that no job names (`neurorig files rm`), or ask the operator for a larger"
                " FILE_QUOTA_BYTES.",
            )
        used = int(connection.execute(select(room)).scalar_one())
        if used + size > self.total_bytes:
            raise FileSpaceExhausted(
                f"the file takes {size} bytes; the files of this server take {used} of {self.total_bytes}",
                next_step="Ask the operator to delete files or for a larger FILE_TOTAL_BYTES.",
            )
