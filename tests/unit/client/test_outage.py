"""Requests whose answer is lost: what has a key is sent again and done once, nothing else is."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time

import pytest

from neurorig import AsyncClient, Client, Unreachable
from neurorig.connection import LONGEST_PAUSE_S, Outage, Resend
from neurorig.errors import Unreachable as Failure

AT = "2026-11-21T08:00:00Z"
SPEC = {"workload": {"name": "mnist-digits", "count": 5}}
CAMPAIGN = {"id": "c1", "jobs": ["j1"], "count": 1}
ROUND = {
    "id": "r1", "benchmark": "qubo-mis", "state": "open", "owner": "a", "opened_at": AT,
    "commitment": "sha256:" + "0" * 64,
}  # fmt: skip
TUNING = {"digest": "sha256:" + "1" * 64, "declaration": {}, "owner": "a", "created_at": AT}
COMPARISON = {
    "id": "k1", "name": "", "created_at": AT, "left": {"job": "a"}, "right": {"job": "b"},
    "result": {"left": [], "right": [], "pairs": [], "totals": [], "pending": 0, "unpaired": []},
}  # fmt: skip

KEYED = {
    "submit": ("/api/v1/jobs", (SPEC,), {}),
    "submit_campaign": ("/api/v1/campaigns", ("c", SPEC, {"workload.count": [1]}), {}),
    "compare": ("/api/v1/comparisons", ({"job": "a"}, {"job": "b"}), {}),
    "declare_tuning": ("/api/v1/tunings", ({"params": {}},), {}),
    "open_evaluation": ("/api/v1/evaluations", (), {}),
    "freeze_evaluation": ("/api/v1/evaluations/r1/freeze", ("r1", TUNING["digest"]), {"nonce": "00"}),
    "submit_evaluation": ("/api/v1/evaluations/r1/jobs", ("r1", {}), {}),
}
"""Every method that makes something with a key: where it posts to, and arguments."""

ANSWERS = {
    "submit_campaign": CAMPAIGN, "submit_evaluation": CAMPAIGN, "open_evaluation": ROUND, "freeze_evaluation": ROUND,
    "declare_tuning": TUNING, "compare": COMPARISON,
}  # fmt: skip


@pytest.fixture(params=["blocking", "asyncio"])
def call(request, stand_in):
    """Call a method of either client on the stand-in server."""

    def blocking(name, *args, retry_s=20.0, **options):
        with Client(stand_in.url, retry_s=retry_s) as client:
            return getattr(client, name)(*args, **options)

    def asynchronous(name, *args, retry_s=20.0, **options):
        async def use():
            async with AsyncClient(stand_in.url, retry_s=retry_s) as client:
                return await getattr(client, name)(*args, **options)

        return asyncio.run(use())

    return blocking if request.param == "blocking" else asynchronous


@pytest.mark.parametrize("name", KEYED)
def test_lost_answer_is_asked_for_again(stand_in, bodies, call, name):
    """After a lost connection the very same request comes again under the same key, and its answer is returned."""
    path, args, options = KEYED[name]
    made = ANSWERS.get(name, bodies.job("j1"))
    stand_in.answers[f"POST {path}"] = 201, made
    stand_in.to_lose = 1

    found = call(name, *args, **options)
    first, second = stand_in.requests

    assert (getattr(found, "digest", None) or found.id) == (made.get("digest") or made["id"])
    assert (first["path"], second["path"], second["body"]) == (path, path, first["body"])
    assert first["headers"]["Idempotency-Key"] == second["headers"]["Idempotency-Key"]


def test_every_method_that_takes_a_key_is_looked_at():
    """No method with a key is left out of the test above."""
    takes = {
        n
        for n, m in inspect.getmembers(Client, inspect.isfunction)
        if "idempotency_key" in inspect.signature(m).parameters
    }

    assert takes == set(KEYED)


@pytest.mark.parametrize("name", KEYED)
def test_key_of_ones_own_is_sent(stand_in, bodies, call, name):
    """Whoever brings a key can repeat the call later, from another program too."""
    path, args, options = KEYED[name]
    stand_in.answers[f"POST {path}"] = 201, ANSWERS.get(name, bodies.job("j1"))

    call(name, *args, idempotency_key="mine", **options)

    assert [request["headers"]["Idempotency-Key"] for request in stand_in.requests] == ["mine"]


def test_gateway_without_a_server_is_borne(stand_in, bodies, call):
    """While a gateway says that the server is away, the request is sent again."""
    answers = [(503, b"away"), (502, b"away"), (201, bodies.job("j1"))]
    stand_in.answer = lambda *_: answers.pop(0)

    assert call("submit", SPEC).id == "j1"
    assert len({request["headers"]["Idempotency-Key"] for request in stand_in.requests}) == 1


def test_server_that_restarts_in_between_is_borne(stand_in, bodies, call):
    """A connection refused after the loss does not end the tries."""
    stand_in.answers["POST /api/v1/jobs"] = 201, bodies.job("j1")
    stand_in.to_lose = 1

    def restart():
        stand_in.wait_for_request("/api/v1/jobs")
        stand_in.stop()
        stand_in.start()

    other = threading.Thread(target=restart)
    other.start()
    found = call("submit", SPEC)
    other.join()

    assert found.id == "j1"


@pytest.mark.parametrize(("name", "args"), [("cancel", ("j1",)), ("create_token", ("t", ["read"])), ("job", ("j1",))])
def test_what_has_no_key_is_sent_once(stand_in, call, name, args):
    """A second token would be another token: without a key the loss is the caller's to judge."""
    stand_in.to_lose = 1

    with pytest.raises(Unreachable):
        call(name, *args)

    assert len(stand_in.requests) == 1


def test_nobody_there_is_said_at_once(stand_in, call):
    """Where no connection was made nothing was lost, and nothing is waited for."""
    stand_in.stop()
    began_s = time.monotonic()

    with pytest.raises(Unreachable, match=stand_in.url):
        call("submit", SPEC, retry_s=600)

    assert time.monotonic() - began_s < 60


def test_patience_ends(stand_in, call):
    """A server that never answers is told as what it is, and that nobody knows what it did."""
    stand_in.to_lose = 1000

    with pytest.raises(Unreachable) as failure:
        call("submit", SPEC, retry_s=0)

    assert len(stand_in.requests) == 1
    assert "may have been done" in failure.value.next_step


def test_pauses_double_and_an_answer_ends_the_outage():
    """Pauses grow from 0.2 to 5 seconds, and start anew with the next outage."""
    outage = Outage(patience_s=1e9)
    pauses = [outage.pause_s(Failure("gone"), k) for k in range(8)]
    outage.end()

    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, *[LONGEST_PAUSE_S] * 3]
    assert outage.pause_s(Failure("gone"), 100) == 0.2


def test_only_what_may_be_repeated_and_was_sent_is():
    """Both must hold; once something was sent, a refused connection does not matter any more."""
    lost, refused = Failure("lost"), Failure("refused", was_sent=False)

    with pytest.raises(Failure):
        Resend(10, repeatable=False).pause_s(lost, 0)
    with pytest.raises(Failure):
        Resend(10, repeatable=True).pause_s(refused, 0)
    resend = Resend(10, repeatable=True)
    assert [resend.pause_s(error, k) for k, error in enumerate((lost, refused, refused))] == [0.2, 0.4, 0.8]
    with pytest.raises(Failure):
        resend.pause_s(refused, 10)
