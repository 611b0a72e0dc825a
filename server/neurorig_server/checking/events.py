"""The check of uploaded input events: read whole, and kept as they came."""

from __future__ import annotations

from neurorig_protocols.events import parse_events
from neurorig_server.checking import registry


def check(content: bytes, options: registry.Options) -> registry.Checked:  # noqa: ARG001 - every check has these
    """Read the events; UserError names the place and the reason."""
    return registry.Checked(dict(parse_events(content).facts()))
