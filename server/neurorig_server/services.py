"""What the routes work with, made once per application from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from neurorig_server.background import Analyst
from neurorig_server.metrics import Metrics
from neurorig_server.objects.files import FileStore
from neurorig_server.objects.traces import TraceStore
from neurorig_server.settings import Settings
from neurorig_server.store.store import Store
from neurorig_server.store.wake import Wake
from neurorig_server.threads import Slots
from neurorig_server.uploads.file_uploads import Intake
from neurorig_server.uploads.trace_uploads import TraceUploads


@dataclass(frozen=True)
class Services:
    """The parts of one server process. A proposal of the largest size takes hundreds of megabytes: one at a time."""

    settings: Settings
    store: Store
    traces: TraceStore
    uploads: TraceUploads
    files: FileStore
    intake: Intake
    proposals: Slots
    wake: Wake
    analyst: Analyst
    metrics: Metrics


def build(settings: Settings, store: Store) -> Services:
    """Make all parts; nothing runs yet."""
    traces = TraceStore.of(settings)
    files = FileStore.of(settings)
    wake = Wake(poll_s=settings.poll_s)
    store.db.listeners.append(wake.notify)
    return Services(
        settings=settings,
        store=store,
        traces=traces,
        uploads=TraceUploads(settings, store.uploads, traces),
        files=files,
        intake=Intake(settings, store.files, files),
        proposals=Slots(1),
        wake=wake,
        analyst=Analyst(settings, store, traces.location),
        metrics=Metrics(store.db, wake),
    )


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
