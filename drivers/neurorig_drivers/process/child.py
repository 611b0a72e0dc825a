"""A child process that answers framed calls, each within a time limit, and that cannot outlive its parent.

Knows nothing of boards or monitors (`host.py` does). Start children from a thread that lives as long as they shall:
the kernel kills a child when the thread that started it ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, Any

from neurorig_drivers.process.framing import Arrays, FrameError, encode, read_frame
from neurorig_protocols.errors import DriverCrashed, DriverMissing, DriverTimeout, ErrorRecord, from_record

_STDERR_LINES = 40
_LINE_BYTES = 4096
_GRACE_S = 5.0
_DRIVER = ("-m", "neurorig_drivers.process.worker")

_log = logging.getLogger(__name__)


class Child:
    """One worker process. Calls from several threads queue up; after a failed call the process is gone.

    `program` is what the interpreter is told to run; the parent's process id follows it as the last argument.
    `environment` stands in place of this process's own variables.
    """

    def __init__(
        self,
        name: str,
        interpreter: str = sys.executable,
        program: Sequence[str] = _DRIVER,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._peer, self._process = _start(name, [interpreter, *program, str(os.getpid())], environment)
        self._last_lines: deque[str] = deque(maxlen=_STDERR_LINES)
        self._reader = threading.Thread(
            target=self._drain, args=(self._process.stderr,), name=f"stderr of {name}", daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process can still be called."""
        if self._process.returncode is not None or self._peer.fileno() < 0:
            return False
        # Looks without reaping: the group's id stays taken until `kill` has ended whoever is left in it.
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def call(
        self, verb: str, body: dict[str, Any], arrays: Arrays | None = None, *, limit_s: float
    ) -> tuple[dict[str, Any], Arrays]:
        """Ask and wait for the answer, at most `limit_s` seconds.

        Raises what the driver raised, DriverTimeout when the limit passed (the process group is killed),
        DriverCrashed when the process died or spoke nonsense.
        """
        request = encode({"call": verb, "body": body}, arrays)
        with self._lock:
            try:
                answer, found = self._exchange(request, time.monotonic() + limit_s)
            except TimeoutError:
                self.kill()
                raise DriverTimeout(
                    f"'{verb}' of {self.name} took longer than {limit_s:g} s and was killed",
                    where=self.name,
                    next_step="Look at the driver's last lines; raise the plan's max_attempt_s if the work needs it.",
                    stderr=self.last_lines(),
                ) from None
            except (OSError, EOFError, FrameError) as error:
                self.kill()
                raise self._crashed(verb, error) from error
            except BaseException:
                # Interrupted between question and answer: the stream is out of step for ever.
                self.kill()
                raise
        if (record := answer.get("error")) is not None:
            raise from_record(ErrorRecord.model_validate(record))
        return answer["ok"], found

    def _exchange(self, request: bytes, deadline: float) -> tuple[dict[str, Any], Arrays]:
        self._peer.settimeout(max(deadline - time.monotonic(), 1e-3))
        self._peer.sendall(request)

        def read_exact(size: int) -> bytes:
            data = bytearray(size)
            view = memoryview(data)
            while view:
                self._peer.settimeout(max(deadline - time.monotonic(), 1e-3))
                count = self._peer.recv_into(view)
                if not count:
                    raise EOFError("the process hung up")
                view = view[count:]
            return bytes(data)

        return read_frame(read_exact)

    def _crashed(self, verb: str, error: Exception) -> DriverCrashed:
        status = self._process.returncode
        how = f"signal {-status}" if status is not None and status < 0 else f"exit status {status}"
        return DriverCrashed(
            f"the process of {self.name} died during '{verb}' ({how})",
            where=self.name,
            next_step="The driver is started anew for the next attempt; its last lines are in the detail.",
            stderr=self.last_lines(),
            cause=str(error),
        )

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal to the process, or to its whole group, from any thread; nothing happens when it has ended."""
        # Not reaped before `kill`, so the id cannot be another process's by now.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.killpg if group else os.kill)(self.pid, number)

    def last_lines(self) -> list[str]:
        """Return what the process last wrote to standard error."""
        return list(self._last_lines)

    def close(self, limit_s: float = _GRACE_S) -> None:
        """Ask the driver to close, wait for the end of its process, kill what is left. Idempotent, never raises."""
        with self._lock:
            with contextlib.suppress(OSError):
                self._peer.settimeout(limit_s)
                self._peer.sendall(encode({"call": "close", "body": {}}))
                # The stream ends when the process does.
                self._peer.recv(1)
            self.kill()

    def kill(self) -> None:
        """End the process and everything that it started. Idempotent, never raises."""
        self._peer.close()
        if self._process.returncode is None:
            # Also after a clean exit: the group lives on in whatever the driver started.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(_GRACE_S)

    def _drain(self, stream: IO[bytes]) -> None:
        with stream:
            for line in iter(lambda: stream.readline(_LINE_BYTES), b""):
                text = line.decode("utf-8", "replace").rstrip()
                self._last_lines.append(text)
                _log.info("%s: %s", self.name, text)


def _start(
    name: str, command: Sequence[str], environment: Mapping[str, str] | None
) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                env=environment,
                # A group of its own: Ctrl-C in the agent's terminal must not cut a window, and a kill takes all of it.
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise DriverMissing(
                f"the interpreter of {name} cannot be started: {error.strerror}",
                where=name,
                next_step="Correct the option 'interpreter' in the bench file.",
            ) from error
    return ours, process
