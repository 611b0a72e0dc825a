"""Runs the check of an uploaded file in a process of its own: what a file does to its check, the server survives."""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.refusals import ServerBusy, UnacceptableFile
from neurorig_protocols.workloads.contract import FileKind, VariableNames
from neurorig_server.settings import Settings

log = logging.getLogger(__name__)

_WORKER = "neurorig_server.objects.checks"

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Thread pools of numeric libraries reserve memory by the gigabyte, which the limit would count."""


@dataclass(frozen=True)
class Found:
    """The facts of a file that passed, whether `result` holds what is to be kept, and the names of its variables."""

    facts: dict[str, Any]
    replaced: bool
    names: VariableNames | None


def run_check(kind: FileKind, file: Path, result: Path, options: Mapping[str, str], settings: Settings) -> Found:
    """Check a staged file; UnacceptableFile when it is wrong, ServerBusy when time or memory ran out."""
    task = {
        "kind": kind,
        "file": str(file),
        "result": str(result),
        "options": dict(options),
        "memory_bytes": settings.file_check_bytes,
        "cpu_s": math.ceil(settings.file_check_s) + 1,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", _WORKER],
            input=json.dumps(task) + "\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=settings.file_check_s,
            env={**os.environ, **_ONE_THREAD},
        )
    except subprocess.TimeoutExpired as late:
        raise ServerBusy(
            f"the check of the file took longer than {settings.file_check_s:g} s, the limit of this server",
            next_step="Upload a smaller file, or ask the operator for a larger FILE_CHECK_S.",
        ) from late
    if done.returncode != 0:
        log.warning("the check of a %s file ended with %s: %s", kind, done.returncode, done.stderr[-2000:])
        raise ServerBusy(
            f"the check of the file did not end well; it may take {settings.file_check_bytes >> 20} MiB of memory",
            next_step="Upload a smaller file, or ask the operator for a larger FILE_CHECK_BYTES.",
        )
    return _found(json.loads(done.stdout))


def _found(answer: dict[str, Any]) -> Found:
    if "error" not in answer:
        return Found(answer["facts"], answer["replaced"], answer["names"])
    error = ErrorRecord.model_validate(answer["error"])
    field = f"body, {error.where}" if error.where else "body"
    code = str(error.detail.get("reason", error.code))
    raise UnacceptableFile(
        f"{error.where}: {error.message}" if error.where else error.message,
        problems=[FieldProblem(field=field, message=error.message, code=code)],
        next_step=error.next_step,
    )
