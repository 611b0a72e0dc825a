"""Use cases on uploaded files: what is stored, how much room is left, what refers to a file. Not for their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import Field
from sqlalchemy import Connection, Row, delete, func, insert, select

from neurorig_protocols.api.files import FilePage, FileView
from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.forms import NO_ZERO
from neurorig_protocols.job import JobSpec
from neurorig_protocols.records import Record
from neurorig_protocols.refusals import (
    FileInUse,
    FileQuotaExceeded,
    FileSpaceExhausted,
    Forbidden,
    KindDiffers,
    Refused,
    UnknownFile,
    not_found,
)
from neurorig_protocols.workloads.contract import FileKind, NeededFile, VariableNames
from neurorig_protocols.workloads.qubo.qubo_targets import FileProblem, MisProblem
from neurorig_protocols.workloads.registry import needed_files
from neurorig_server.store.admission import require_possible
from neurorig_server.store.benchmark_tables import targets
from neurorig_server.store.database import Database
from neurorig_server.store.paging import cut, from_cursor
from neurorig_server.store.tables import files, job_files, jobs, variable_names
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


NAMED = 5
"""Jobs that a refusal names before it counts the rest."""


def note(connection: Connection, placed: Iterable[tuple[int, JobSpec]]) -> None:
    """Note the files of jobs, given as (row, specification); they are here, `require_files` saw to it."""
    uses = [
        {"digest": digest, "job_seq": seq}
        for seq, spec in placed
        for digest in sorted({file.digest.removeprefix("sha256:") for file in needed_files(spec.workload)})
    ]
    if uses:
        connection.execute(insert(job_files), uses)


def require_kept(connection: Connection, problem: MisProblem | FileProblem) -> None:
    """Hold the file of a target's problem until this transaction ends; UnknownFile when it was deleted."""
    if not isinstance(problem, FileProblem):
        return
    here = select(files.c.seq).where(files.c.digest == problem.problem.removeprefix("sha256:"))
    if connection.execute(here.with_for_update(read=True, key_share=True)).first() is None:
        raise UnknownFile(f"no problem '{problem.problem}' is here", next_step="Upload it, then propose again.")


def require_unused(connection: Connection, digest: str) -> None:
    """Raise FileInUse while a job or a target refers to a file whose row the caller has locked."""
    named = select(jobs.c.id).join(job_files, job_files.c.job_seq == jobs.c.seq).where(job_files.c.digest == digest)
    count = connection.execute(select(func.count()).select_from(named.subquery())).scalar_one()
    held = select(func.count()).select_from(targets).where(targets.c.digest == f"sha256:{digest}")
    records = connection.execute(held).scalar_one()
    if not count and not records:
        return
    ids = connection.execute(named.order_by(jobs.c.seq.desc()).limit(NAMED)).scalars()
    raise FileInUse(
        f"{count} jobs and {records} target records refer to the file",
        problems=[FieldProblem(field="path.digest", message=f"job {name} names the file", code="job") for name in ids],
        next_step="Nothing: a file that a job or a target names stays, so that its results can be checked.",
    )


KEEPING = 0x6E65_7572_6F04
"""Advisory key: rows of files, and the room they take, change one after the other."""


class Content(Protocol):
    """The bytes of files, by digest."""

    def has(self, digest: str) -> bool:
        """Say whether a file's bytes are here."""

    def remove(self, digest: str) -> None:
        """Remove a file's bytes, if they are here."""


class ContentGone(Exception):
    """A deletion of the same file took the bytes between their arrival and this note of them: store them again."""


class FileFilter(Record):
    """What a list of files is narrowed to; None does not matter."""

    kind: FileKind | None = None
    name: str | None = Field(default=None, min_length=1, max_length=200, pattern=NO_ZERO)


@dataclass(frozen=True)
class NewFile:
    """A file that lies in the object store: its digest in 64 hex digits, its size in bytes."""

    digest: str
    kind: FileKind
    name: str
    size: int
    facts: dict[str, Any]
    names: VariableNames | None = None


