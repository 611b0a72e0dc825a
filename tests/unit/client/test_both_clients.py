"""The blocking and the asyncio client offer the same, and their documentation is complete and its examples run."""

from __future__ import annotations

import asyncio
import doctest
import inspect
import re
import runpy
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from server_kit import launch

from neurorig import ApiError, AsyncClient, Client
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, Proposal

GENERATOR = Path(__file__).parents[3] / "client" / "generate.py"

OWN_OF_PYTHON = {"__enter__": "__aenter__", "__exit__": "__aexit__"}

PROPOSAL = Proposal(problem=MisProblem(n=10, density=0.05, seed=0), solution="/8A=", found_by="a", found_on="b")
ARGUMENTS = {
    "submit": (({"workload": {}},), {"idempotency_key": "k", "wait_for_bench": True}),
    "jobs": ((), {"page_size": 7, "state": "queued"}),
    "submit_campaign": (("c", {}, {"a": (1, 2)}), {"idempotency_key": "k"}),
    "campaigns": ((), {"page_size": 7, "name": "c", "owner": "o", "tag": "t"}),
    "comparisons": ((), {"page_size": 7, "name": "c", "owner": "o"}),
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
    """Parameters are equal; the answer is the same one, awaited or iterated."""
    blocking, asynchronous = getattr(Client, name), getattr(AsyncClient, name)
    answer = inspect.signature(blocking).return_annotation
    iterated = answer.startswith("Iterator[")

    assert parameters(blocking) == parameters(asynchronous)
    assert re.sub(r"^Iterator\[", "AsyncIterator[", answer) == inspect.signature(asynchronous).return_annotation
    assert inspect.iscoroutinefunction(asynchronous) == (not iterated and name != "__init__")


def test_the_generated_client_follows_its_source():
    """client.py is what the generator makes of aio.py."""
    command = [sys.executable, str(GENERATOR), "--check"]
    check = subprocess.run(command, capture_output=True, text=True, check=False)

    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize(
    ("asynchronous", "blocking"),
    [
        ("    async def f(self):\n        return await self.g()\n", "    def f(self):\n        return self.g()\n"),
        ("async with AsyncClient(url) as client:\n", "with Client(url) as client:\n"),
        ("[job async for job in client.jobs()]\n", "[job for job in client.jobs()]\n"),
        ("x = await asyncio.to_thread(named, content, name)\n", "x = named(content, name)\n"),
        ("import asyncio\nawait asyncio.sleep(pause_s)\n", "time.sleep(pause_s)\n"),
        ("    for item in page.items:\n        yield item\n", "    yield from page.items\n"),
        ("def f() -> AsyncIterator[int]:\n", "def f() -> Iterator[int]:\n"),
        ("await self._http.aclose()\n", "self._http.close()\n"),
    ],
)
def test_generator_makes_code_blocking(asynchronous, blocking):
    """Each construct of the asynchronous client has its blocking counterpart."""
    assert runpy.run_path(str(GENERATOR))["blocking"](asynchronous) == blocking


@pytest.mark.parametrize("code", ["asyncio.gather(a, b)", "AsyncExitStack()", "async  def f():", "asynchronous"])
def test_generator_refuses_what_it_has_no_rule_for(code):
    """Something asynchronous that no rule covers stops the generator, so that it cannot write a wrong client."""
    found = runpy.run_path(str(GENERATOR))
    with pytest.raises(found["NotBlocking"]):
        found["blocking"](code)


@pytest.mark.parametrize("name", sorted(public(Client) - {"server"}))
def test_documentation_names_every_argument(name):
    """A method's docstring has a line for each of its parameters, and one for what it returns or raises."""
    method = getattr(Client, name)
    text = inspect.getdoc(method)
    names = [f"{p.name}:" for p in parameters(method) if p.name != "self"]

    assert [wanted for wanted in names if f"\n    {wanted}" not in text.replace("**", "")] == []
    assert not names or "Args:\n" in text


def test_examples_of_the_client_run(tmp_path):
    """The doctests of the blocking client give what they say against a real server."""
    server = launch(tmp_path)
    try:
        with Client(server.url, server.token) as client:
            finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner()
            for example in finder.find(Client, "Client", globs={"client": client}):
                runner.run(example)
    finally:
        assert server.stop() == 0

    assert runner.failures == 0
    assert runner.tries >= 10


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
