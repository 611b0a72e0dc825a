"""Why the worker will not do something, in the shape of an ErrorRecord; its class lives in the other environment."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """`code` is one of neurorig_protocols.errors; whoever reads the record there raises the right class."""

    def __init__(self, code: str, fault: str, message: str, next_step: str = "", **detail: Any) -> None:
        super().__init__(message)
        self.record = {
            "code": code,
            "fault": fault,
            "retryable": False,
            "message": message,
            "where": "SANA-FE",
            "next_step": next_step or None,
            "detail": detail,
        }


def wrong_architecture(what: str) -> Refused:
    """Return the refusal of an architecture file."""
    return Refused(
        "invalid_config",
        "user",
        f"the architecture file is not usable: {what}",
        "A usable file has one kind of tile with one kind of core, as SANA-FE's own loihi.yaml has.",
    )
