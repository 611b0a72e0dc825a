"""Brings finished attempts from the spool to the server, after an attempt and after a restart alike."""

from __future__ import annotations

import logging

from neurorig_agents import spool as journal
from neurorig_agents.server_client import ServerClient, ServerRefused, ServerUnreachable
from neurorig_agents.spool import AttemptFolder, Recovery, Spool
from neurorig_protocols.errors import ErrorRecord, InfraError, LeaseLost
from neurorig_protocols.report import AttemptReport

_log = logging.getLogger(__name__)

_FINAL_STATUS = (400, 404, 409, 413, 422)
"""Answers that will be the same tomorrow. Others, such as a refused token, are the operator's to mend first."""

_MENDABLE = "protocol_mismatch"

RESTARTED = ErrorRecord(
    code="agent_restarted",
    fault="infra",
    retryable=True,
    message="the agent ended during the attempt",
    where="agent",
    next_step="Nothing is to be done: another attempt is made.",
)


def deliver_all(spool: Spool, client: ServerClient) -> None:
    """Bring everything that waits to the server; ServerUnreachable leaves the rest where it is."""
    for folder in spool.waiting():
        deliver(spool, folder, client)


def deliver(spool: Spool, folder: AttemptFolder, client: ServerClient) -> None:
    """Bring one attempt to the server, or what is to be said of it, and forget it.

    Raises ServerUnreachable or ServerRefused when it must wait; what can never be delivered is set aside.
    """
    try:
        action = journal.recover(folder.path)
        if action is Recovery.CLOSE:
            folder.keep_report(AttemptReport(fence=folder.lease.fence, outcome="failed", error=RESTARTED))
        if action is not Recovery.REMOVE:
            _send(folder, client)
            folder.step(journal.ACCEPTED)
    except LeaseLost as lost:
        # The server has kept the report as evidence; its result belongs to another attempt.
        _log.warning("attempt %s came too late: %s", folder.path.name, lost.message)
    except ServerUnreachable:
        raise
    except (ServerRefused, InfraError) as error:
        if isinstance(error, ServerRefused) and not _is_final(error):
            raise
        kept = spool.set_aside(folder)
        _log.error("attempt %s cannot be delivered (%s), kept in %s", folder.path.name, error.message, kept)
        return
    spool.remove(folder)


def _is_final(refused: ServerRefused) -> bool:
    return refused.status in _FINAL_STATUS and refused.detail["problem"] != _MENDABLE


def _send(folder: AttemptFolder, client: ServerClient) -> None:
    lease, report = folder.lease, folder.report
    try:
        for trace in report.traces:
            folder.step(f"upload {trace.monitor}")
            path = folder.trace_path(trace.monitor)
            client.upload_trace(lease.attempt_id, lease.fence, trace.digest, path)
    except LeaseLost:
        _log.warning("the traces of attempt %s came too late", lease.attempt_id)
    except FileNotFoundError as error:
        raise InfraError(f"a trace of attempt {lease.attempt_id} is gone: {error}", where="spool") from error
    folder.step("send report")
    client.report(lease.attempt_id, report)
