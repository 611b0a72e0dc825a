"""Finds drivers by the name that a bench file gives them, through the entry points of installed distributions.

Anyone's distribution may add drivers to the groups `neurorig.boards` and `neurorig.monitors`. Not for running them
apart from the agent: that is `host.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Literal, cast

from neurorig_drivers.interface import BoardDriver, PowerMonitor
from neurorig_protocols.bench import BoardConfig, MonitorConfig
from neurorig_protocols.errors import DriverMissing

Role = Literal["board", "monitor"]

_GROUPS: dict[Role, str] = {"board": "neurorig.boards", "monitor": "neurorig.monitors"}
_OURS = "neurorig"


def known(role: Role) -> tuple[str, ...]:
    """Return the names of all installed drivers of a role, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=_GROUPS[role])}))


def board_class(name: str) -> Callable[[BoardConfig], BoardDriver]:
    """Return the class of a board driver; DriverMissing when there is none or its library is not installed."""
    return cast("Callable[[BoardConfig], BoardDriver]", _load("board", name))


def monitor_class(name: str) -> Callable[[MonitorConfig], PowerMonitor]:
    """Return the class of a monitor driver; DriverMissing when there is none or its library is not installed."""
    return cast("Callable[[MonitorConfig], PowerMonitor]", _load("monitor", name))


def _load(role: Role, name: str) -> object:
    found = entry_points(group=_GROUPS[role], name=name)
    if not found:
        raise DriverMissing(
            f"no {role} driver is called '{name}'",
            where=f"{role}.driver",
            next_step=f"Name one of {', '.join(known(role)) or 'none that is installed'}, or install the one you mean.",
            known=list(known(role)),
        )
    point = next(iter(found))
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise missing_library(role, name, error) from error


def missing_library(role: Role, name: str, error: ImportError | AttributeError) -> DriverMissing:
    """Return the failure that says what to install so that a driver can be imported."""
    point = next(iter(entry_points(group=_GROUPS[role], name=name)), None)
    what = getattr(error, "name", None) or "a part of it"
    return DriverMissing(
        f"the {role} driver '{name}' cannot be loaded, '{what}' is missing: {error}",
        where=f"{role}.driver",
        next_step=_install_command(point),
    )


def _install_command(point: EntryPoint | None) -> str:
    distribution = point.dist.name if point is not None and point.dist is not None else _OURS
    if distribution == _OURS:
        return "pip install neurorig[agent]"
    return f"Install the libraries that the package '{distribution}' asks for its drivers."
