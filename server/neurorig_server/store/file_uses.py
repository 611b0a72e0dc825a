"""What refers to an uploaded file, and therefore keeps it. Parts of the transactions of jobs, targets and files.

Campaigns and evaluation rounds refer to files by their jobs only.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, insert, select

from neurorig_protocols.benchmarks.targets import FileProblem, MisProblem
from neurorig_protocols.files import needed_files
from neurorig_protocols.job import JobSpec
from neurorig_server.store.errors import FieldProblem, FileInUse, UnknownFile
from neurorig_server.store.tables import jobs
from neurorig_server.store.tables_files import files, job_files
from neurorig_server.store.tables_targets import targets

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
