"""The clockwork behind the requests: ends overdue leases, resumes analyses, clears old uploads."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from starlette.concurrency import run_in_threadpool

from neurorig_server.services import Services

log = logging.getLogger(__name__)

CLEAN_S = 3600.0
"""Time between two searches for uploads that nobody goes on with."""


async def sweep(services: Services) -> None:
    """Run until cancelled. Whatever a turn raises is logged: without the sweeper no lease would ever end."""
    cleaned = monotonic() - CLEAN_S
    while True:
        try:
            await _turn(services)
            if monotonic() - cleaned >= CLEAN_S:
                await run_in_threadpool(_clean, services)
                cleaned = monotonic()
        except Exception:
            log.exception("the sweeper's turn failed")
        await asyncio.sleep(services.settings.sweep_s)


def _clean(services: Services) -> None:
    services.uploads.clean()
    if left := services.intake.clean():
        log.info("%d staged files of uploads that nobody goes on with were removed", left)


async def _turn(services: Services) -> None:
    for expired in await run_in_threadpool(services.store.leases.expire):
        services.metrics.lease_expiries.inc()
        log.warning(
            "attempt %s on bench %s is lost, its job is %s", expired.attempt_id, expired.bench, expired.job_state
        )
    await services.analyst.resume()