class Files:
    """Use cases on files; digests are 64 hex digits."""

    def __init__(self, db: Database, quota: Quota) -> None:
        self._db = db
        self._quota = quota

    def add(self, new: NewFile, who: Principal, content: Content) -> FileView:
        """Note a file whose bytes lie in `content`; the same bytes again give the first one and take no room.

        What the token calls the variables is kept beside it, and replaces what it called them before.

        Raises KindDiffers, FileQuotaExceeded, FileSpaceExhausted, and ContentGone.
        """
        with self._db.write() as connection:
            self._db.serialise(connection, KEEPING)
            row = _find(connection, new.digest) or self._insert(connection, new, who, content)
            if new.names is not None and row.kind == new.kind:
                _name_variables(connection, new.digest, who, new.names)
        if row.kind != new.kind:
            raise KindDiffers(f"these bytes are here already as a file of kind '{row.kind}'")
        return _view(row)

    def _insert(self, connection: Connection, new: NewFile, who: Principal, content: Content) -> Row[Any]:
        try:
            self._quota.require_room(connection, new.size, who)
        except Refused:
            # Nothing names these bytes, and nothing can begin to while this transaction goes on.
            content.remove(new.digest)
            raise
        if not content.has(new.digest):
            raise ContentGone
        values = {**vars(new), "uploaded_by": who.id, "created_at": self._db.now()}
        del values["names"]
        return connection.execute(insert(files).values(values).returning(files)).one()

    def remove(self, digest: str, who: Principal, content: Content) -> None:
        """Delete a file and its bytes: its owner's or an administrator's right.

        Raises NotFound, Forbidden, and FileInUse while anything refers to it.
        """
        with self._db.write() as connection:
            # Submissions that name the file hold its row: they come wholly before or wholly after this.
            row = connection.execute(select(files).where(files.c.digest == digest).with_for_update()).first()
            if row is None:
                raise not_found("file", f"sha256:{digest}")
            if row.uploaded_by != who.id and not who.may("admin"):
                raise Forbidden("only the token that uploaded the file, or an administrator, may delete it")
            self._db.serialise(connection, KEEPING)
            require_unused(connection, digest)
            connection.execute(delete(variable_names).where(variable_names.c.digest == digest))
            connection.execute(delete(files).where(files.c.digest == digest))
            # Before the commit: a failure here leaves the file as it was.
            content.remove(digest)

    def get(self, digest: str) -> FileView:
        """Return a file; NotFound."""
        with self._db.read() as connection:
            row = _find(connection, digest)
        if row is None:
            raise not_found("file", f"sha256:{digest}")
        return _view(row)

    def find(self, digests: Iterable[str]) -> dict[str, FileView]:
        """Return the files that are here, by digest as jobs write it."""
        wanted = [digest.removeprefix("sha256:") for digest in digests]
        with self._db.read() as connection:
            rows = connection.execute(select(files).where(files.c.digest.in_(wanted))).all()
        return {f"sha256:{row.digest}": _view(row) for row in rows}

    def list(self, wanted: FileFilter, *, limit: int = 50, cursor: str | None = None) -> FilePage:
        """Return a page of files, newest first."""
        query = select(files).order_by(files.c.seq.desc()).limit(limit + 1)
        if wanted.kind is not None:
            query = query.where(files.c.kind == wanted.kind)
        if wanted.name is not None:
            query = query.where(files.c.name == wanted.name)
        if cursor is not None:
            query = query.where(files.c.seq < from_cursor(cursor))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        page, more = cut(rows, limit)
        return FilePage(items=tuple(_view(row) for row in page), next=more)


def _name_variables(connection: Connection, digest: str, who: Principal, names: VariableNames) -> None:
    mine = (variable_names.c.digest == digest) & (variable_names.c.token == who.id)
    connection.execute(delete(variable_names).where(mine))
    connection.execute(insert(variable_names).values(digest=digest, token=who.id, names=names))


def names_of_variables(connection: Connection, spec: JobSpec, token: str) -> VariableNames | None:
    """Return what the token that submitted a job calls the variables of its problem.

    Names that others gave count only where all of them agree; None where nobody's names can be used.
    """
    digests = [file.digest.removeprefix("sha256:") for file in needed_files(spec.workload) if file.kind == "qubo"]
    query = select(variable_names.c.token, variable_names.c.names).where(variable_names.c.digest.in_(digests))
    given: dict[str, VariableNames] = {row.token: row.names for row in connection.execute(query)} if digests else {}
    if token in given:
        return given[token]
    others = list(given.values())
    return others[0] if others and all(names == others[0] for names in others) else None


def require_files(connection: Connection, specs: Iterable[JobSpec]) -> None:
    """Raise UnknownFile unless every file that the jobs name is here and of the right kind.

    Raises Invalid for events outside the samples and steps of their job; the agent knows the network's inputs.
    """
    specs = list(specs)
    needed = {file for spec in specs for file in needed_files(spec.workload)}
    if not needed:
        return
    digests = {file.digest.removeprefix("sha256:") for file in needed}
    query = select(files.c.digest, files.c.kind, files.c.facts).where(files.c.digest.in_(digests))
    # Held until the jobs are in: a deletion waits and then finds them.
    rows = connection.execute(query.with_for_update(read=True, key_share=True))
    found = {f"sha256:{row.digest}": row for row in rows}
    _require_kinds(needed, {digest: row.kind for digest, row in found.items()})
    facts = {digest: row.facts for digest, row in found.items()}
    for spec in specs:
        require_possible(spec, facts)


def _require_kinds(needed: Iterable[NeededFile], kinds: Mapping[str, str]) -> None:
    wrong = sorted(
        (file for file in needed if kinds.get(file.digest) != file.kind),
        key=lambda file: (file.field, file.digest),
    )
    if not wrong:
        return
    problems = [
        FieldProblem(field=file.field, message=_lack(kinds.get(file.digest), file.kind), code=UnknownFile.code)
        for file in wrong
    ]
    here = wrong[0].digest in kinds
    raise UnknownFile(
        f"{problems[0].field}: {problems[0].message}",
        problems=problems,
        next_step="Name a file of that kind." if here else "Upload the file, then submit the job again.",
    )


def _lack(found: str | None, wanted: str) -> str:
    if found is None:
        return "no such file was uploaded"
    return f"the file is of kind '{found}', '{wanted}' is needed"


def _find(connection: Connection, digest: str) -> Row[Any] | None:
    return connection.execute(select(files).where(files.c.digest == digest)).first()


def _view(row: Row[Any]) -> FileView:
    return FileView(
        digest=f"sha256:{row.digest}",
        kind=row.kind,
        name=row.name,
        size=row.size,
        facts=row.facts,
        uploaded_by=row.uploaded_by,
        created_at=row.created_at,
    )
