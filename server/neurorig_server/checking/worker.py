"""The process that checks one uploaded file: `python -m neurorig_server.checking.worker`.

Reads {kind, file, result, options, memory_bytes, cpu_s} as JSON from standard input, writes what is to be kept instead
of the uploaded bytes to the file `result`, and answers one JSON line: {facts, replaced} or {error}.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from neurorig_protocols.errors import UserError
from neurorig_server.checking.registry import check_of


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
    return {"facts": checked.facts, "replaced": checked.content is not None}


if __name__ == "__main__":
    main()
