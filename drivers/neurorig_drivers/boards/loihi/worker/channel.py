"""The worker's two pipes, taken away from everything else in its process, and its tie to the life of its parent.

Lava prints, and it forks: whatever writes to standard output finds standard error there, and every process that is
forked asks the kernel to be killed with the one that forked it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys

_PR_SET_PDEATHSIG = 1


class Pipe:
    """What were standard input and output."""

    def __init__(self) -> None:
        self._in, self._out = os.dup(0), os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.close(nowhere)
        os.dup2(2, 1)
        self._poll = select.poll()
        self._poll.register(self._in, select.POLLHUP)

    def read_exact(self, size: int) -> bytes:
        """Read so many bytes; EOFError when the other side has hung up."""
        data = bytearray()
        while len(data) < size:
            chunk = os.read(self._in, min(size - len(data), 1 << 20))
            if not chunk:
                raise EOFError("the driver hung up")
            data += chunk
        return bytes(data)

    def write(self, data: bytes) -> None:
        """Write everything."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._out, rest) :]

    def gone(self) -> bool:
        """Return whether the other side has hung up."""
        return bool(self._poll.poll(0))


def die_with(parent: int) -> None:
    """Be killed when `parent` ends, and let whatever this process forks be killed when this one ends."""
    _ask_for_the_signal()
    # The parent may have died before the request: then nobody would ever send the signal.
    if os.getppid() != parent:
        os._exit(1)
    os.register_at_fork(after_in_child=_ask_for_the_signal)


def _ask_for_the_signal() -> None:
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


_LIBC = ctypes.CDLL(None, use_errno=True)
"""Opened before any fork: a forked child should do as little as possible."""
