"""The status registers of IEEE 488.2: standard events, their masks, the status byte, the error queue."""

from __future__ import annotations

from neurorig_protocols.scpi.errors import ErrorQueue, ScpiError

OPERATION_COMPLETE = 1
QUERY_ERROR = 4
DEVICE_ERROR = 8
EXECUTION_ERROR = 16
COMMAND_ERROR = 32
POWER_ON = 128

ERROR_AVAILABLE = 4
MESSAGE_AVAILABLE = 16
EVENT_SUMMARY = 32
MASTER_SUMMARY = 64


class Status:
    """What an instrument says about itself. Masks are bytes; a fresh one has seen the power come on."""

    def __init__(self) -> None:
        self.errors = ErrorQueue()
        self.event_mask = 0
        self._service_mask = 0
        self._events = POWER_ON

    @property
    def service_mask(self) -> int:
        """Which bits of the status byte ask for service; the summary bit itself cannot be among them."""
        return self._service_mask

    @service_mask.setter
    def service_mask(self, mask: int) -> None:
        self._service_mask = mask & ~MASTER_SUMMARY

    def report(self, error: ScpiError) -> None:
        """Put an error into the queue and set the event bit of its class."""
        self.errors.put(error.record)
        self._events |= _event_of(error.number)

    def complete(self) -> None:
        """Note that all pending operations are done (*OPC)."""
        self._events |= OPERATION_COMPLETE

    def take_events(self) -> int:
        """Return the standard event register and clear it (*ESR?)."""
        events, self._events = self._events, 0
        return events

    def byte(self, *, message_available: bool) -> int:
        """Return the status byte."""
        value = (ERROR_AVAILABLE if len(self.errors) else 0) | (MESSAGE_AVAILABLE if message_available else 0)
        value |= EVENT_SUMMARY if self._events & self.event_mask else 0
        return value | (MASTER_SUMMARY if value & self._service_mask else 0)

    def clear(self) -> None:
        """Forget events and errors, keep the masks (*CLS)."""
        self._events = 0
        self.errors.clear()


def _event_of(number: int) -> int:
    if number <= -400:
        return QUERY_ERROR
    if number <= -300:
        return DEVICE_ERROR
    return EXECUTION_ERROR if number <= -200 else COMMAND_ERROR
