"""What every board and every monitor driver must keep to, as checks that run on a live driver.

Called by the contract tests and by `neurorig agent check`, on drivers in this process or in a child, ours or anyone's.
Not a test of accuracy: whether a driver tells the truth is for the calibrations to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from neurorig_protocols.errors import NeurorigError


class Broken(Exception):
    """A driver does not keep to the interface; the message says where."""


@dataclass(frozen=True)
class Finding:
    """One check and how it went."""

    check: str
    passed: bool
    sentence: str = ""


Check = tuple[str, Callable[[], None]]


def run_checks(subject: str, checks: Iterable[Check]) -> list[Finding]:
    """Run checks in order; one that fails does not stop the next."""
    return [_run_check(f"{subject}: {name}", check) for name, check in checks]


def _run_check(name: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except Broken as broken:
        return Finding(name, False, str(broken))
    except NeurorigError as error:
        hint = f" {error.next_step}" if error.next_step else ""
        return Finding(name, False, f"{error.message}.{hint}")
    except Exception as error:  # noqa: BLE001 - finding such a driver is what the check is for
        return Finding(name, False, f"{type(error).__name__} escaped, which is no NeurorigError: {error}")
    return Finding(name, True)


def require(condition: bool, sentence: str) -> None:
    """Raise Broken with a sentence unless a condition holds."""
    if not condition:
        raise Broken(sentence)


def refuses(what: str, call: Callable[[], object]) -> None:
    """Raise Broken unless a call raises a NeurorigError."""
    try:
        call()
    except NeurorigError:
        return
    except Exception as error:
        raise Broken(f"{what} raised {type(error).__name__}, which is no NeurorigError: {error}") from error
    raise Broken(f"{what} was not refused")
