"""The asyncio client: the same requests and the same errors, as coroutines."""

from __future__ import annotations

import asyncio

import pytest

from neurorig import ApiError, AsyncClient, Unreachable, calls


def test_submit_list_and_wait(stand_in, bodies):
    """A job is submitted, listed over pages, cancelled, waited for, and its attempt and energy are read."""
    stand_in.add_job("j1", "queued", "running", "succeeded")
    stand_in.add_job("j2", "succeeded")
    stand_in.answers |= {
        "POST /api/v1/jobs": (201, bodies.job("j1")),
        "POST /api/v1/jobs/j1/cancel": (202, bodies.job("j1", "cancelling")),
        "GET /api/v1/attempts/a1": (200, bodies.attempt("a1")),
        "GET /api/v1/attempts/a1/energy": (200, {"absent": "no monitor"}),
        "GET /healthz": (200, {"status": "ok"}),
    }

    async def use():
        async with AsyncClient(stand_in.url) as client:
            job = await client.submit({"workload": {"name": "mnist-digits"}}, idempotency_key="k")
            listed = [found.id async for found in client.jobs(page_size=1)]
            seen = []
            ended = await client.wait([job.id], seen.append, poll_s=0.001)
            return (
                listed,
                [s.state for s in seen],
                [e.state for e in ended],
                (await client.cancel("j1")).state,
                (await client.attempt("a1")).id,
                (await client.energy("a1")).absent,
                await client.send(calls.health("/healthz")),
            )

    assert asyncio.run(use()) == (
        ["j1", "j2"],
        ["queued", "running", "succeeded"],
        ["succeeded"],
        "cancelling",
        "a1",
        "no monitor",
        {"status": "ok"},
    )


def test_errors_are_the_same(stand_in):
    """A refusal is an ApiError, a missing server is Unreachable, also while waiting."""

    async def refuse():
        async with AsyncClient(stand_in.url) as client:
            await client.job("nowhere")

    async def miss():
        async with AsyncClient(stand_in.url) as client:
            await client.wait(["a"], patience_s=0)

    with pytest.raises(ApiError):
        asyncio.run(refuse())
    stand_in.stop()
    with pytest.raises(Unreachable):
        asyncio.run(miss())


def test_wait_survives_a_restart(stand_in):
    """The asynchronous wait goes on through an outage as well."""
    stand_in.add_job("a", "running")

    async def wait():
        async with AsyncClient(stand_in.url) as client:
            waiter = asyncio.create_task(client.wait(["a"], poll_s=0.01))
            await asyncio.to_thread(stand_in.wait_for_request, "/api/v1/jobs/a")
            await asyncio.to_thread(stand_in.stop)
            stand_in.add_job("a", "succeeded")
            await asyncio.to_thread(stand_in.start)
            return await asyncio.wait_for(waiter, 20)

    assert [job.state for job in asyncio.run(wait())] == ["succeeded"]
