"""The application: routes, middleware and background work around one store. Making it touches no network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from neurorig_server.api import health_routes
from neurorig_server.api.router import api
from neurorig_server.http import problems
from neurorig_server.http.bodies import BodyGuard
from neurorig_server.http.shield import Shield
from neurorig_server.metrics import Timing
from neurorig_server.services import Services, build
from neurorig_server.settings import Settings
from neurorig_server.store.store import Store
from neurorig_server.store.wake import Listener
from neurorig_server.sweeper import sweep
from neurorig_server.web import error_pages as page_errors
from neurorig_server.web import router as pages

DESCRIPTION = """Queues benchmark jobs for neuromorphic boards and answers with latency, energy and time to solution,
component by component. Every energy carries unit, uncertainty, grade, boundary and reality."""


def create_app(settings: Settings, store: Store | None = None) -> FastAPI:
    """Return the application; the store's schema must be up to date before it is served."""
    services = build(settings, store or Store(settings))
    app = FastAPI(
        title="neurorig",
        version=version("neurorig"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    problems.install(app)
    page_errors.install(app)
    app.include_router(api)
    app.include_router(health_routes.router)
    app.include_router(pages.router, include_in_schema=False)
    # The last one added is the outermost.
    app.add_middleware(BodyGuard, settings=settings)
    app.add_middleware(Timing, metrics=services.metrics)
    app.add_middleware(Shield)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    store = services.store
    services.wake.bind()
    services.analyst.start()
    await run_in_threadpool(store.leases.grace)
    if store.db.is_sqlite:
        await run_in_threadpool(store.reports.release_analyses)
    listener = None if store.db.is_sqlite else Listener(_plain_url(services), services.wake)
    if listener:
        listener.start()
    sweeping = asyncio.create_task(sweep(services), name="sweeper")
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        services.wake.stop()
        await services.analyst.stop()
        if listener:
            await run_in_threadpool(listener.stop)
        store.close()


def _plain_url(services: Services) -> str:
    return services.store.db.url.set(drivername="postgresql").render_as_string(hide_password=False)
