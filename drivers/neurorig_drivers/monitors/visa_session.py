"""An instrument behind VISA: text and blocks over HiSLIP or a raw socket, and the way back after a timeout.

Uses pyvisa with its pure-Python backend. Knows IEEE 488.2, no instrument's own commands. Blocking, for one thread.

After a timeout the next answer may be the last question's, and a server that hung up looks like one that is slow. So
no answer is trusted after a failure until *IDN? has come back right, over the old connection or a new one.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from neurorig_protocols.errors import DriverMissing, MeasurementError, MonitorLost, MonitorMismatch, MonitorUnavailable
from neurorig_protocols.wire.hislip.messages import DEFAULT_PORT
from neurorig_protocols.wire.scpi.status import ScpiError, parse_record
from neurorig_protocols.wire.scpi.stream import PREFIX_BYTES, block_length, length_digits

MIN_OPEN_TIMEOUT_S = 2.0
MAX_BLOCK_BYTES = 256 << 20

_ENDPOINT = re.compile(
    r"TCPIP\d*::(?P<host>[^:\s]+)::(?:hislip\d+(?:,(?P<hislip>\d+))?(?:::INSTR)?|(?P<plain>\d+)::SOCKET)",
    re.IGNORECASE,
)
_LOST_NEXT_STEP = "Check the instrument's power and network, then submit the job again."

Result = TypeVar("Result")


class VisaLink:
    """A conversation with the first of `resources` (VISA resource strings) that answers *IDN?.

    Raises MonitorUnavailable when none does, DriverMissing when pyvisa is not installed. `monitor` is the name for
    messages. Both timeouts in seconds.
    """

    def __init__(
        self, monitor: str, resources: Sequence[str], *, timeout_s: float = 5.0, open_timeout_s: float = 3.0
    ) -> None:
        self._monitor = monitor
        self._resources = tuple(resources)
        self._timeout_ms = round(timeout_s * 1000)
        # Below two seconds pyvisa-py 0.8 falls back to a tenth of a second for some transports.
        self._open_timeout_s = max(open_timeout_s, MIN_OPEN_TIMEOUT_S)
        self._manager, self._failures = _backend(monitor)
        self._session: Any = None
        self.resource = ""
        self.identity = ""
        self._open()

    @property
    def connected(self) -> bool:
        """Whether the conversation is believed to be in step."""
        return self._session is not None

    def query(self, message: str, *, repeat: bool = True) -> str:
        """Send a program message and return its answer without the newline.

        After a failure the question is put once more, unless `repeat` is false. Raises MonitorLost when the
        instrument is gone, MonitorMismatch when it does not understand or another one answers.
        """

        def ask(session: Any) -> str:
            session.write(message)
            return str(session.read())

        return self._exchange(message, ask, repeat=repeat)

    def query_block(self, message: str) -> tuple[bytes, str]:
        """Send a program message whose answer is a definite-length block, then text; same failures as `query`.

        The block is lost if the first try fails half-way: the second one gets what comes next.
        """

        def ask(session: Any) -> tuple[bytes, str]:
            session.write(message)
            return _read_block(session)

        return self._exchange(message, ask, repeat=True)

    def close(self) -> None:
        """End the conversation. Idempotent, never raises."""
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(*self._failures):
                session.close()

    def _exchange(self, message: str, ask: Callable[[Any], Result], *, repeat: bool) -> Result:
        try:
            if self._session is None:
                self._reopen()
            return ask(self._session)
        except self._failures as failure:
            self._resynchronise(message, failure)
            if not repeat:
                raise self._lost(f"did not answer '{message[:60]}'", failure) from failure
        try:
            return ask(self._session)
        except self._failures as failure:
            # The first failure may have been the connection's and this one the instrument's, which has a reason.
            self._resynchronise(message, failure)
            raise self._lost(f"did not answer '{message[:60]}' twice", failure) from failure

    def _resynchronise(self, message: str, failure: Exception) -> None:
        """Make sure that the next answer belongs to the next question, or raise."""
        if not self._is_in_step():
            self._reopen(failure)
        self._ask_why(message, failure)

    def _is_in_step(self) -> bool:
        """Clear the conversation and ask who is there."""
        # A raw socket has no device clear, and pyvisa-py 0.8 never returns from its own when the peer hung up.
        if self.resource.upper().endswith("::SOCKET"):
            return False
        try:
            self._session.clear()
            return bool(self._session.query("*IDN?").strip() == self.identity)
        except self._failures:
            return False

    def _ask_why(self, message: str, failure: Exception) -> None:
        """An instrument that is alive and stays silent has its reason in its error queue."""
        try:
            number, text = parse_record(self._session.query("SYST:ERR?"))
        except self._failures as error:
            self.close()
            raise self._lost("answers *IDN? and nothing else", error) from failure
        if number <= -100 and number > -200:
            raise MonitorMismatch(
                f"{self.identity} does not understand '{message[:60]}': {number}, {text}",
                where=self._where,
                next_step="Check the monitor's driver in the bench file.",
            ) from failure
        if number and number > -400:
            raise self._lost(f"refused '{message[:60]}': {number}, {text}", failure) from failure

    def _reopen(self, failure: Exception | None = None) -> None:
        identity = self.identity
        self.close()
        try:
            self._open()
        except MonitorUnavailable as error:
            raise self._lost("is gone", failure or error) from error
        if self.identity != identity:
            found, self.identity = self.identity, identity
            self.close()
            raise MonitorMismatch(
                f"'{found}' answers where '{identity}' was",
                where=self._where,
                next_step="Check the wiring of the bench; nothing measured since then can be attributed.",
            )

    def _open(self) -> None:
        reasons: list[str] = []
        for resource in self._resources:
            try:
                self._session, self.identity = self._greet(resource)
            except _CannotOpen as error:
                reasons.append(f"{resource}: {error}")
            else:
                self.resource = resource
                return
        raise MonitorUnavailable(
            f"no answer at {'; '.join(reasons) or 'no resource at all'}",
            where=f"monitor {self._monitor}",
            next_step="Check that the instrument is on, its address in the bench file, and any firewall between.",
        )

    def _greet(self, resource: str) -> tuple[Any, str]:
        """Open one resource and ask who it is."""
        self._knock(resource)
        try:
            session = self._manager.open_resource(resource, open_timeout=round(self._open_timeout_s * 1000))
        except Exception as error:
            # The backend raises plain Exception when it cannot connect.
            raise _CannotOpen(f"cannot be opened: {_said(error)}") from error
        try:
            # An instrument that is busy with a lost question gets the longer time to come back.
            session.timeout = max(self._timeout_ms, round(self._open_timeout_s * 1000))
            session.write_termination = session.read_termination = "\n"
            identity = session.query("*IDN?").strip()
            session.timeout = self._timeout_ms
        except self._failures as error:
            with contextlib.suppress(*self._failures):
                session.close()
            raise _CannotOpen(f"takes the connection and does not answer *IDN?: {_said(error)}") from error
        return session, identity

    def _knock(self, resource: str) -> None:
        """Try the TCP port first: the backend reports a refused connection late, or not at all."""
        if (match := _ENDPOINT.fullmatch(resource.strip())) is None:
            return
        port = int(match["plain"] or match["hislip"] or DEFAULT_PORT)
        try:
            socket.create_connection((match["host"], port), timeout=self._open_timeout_s).close()
        except (OSError, OverflowError) as error:
            raise _CannotOpen(_said(error)) from error

    @property
    def _where(self) -> str:
        return f"monitor {self._monitor} at {self.resource}"

    def _lost(self, what: str, failure: Exception) -> MeasurementError:
        return MonitorLost(
            f"{self.identity or 'the instrument'} {what}: {_said(failure)}",
            where=self._where,
            next_step=_LOST_NEXT_STEP,
        )


class _CannotOpen(Exception):
    """One resource string leads to no instrument; the message says why."""


def _backend(monitor: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return the resource manager and everything that its sessions raise when a conversation fails."""
    try:
        import pyvisa
        import pyvisa_py  # noqa: F401 - found by name below; says early that it is missing
    except ImportError as error:
        raise DriverMissing(
            f"{error.name} is not installed",
            where=f"monitor {monitor}",
            next_step="pip install 'neurorig[agent]'",
        ) from error
    # The HiSLIP session raises RuntimeError and AssertionError for a peer that breaks the protocol.
    failures = (pyvisa.errors.Error, OSError, EOFError, RuntimeError, AssertionError, ValueError, ScpiError)
    # One manager for the process, never closed by us: closing it would close the sessions of every other monitor.
    return pyvisa.ResourceManager("@py"), failures


def _read_block(session: Any) -> tuple[bytes, str]:
    """Read a block and the text behind it.

    The termination character is off while the block is read: over a raw socket it would cut the block at every byte
    0x0A. The rest is always read up to its end: what stays behind would be taken for the next answer.
    """
    session.read_termination = None
    try:
        digits = length_digits(_read_exactly(session, PREFIX_BYTES))
        length = block_length(_read_exactly(session, digits))
        if length > MAX_BLOCK_BYTES:
            raise ScpiError(-161, f"{length} bytes")
        data = _read_exactly(session, length) if length else b""
    finally:
        session.read_termination = "\n"
    return data, str(session.read()).strip(";")


def _read_exactly(session: Any, count: int) -> bytes:
    # Without the break a short HiSLIP answer makes the backend ask for the rest for ever.
    data: bytes = session.read_bytes(count, chunk_size=count, break_on_termchar=True)
    if len(data) != count:
        raise EOFError(f"an answer of {len(data)} bytes where {count} should be")
    return data


def _said(error: Exception) -> str:
    return f"{error}".strip() or type(error).__name__
