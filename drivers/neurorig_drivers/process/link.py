"""Calls over framed messages: one request, one answer, on a loopback TCP or unix socket.

Between our own processes only (a virtual device and what talks to it). Not for anything that leaves the machine:
there is no authentication.

    address := "HOST:PORT" | "unix:PATH"
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from neurorig_drivers.process.framing import Arrays, FrameError, encode, read_frame

Message = dict[str, Any]
Answer = tuple[Message, Arrays]
Gone = Callable[[], bool]
"""Says whether the caller has hung up, so that long work for nobody can end."""
Handler = Callable[[Message, Arrays, Gone], Answer]


class RemoteFailure(Exception):
    """The peer answered that it could not do it; `kind` is the class name of its exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def connect(address: str, connect_s: float | None = None) -> socket.socket:
    """Open a stream socket within `connect_s`; OSError when nobody listens, ValueError when it is not an address."""
    if address.startswith("unix:"):
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.settimeout(connect_s)
        try:
            peer.connect(address.removeprefix("unix:"))
        except BaseException:
            peer.close()
            raise
        peer.settimeout(None)
        return peer
    peer = socket.create_connection(host_and_port(address), timeout=connect_s)
    peer.settimeout(None)
    # Requests are small and each waits for its answer: Nagle's delay would only add latency.
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def host_and_port(address: str) -> tuple[str, int]:
    """Split "HOST:PORT"; ValueError when it is something else."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"'{address}' is not an address of the form HOST:PORT")
    return host, int(port)


def read_exact(peer: socket.socket, size: int) -> bytes:
    """Read `size` bytes; EOFError when the peer hangs up first."""
    chunks = bytearray()
    while len(chunks) < size:
        chunk = peer.recv(min(size - len(chunks), 1 << 20))
        if not chunk:
            raise EOFError(f"the peer hung up after {len(chunks)} of {size} bytes")
        chunks += chunk
    return bytes(chunks)


class Link:
    """The calling end. Thread-safe: calls queue up. A call that fails on the wire leaves the link closed.

    A call may take as long as the peer works; `connect_s` limits the connecting only.
    """

    def __init__(self, address: str, *, connect_s: float | None = None) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._peer = connect(address, connect_s)

    def call(self, message: Message, arrays: Arrays | None = None) -> Answer:
        """Send a request and return its answer.

        Raises RemoteFailure when the peer refused, ConnectionError when it is gone.
        """
        request = encode(message, arrays)
        with self._lock:
            try:
                self._peer.sendall(request)
                answer, found = read_frame(lambda size: read_exact(self._peer, size))
            except (OSError, EOFError, FrameError) as error:
                self._peer.close()
                raise ConnectionError(f"no answer from {self.address}: {error}") from error
        if (failure := answer.get("failure")) is not None:
            raise RemoteFailure(str(failure["kind"]), str(failure["message"]))
        return answer, found

    def close(self) -> None:
        """Hang up, also in the middle of another thread's call; a second call does nothing."""
        with contextlib.suppress(OSError):
            # Closing alone would not wake a thread that waits for an answer, nor tell the peer.
            self._peer.shutdown(socket.SHUT_RDWR)
        self._peer.close()


class _Conversation(socketserver.BaseRequestHandler):
    """One caller, until it hangs up. Whatever it sends, only this connection can end."""

    def __init__(self, handler: Handler, *connection: Any) -> None:
        self._handler = handler
        super().__init__(*connection)

    def handle(self) -> None:
        with contextlib.suppress(EOFError, FrameError, OSError):
            while True:
                message, arrays = read_frame(lambda size: read_exact(self.request, size))
                self.request.sendall(self._answer(message, arrays))

    def _answer(self, message: Message, arrays: Arrays) -> bytes:
        try:
            return encode(*self._handler(message, arrays, self._is_gone))
        except Exception as error:  # noqa: BLE001 - a caller's mistake must not end the service
            return encode({"failure": {"kind": type(error).__name__, "message": str(error)}})

    def _is_gone(self) -> bool:
        try:
            return not self.request.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    # The port is ours again at once after a restart.
    allow_reuse_address = True
    disable_nagle_algorithm = True


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class LinkServer:
    """The answering end: a thread per caller, each request passed to `handler`."""

    def __init__(self, handler: Handler, listen: str = "127.0.0.1:0") -> None:
        conversation = partial(_Conversation, handler)
        self._server: socketserver.BaseServer
        if listen.startswith("unix:"):
            self._server = _UnixServer(listen.removeprefix("unix:"), conversation)
            self.address = listen
        else:
            tcp = _TcpServer(host_and_port(listen), conversation)
            self._server = tcp
            self.address = "{}:{}".format(*tcp.server_address[:2])

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Answer in the background within the block; yields the address."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self.address
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
            if self.address.startswith("unix:"):
                Path(self.address.removeprefix("unix:")).unlink(missing_ok=True)
