"""The blocking and the asyncio client offer the same, word for word."""

from __future__ import annotations

import asyncio
import inspect
import re
from datetime import UTC, datetime

import pytest

from neurorig import ApiError, AsyncClient, Client
from neurorig_protocols.benchmarks.targets import MisProblem, Proposal

OWN_OF_PYTHON = {"__enter__": "__aenter__", "__exit__": "__aexit__"}

PROPOSAL = Proposal(problem=MisProblem(n=10, density=0.05, seed=0), solution="/8A=", found_by="a", found_on="b")
ARGUMENTS = {
    "submit": (({"workload": {}},), {"idempotency_key": "k", "wait_for_bench": True}),
    "jobs": ((), {"page_size": 7, "state": "queued"}),
    "submit_campaign": (("c", {}, {"a": (1, 2)}), {"idempotency_key": "k"}),
    "compare": (({"job": "a"}, {"job": "b"}), {"name": "n", "idempotency_key": "k"}),
    "targets": ((), {"n": 250}),
    "propose_target": ((PROPOSAL,), {}),
    "declare_tuning": (({"params": {}},), {"idempotency_key": "k"}),
    "tunings": ((), {"page_size": 7}),
    "open_evaluation": (("qubo-mis",), {"comment": "c", "idempotency_key": "k"}),
    "freeze_evaluation": (("r", "sha256:0"), {"nonce": "00", "idempotency_key": "k"}),
    "evaluations": ((), {"page_size": 7}),
    "submit_evaluation": (("r", {"scenario": {}}), {"idempotency_key": "k", "wait_for_bench": True}),
    "benches": ((), {}),
    "energies": ((), {"group_by": ("phase", "board"), "reality": "virtual"}),
    "trace": (("a", "meter"), {"points": 7}),
    "trace_parquet": (("a", "meter"), {}),
    "upload": ((b"{}",), {"kind": "qubo", "name": "n", "form": "coo", "decimals": 3}),
    "files": ((), {"page_size": 7, "kind": "nir"}),
    "tokens": ((), {}),
    "create_token": (("t", ["read"]), {"bench": "b", "expires_at": datetime(2099, 1, 1, tzinfo=UTC)}),
    "wait": ((["a", "b"],), {}),
}
"""What a method is called with; one that is not here takes the identity of a thing."""
LOCAL = {"close", "send", "server"}


def public(kind):
    """The names that users of a client call."""
    return {name for name in vars(kind) if not name.startswith("_")}


def parameters(function):
    """What a method takes: names, kinds, defaults and types, in order."""
    return list(inspect.signature(function).parameters.values())


def test_both_have_the_same_methods():
    """What one client can do the other can too."""
    assert public(Client) == public(AsyncClient)
    assert len(public(Client)) > 35
    for blocking, asynchronous in OWN_OF_PYTHON.items():
        assert (blocking in vars(Client), asynchronous in vars(AsyncClient)) == (True, True)


@pytest.mark.parametrize("name", ["__init__", *sorted(public(Client) - {"server"})])
def test_method_takes_and_returns_the_same(name):
    """Parameters and documentation are equal; the answer is the same one, awaited or iterated."""
    blocking, asynchronous = getattr(Client, name), getattr(AsyncClient, name)
    answer = inspect.signature(blocking).return_annotation
    iterated = answer.startswith("Iterator[")

    assert parameters(blocking) == parameters(asynchronous)
    assert re.sub(r"^Iterator\[", "AsyncIterator[", answer) == inspect.signature(asynchronous).return_annotation
    assert inspect.getdoc(blocking) == inspect.getdoc(asynchronous)
    assert inspect.iscoroutinefunction(asynchronous) == (not iterated and name != "__init__")


def test_server_is_said_by_both(stand_in):
    """Each client knows where it is connected to."""
    with Client(stand_in.url) as client:
        assert client.server == stand_in.url
    assert AsyncClient(stand_in.url).server == stand_in.url


@pytest.mark.parametrize("name", sorted(public(Client) - LOCAL))
def test_method_asks_the_server_for_the_same(stand_in, name):
    """Method, path, query, body and key of the request are equal, and so is a server's refusal."""
    args, options = ARGUMENTS.get(name, (("some id",), {}))
    stand_in.answer = lambda *_: (404, {"title": "Not Found", "status": 404, "detail": "nothing", "code": "not_found"})

    async def asynchronously():
        async with AsyncClient(stand_in.url) as client:
            answer = getattr(client, name)(*args, **options)
            return await answer if inspect.iscoroutine(answer) else [item async for item in answer]

    def blockingly():
        with Client(stand_in.url) as client:
            return list(getattr(client, name)(*args, **options))

    with pytest.raises(ApiError) as blocking:
        blockingly()
    with pytest.raises(ApiError) as asynchronous:
        asyncio.run(asynchronously())

    first, second = (_essence(request) for request in stand_in.requests)
    assert first == second
    assert blocking.value.as_dict() == asynchronous.value.as_dict()


def _essence(request):
    headers = {k: v for k, v in request["headers"].items() if k in ("Idempotency-Key", "Content-Type", "Accept")}
    return {**request, "headers": headers}
