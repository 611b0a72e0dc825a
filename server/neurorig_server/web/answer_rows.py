"""The files of a job as rows of text."""

from __future__ import annotations

from dataclasses import dataclass

from neurorig_protocols.api.files import FileView
from neurorig_protocols.job import JobSpec
from neurorig_protocols.number_text import count_text, percent_text
from neurorig_protocols.workloads.registry import needed_files
from neurorig_server.store.files import Files


@dataclass(frozen=True)
class FileRow:
    """One file: what the job calls it, its name, what it holds, its digest and where its bytes are."""

    role: str
    name: str
    what: str
    digest: str
    url: str


def named_files(spec: JobSpec, files: Files) -> list[FileRow]:
    """Return the files of a job, in the order in which it names them."""
    needed = needed_files(spec.workload)
    found = files.find(file.digest for file in needed) if needed else {}
    return [
        FileRow(
            role=file.field.rpartition(".")[2].capitalize(),
            name=found[file.digest].name,
            what=_what(found[file.digest]),
            digest=file.digest,
            url=f"/api/v1/files/{file.digest}/content",
        )
        for file in needed
        if file.digest in found
    ]


def _what(file: FileView) -> str:
    facts = file.facts
    if file.kind != "qubo":
        return f"{count_text(file.size)} bytes"
    bound = facts["rounding_bound"]
    parts = [
        f"n = {count_text(facts['n'])}",
        f"{count_text(facts['couplings'])} couplings ({percent_text(facts['density'])} of the pairs)",
        f"value = {facts['scale']} × cost" + ("" if facts["offset"] == "0" else f" + {facts['offset']}"),
        f"values may be off by {bound:.3g}, by rounding" if bound else "every coefficient is exact",
    ]
    return ", ".join(parts)
