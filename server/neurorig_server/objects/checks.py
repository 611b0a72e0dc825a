"""The process that checks one uploaded file, and which check each kind of file passes.

A check is a function of the uploaded bytes and the upload's options. It raises a UserError that names the place and
the reason, or returns the file's facts. It imports its readers itself, after the process has limited its memory.

`python -m neurorig_server.objects.checks` reads {kind, file, result, options, memory_bytes, cpu_s} as JSON from
standard input, writes what is to be kept instead of the uploaded bytes to `result`, and answers one JSON line:
{facts, replaced, names} or {error}.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurorig_protocols.errors import UserError
from neurorig_protocols.workloads.contract import FileKind, VariableNames


@dataclass(frozen=True)
class Checked:
    """What a check found. `content` is kept instead of the uploaded bytes; None keeps those.

    `names` is what the file calls the variables of a problem, None where that is not kept.
    """

    facts: dict[str, Any]
    content: bytes | None = None
    names: VariableNames | None = None


UploadOptions = Mapping[str, str]
Check = Callable[[bytes, UploadOptions], Checked]


def _anything(content: bytes, options: UploadOptions) -> Checked:  # noqa: ARG001 - every check has these arguments
    return Checked({})


def check_qubo(content: bytes, options: UploadOptions) -> Checked:
    """Read a problem file; InvalidProblem names the line and the reason."""
    from neurorig_protocols.workloads.qubo.formats import Options, read
    from neurorig_protocols.workloads.qubo.problem_file import to_bytes

    found = read(content, form=options.get("format"), options=Options.of(options))
    source = {"digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content), **options}
    names = found.names if found.names_are_kept else None
    return Checked({**found.facts(), "source": source}, to_bytes(found.problem), names)


SIGNATURE = b"\x89HDF\r\n\x1a\n"


def check_nir(content: bytes, options: UploadOptions) -> Checked:  # noqa: ARG001 - every check has these
    """Look at the signature; UserError when it is another file."""
    if not content.startswith(SIGNATURE):
        raise UserError(
            "the file is not a NIR graph: it does not begin as an HDF5 file does",
            where="byte 0",
            next_step="Write the graph with `nir.write(path, graph)`.",
        )
    return Checked({"format": "NIR in HDF5", "note": "the graph is read by the agent that runs it"})


def check_events(content: bytes, options: UploadOptions) -> Checked:  # noqa: ARG001 - every check has these
    """Read the events; UserError names the place and the reason."""
    from neurorig_protocols.workloads.snn.events import parse_events

    return Checked(dict(parse_events(content).facts()))


CHECKS: dict[FileKind, Check] = {"qubo": check_qubo, "nir": check_nir, "events": check_events}
"""The check of each kind; a kind without one is only bounded in size."""


def check_of(kind: FileKind) -> Check:
    """Return the check of a kind."""
    return CHECKS.get(kind, _anything)


def main() -> None:
    """Check the file that standard input names."""
    task = json.loads(sys.stdin.readline())
    resource.setrlimit(resource.RLIMIT_AS, (task["memory_bytes"],) * 2)
    # The server ends a check that takes too long; a check that outlives its server ends by itself.
    resource.setrlimit(resource.RLIMIT_CPU, (task["cpu_s"],) * 2)
    sys.stdout.write(json.dumps(_answer(task), allow_nan=False) + "\n")


def _answer(task: dict[str, Any]) -> dict[str, Any]:
    try:
        checked = check_of(task["kind"])(Path(task["file"]).read_bytes(), task["options"])
    except UserError as error:
        return {"error": error.record().model_dump(mode="json")}
    if checked.content is not None:
        Path(task["result"]).write_bytes(checked.content)
    return {"facts": checked.facts, "replaced": checked.content is not None, "names": checked.names}


if __name__ == "__main__":
    main()
