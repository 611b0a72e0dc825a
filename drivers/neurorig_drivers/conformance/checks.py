"""What every board and every monitor driver must keep to, as checks that run on a live driver.

Called by the contract tests and by `neurorig agent check`, on drivers in this process or in a child, ours or anyone's.
Not a test of accuracy: whether a driver tells the truth is for the calibrations to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from neurorig_drivers.interface import BoardDriver, PowerMonitor
from neurorig_protocols.errors import DriverCrashed, DriverTimeout, NeurorigError


class Broken(Exception):
    """A driver does not keep to the interface; the message says where."""


@dataclass(frozen=True)
class Finding:
    """One check and how it went."""

    check: str
    passed: bool
    sentence: str = ""


Check = tuple[str, Callable[[], None]]


CRASHES = (DriverCrashed, DriverTimeout)
"""A driver whose process ended has not refused anything: an error that it did not foresee escaped, or it hung."""


def run_checks(subject: str, checks: Iterable[Check]) -> list[Finding]:
    """Run checks in order.

    A check that fails does not stop the next, unless the driver's process has ended with it: what follows could only
    fail likewise, and would blame another verb.
    """
    findings: list[Finding] = []
    for name, check in checks:
        found, crashed = _run_check(f"{subject}: {name}", check)
        findings.append(found)
        if crashed:
            return findings
    return findings


def _run_check(name: str, check: Callable[[], None]) -> tuple[Finding, bool]:
    try:
        check()
    except CRASHES as crash:
        return Finding(name, False, _crash_text(crash)), True
    except Broken as broken:
        return Finding(name, False, str(broken)), False
    except NeurorigError as error:
        return Finding(name, False, _error_text(error)), False
    except Exception as error:  # noqa: BLE001 - finding such a driver is what the check is for
        return Finding(name, False, f"{type(error).__name__} escaped, which is not a NeurorigError: {error}"), False
    return Finding(name, True), False


def _error_text(error: NeurorigError) -> str:
    return f"{error.message}. {error.next_step}" if error.next_step else f"{error.message}."


def _crash_text(crash: NeurorigError) -> str:
    """Return the failure with the driver's last lines, which hold the traceback; the checks after it are not run."""
    lines = [str(line) for line in crash.detail.get("stderr", ())]
    return "\n".join([f"{crash.message}. The checks after this one were not run.", *(f"    {line}" for line in lines)])


def require(condition: bool, sentence: str) -> None:
    """Raise Broken with a sentence unless a condition holds."""
    if not condition:
        raise Broken(sentence)


def refuses(what: str, call: Callable[[], object]) -> None:
    """Raise Broken unless a call raises a NeurorigError that is a refusal; a crash of the driver is passed on."""
    try:
        call()
    except CRASHES:
        raise
    except NeurorigError:
        return
    except Exception as error:
        raise Broken(f"{what} raised {type(error).__name__}, which is not a NeurorigError: {error}") from error
    raise Broken(f"{what} was not refused")


def close_driver(driver: BoardDriver | PowerMonitor) -> None:
    """Close a driver; the process of a hosted one goes on, so that what follows is the driver's own answer."""
    close = getattr(driver, "close_driver", None) or driver.close
    close()
