"""What Prometheus scrapes: the queue, the attempts, lease expiries and request times. Own registry, no globals."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neurorig_protocols.job import JobState
from neurorig_server.store.database import Database
from neurorig_server.store.metrics import counts
from neurorig_server.store.wake import Wake

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The registry and the counters of one server process."""

    def __init__(self, db: Database, wake: Wake) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_QueueCollector(db))
        self.lease_expiries = Counter(
            "neurorig_lease_expiries", "Leases that ended because nobody renewed them.", registry=self.registry
        )
        waiting = Gauge("neurorig_waiting_agents", "Lease requests that wait for work.", registry=self.registry)
        waiting.set_function(lambda: wake.waiting)
        self.requests = Histogram(
            "neurorig_request_seconds",
            "Time to answer a request, by route template.",
            ["method", "route", "status"],
            registry=self.registry,
        )

    def page(self) -> bytes:
        """Return all metrics in Prometheus's text form."""
        return generate_latest(self.registry)


class _QueueCollector(Collector):
    """Reads counts from the database when it is scraped."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def describe(self) -> Iterator[Metric]:
        """Name the metrics without touching the database."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Yield the counts of this moment."""
        now = counts(self._db)
        jobs = GaugeMetricFamily("neurorig_jobs", "Jobs by state.", labels=["state"])
        for state in JobState:
            jobs.add_metric([str(state)], now.jobs.get(str(state), 0))
        attempts = GaugeMetricFamily("neurorig_attempts", "Attempts by state.", labels=["state"])
        for name, number in sorted(now.attempts.items()):
            attempts.add_metric([name], number)
        oldest = GaugeMetricFamily(
            "neurorig_oldest_queued_seconds", "Age of the job that has waited longest.", value=now.oldest_queued_s
        )
        yield from (jobs, attempts, oldest)


class Timing:
    """The middleware that times requests by their route's template, so that ids do not become labels."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Time one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            labels = self._metrics.requests.labels(method, route_template(scope), str(status))
            labels.observe(perf_counter() - began)


def route_template(scope: Scope) -> str:
    """Return the path with its parameters named, such as `/api/v1/jobs/{job_id}`; "none" where no route matched."""
    if "route" not in scope:
        return "none"
    names = {str(value): name for name, value in scope.get("path_params", {}).items()}
    # From the right, each parameter once: a value may equal a fixed part to its left.
    parts = [f"{{{names.pop(part)}}}" if part in names else part for part in reversed(scope["path"].split("/"))]
    return "/".join(reversed(parts))
