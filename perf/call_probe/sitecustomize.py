"""Notes which source files of ours a process enters, for `perf/house.py`; Python imports this when a process starts.

Active only where CALL_PROBE names a folder. A file is entered when a function defined in it is called; being imported
does not count. Notes begin when the file `begin` appears in the folder, so a process's own start does not count either.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import FrameType

FOLDER = os.environ.get("CALL_PROBE")
PACKAGES = ("/neurorig/", *(f"/neurorig_{name}/" for name in ("protocols", "drivers", "lab", "agents", "server")))


def _watch(folder: Path) -> None:
    entered: set[str] = set()
    begun = threading.Event()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and begun.is_set():
            code = frame.f_code
            if code.co_name != "<module>" and any(package in code.co_filename for package in PACKAGES):
                entered.add(code.co_filename)

    def write() -> None:
        target = folder / f"{os.getpid()}.txt"
        pause = threading.Event()
        while True:
            if not begun.is_set() and (folder / "begin").exists():
                begun.set()
            # Written whole each time and renamed: the process may be killed at any moment.
            part = target.with_suffix(".part")
            part.write_text("\n".join(sorted(entered)))
            part.replace(target)
            pause.wait(0.05)

    threading.setprofile(note)
    sys.setprofile(note)
    threading.Thread(target=write, daemon=True, name="call-probe").start()


if FOLDER:
    _watch(Path(FOLDER))
