"""The error queue and the status registers keep what IEEE 488.2 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.wire.scpi.status import (
    COMMAND_ERROR,
    DEVICE_ERROR,
    ERROR_AVAILABLE,
    EVENT_SUMMARY,
    EXECUTION_ERROR,
    MASTER_SUMMARY,
    MESSAGE_AVAILABLE,
    OPERATION_COMPLETE,
    POWER_ON,
    QUERY_ERROR,
    TEXTS,
    ErrorQueue,
    ScpiError,
    Status,
    format_record,
    parse_record,
)

RECORDS = [
    ((0, "No error"), '+0,"No error"'),
    ((-113, "Undefined header;FOO?"), '-113,"Undefined header;FOO?"'),
    ((-102, 'Syntax error;A "x'), '-102,"Syntax error;A ""x"'),
]


@pytest.mark.parametrize(("record", "text"), RECORDS)
def test_an_error_and_its_text_belong_together(record: tuple[int, str], text: str) -> None:
    """Each case holds from error to answer and back."""
    assert format_record(record) == text
    assert parse_record(text) == record


@pytest.mark.parametrize("text", ["", "0", "No error", '0,"a', "0,a", '0,"a"b"'])
def test_what_is_no_error_answer_is_refused(text: str) -> None:
    """A reader is told that the instrument answered something else."""
    with pytest.raises(ValueError, match="SYSTem:ERRor"):
        parse_record(text)


@given(st.integers(-999_999_999, 999_999_999), st.text())
def test_every_error_survives_its_text(number: int, text: str) -> None:
    """Writing and reading gives the same number and text."""
    assert parse_record(format_record((number, text))) == (number, text)


def test_errors_are_read_oldest_first() -> None:
    """A queue gives each error once, and then says that there is none."""
    queue = ErrorQueue()
    queue.put(ScpiError(-113, "A").record)
    queue.put(ScpiError(-222).record)

    assert [queue.take(), queue.take(), queue.take()] == [
        (-113, "Undefined header;A"), (-222, "Data out of range"), (0, "No error"),
    ]  # fmt: skip


def test_a_full_queue_says_so_in_its_newest_entry() -> None:
    """The oldest errors stay, the newest becomes -350, and nothing grows."""
    queue = ErrorQueue(depth=3)
    for _ in range(10):
        queue.put((-100, "x"))

    assert [queue.take()[0] for _ in range(4)] == [-100, -100, -350, 0]


@pytest.mark.parametrize(
    ("number", "bit"),
    [(n, COMMAND_ERROR) for n in TEXTS if -199 <= n <= -100]
    + [(n, EXECUTION_ERROR) for n in TEXTS if -299 <= n <= -200]
    + [(n, DEVICE_ERROR) for n in TEXTS if -399 <= n <= -300]
    + [(n, QUERY_ERROR) for n in (-410, -420)],
)
def test_each_error_sets_the_event_bit_of_its_class(number: int, bit: int) -> None:
    """Reporting an error is seen in *ESR? once, and in the queue."""
    status = Status()
    status.clear()
    status.report(ScpiError(number))

    assert (status.take_events(), status.take_events()) == (bit, 0)
    assert status.errors.take()[0] == number


def test_a_fresh_instrument_has_seen_the_power_come_on() -> None:
    """The power-on event is there until it is read."""
    assert Status().take_events() == POWER_ON


def test_the_status_byte_sums_up() -> None:
    """Errors, a waiting message and enabled events show, and ask for service where the mask lets them."""
    status = Status()
    status.clear()
    assert status.byte(message_available=False) == 0
    assert status.byte(message_available=True) == MESSAGE_AVAILABLE

    status.report(ScpiError(-222))
    assert status.byte(message_available=False) == ERROR_AVAILABLE
    status.event_mask = EXECUTION_ERROR
    assert status.byte(message_available=False) == ERROR_AVAILABLE | EVENT_SUMMARY
    status.service_mask = 0xFF
    assert status.service_mask == 0xFF & ~MASTER_SUMMARY
    assert status.byte(message_available=False) == ERROR_AVAILABLE | EVENT_SUMMARY | MASTER_SUMMARY

    status.clear()
    status.complete()
    assert (status.event_mask, status.take_events()) == (EXECUTION_ERROR, OPERATION_COMPLETE)
