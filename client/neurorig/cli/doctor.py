"""`neurorig doctor`: address, server, version and token, checked in this order. Changes nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import version

import click
import httpx

from neurorig import calls
from neurorig.calls import Call
from neurorig.cli import tables
from neurorig.cli.terminal import EXIT_UNREACHABLE, Terminal, with_terminal
from neurorig.client import Client
from neurorig.errors import ApiError, ClientError


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, and what was seen."""

    check: str
    well: bool
    seen: str


# A request that only its scope can refuse: it is malformed, so a permitted one changes nothing either.
_PROBES: tuple[tuple[str, str, str], ...] = (
    ("read", "GET", "jobs?limit=1"),
    ("submit", "POST", "jobs"),
    ("agent", "POST", "leases"),
    ("admin", "GET", "tokens"),
)


def examine(client: Client) -> list[Finding]:
    """Check one thing after the other; without a server there is nothing more to check."""
    findings = [Finding("client", True, f"neurorig {version('neurorig')}"), _server(client)]
    if not findings[-1].well:
        return findings
    scopes = [scope for scope, method, path in _PROBES if _permits(client, method, path)]
    return [*findings, _ready(client), _token(scopes), _benches(client, "read" in scopes)]


def _server(client: Client) -> Finding:
    try:
        answer = client.send(calls.health("/healthz"))
    except ClientError as error:
        return Finding("server", False, error.message)
    told = ", ".join(f"{key} {value}" for key, value in answer.items())
    return Finding("server", True, f"{client.server}: {told}")


def _ready(client: Client) -> Finding:
    try:
        client.send(calls.health("/readyz"))
    except ClientError as error:
        return Finding("ready", False, error.message)
    return Finding("ready", True, "database and trace store answer")


def _permits(client: Client, method: str, path: str) -> bool:
    probe: Call[httpx.Response] = Call(
        method, f"{calls.API}/{path}", lambda response: response, body={} if method == "POST" else None
    )
    try:
        client.send(probe)
    except ApiError as error:
        return error.status not in (401, 403)
    return True


def _token(scopes: list[str]) -> Finding:
    if scopes:
        return Finding("token", True, f"may {', '.join(scopes)}")
    return Finding("token", False, "the server accepts no token from here; set NEURORIG_TOKEN or --token-file")


def _benches(client: Client, may_read: bool) -> Finding:
    if not may_read:
        return Finding("benches", False, "not looked at: the token may not read")
    found = client.benches()
    online = [bench.name for bench in found if bench.state != "offline"]
    return Finding("benches", bool(online), f"{len(online)} of {len(found)} online: {', '.join(online) or 'none'}")


@click.command()
@with_terminal
def doctor(terminal: Terminal) -> None:
    """Check the server's address, the server and the token, without changing anything."""
    with terminal.client() as client:
        findings = examine(client)
    data = {"checks": [{"check": f.check, "well": f.well, "seen": f.seen} for f in findings]}
    terminal.show(data, tables.checks((f.check, f.well, f.seen) for f in findings))
    if not all(finding.well for finding in findings):
        sys.exit(EXIT_UNREACHABLE)
