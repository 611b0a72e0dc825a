"""SCPI errors and the IEEE 488.2 status registers: standard numbers, the error queue, masks, the status byte."""

from __future__ import annotations

import re
from collections import deque
from types import MappingProxyType

# SCPI-1999 volume 2, chapter 21.8: the numbers that an instrument without sub-systems of its own needs.
TEXTS = MappingProxyType(
    {
        0: "No error",
        -100: "Command error",
        -101: "Invalid character",
        -102: "Syntax error",
        -104: "Data type error",
        -108: "Parameter not allowed",
        -109: "Missing parameter",
        -113: "Undefined header",
        -114: "Header suffix out of range",
        -131: "Invalid suffix",
        -161: "Invalid block data",
        -200: "Execution error",
        -211: "Trigger ignored",
        -213: "Init ignored",
        -221: "Settings conflict",
        -222: "Data out of range",
        -224: "Illegal parameter value",
        -230: "Data corrupt or stale",
        -300: "Device-specific error",
        -350: "Queue overflow",
        -363: "Input buffer overrun",
        -410: "Query INTERRUPTED",
        -420: "Query UNTERMINATED",
    }
)
"""Number -> text of every error this core can report."""

_RECORD = re.compile(r'\s*([+-]?\d{1,9})\s*,\s*"((?:[^"]|"")*)"\s*')


class ScpiError(Exception):
    """A command could not be done: a standard number, and what exactly was wrong.

    `number` must be a key of TEXTS; `what` is appended to the standard text after a semicolon.
    """

    def __init__(self, number: int, what: str = "") -> None:
        super().__init__(f"{TEXTS[number]};{what}" if what else TEXTS[number])
        self.number = number

    @property
    def record(self) -> tuple[int, str]:
        """Number and text, as SYSTem:ERRor? answers them."""
        return self.number, str(self)

    @property
    def ends_message(self) -> bool:
        """Whether the rest of the program message is thrown away: after -1xx nobody knows what was meant."""
        return -199 <= self.number <= -100


class ErrorQueue:
    """The errors that nobody has read yet, oldest first. When it is full, the newest entry says so."""

    def __init__(self, depth: int = 20) -> None:
        self._depth = depth
        self._records: deque[tuple[int, str]] = deque()

    def __len__(self) -> int:
        return len(self._records)

    def put(self, record: tuple[int, str]) -> None:
        """Append an error, or mark the overflow."""
        if len(self._records) < self._depth:
            self._records.append(record)
        else:
            self._records[-1] = (-350, TEXTS[-350])

    def take(self) -> tuple[int, str]:
        """Remove and return the oldest error; (0, "No error") when there is none."""
        return self._records.popleft() if self._records else (0, TEXTS[0])

    def clear(self) -> None:
        """Forget all errors."""
        self._records.clear()


def format_record(record: tuple[int, str]) -> str:
    """Write an error as SYSTem:ERRor? answers it: `-113,"Undefined header;FOO?"`."""
    number, text = record
    return '{:+d},"{}"'.format(number, text.replace('"', '""'))


def parse_record(text: str) -> tuple[int, str]:
    """Read an answer of SYSTem:ERRor?; ValueError when it is none."""
    if (match := _RECORD.fullmatch(text)) is None:
        raise ValueError(f"'{text[:80]}' is no answer to SYSTem:ERRor?")
    return int(match[1]), match[2].replace('""', '"')


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
