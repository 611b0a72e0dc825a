"""The Lava worker, started by file path: `python3.10 -I main.py PARENT_PID`. Not for people.

    request := {"call": verb, "body": {...}} + arrays
    answer  := {"ok": {...}} + arrays | {"error": ErrorRecord as JSON}

Anything that goes wrong outside of a request's own content ends the process with its traceback on standard error.
"""

from __future__ import annotations

import os
import sys
import traceback
import types
from pathlib import Path


def _adopt_package() -> None:
    """Make `neurorig_drivers` importable and nothing else of the interpreter that it is installed for."""
    package = types.ModuleType("neurorig_drivers")
    package.__path__ = [str(Path(__file__).parents[3])]
    sys.modules[package.__name__] = package


def main() -> None:
    """Serve one driver until it hangs up."""
    from neurorig_drivers.boards.loihi.worker import channel

    channel.die_with(int(sys.argv[1]))
    pipe = channel.Pipe()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream, no pipe was closed
    from neurorig_drivers.boards.loihi.worker import serve

    serve.serve(pipe)


if __name__ == "__main__":
    status = 1
    try:
        _adopt_package()
        main()
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        # An ordinary exit waits for a network that nobody will ever end; its processes are killed with this one.
        os._exit(status)
