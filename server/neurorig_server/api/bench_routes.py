"""Routes of benches."""

from __future__ import annotations

from fastapi import APIRouter

from neurorig_protocols.api.benches import BenchView
from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.job import BenchRecord
from neurorig_protocols.refusals import Invalid
from neurorig_server.http.auth import Agent, Reader
from neurorig_server.http.parameters import BenchName
from neurorig_server.services import ServicesDep

router = APIRouter(prefix="/benches", tags=["benches"])


@router.put("/{name}")
def register_bench(name: BenchName, bench: BenchRecord, services: ServicesDep, who: Agent) -> BenchView:
    """Register a bench, or tell anew what it is. For the agent that owns it."""
    if bench.profile.name != name:
        message = f"the profile names the bench '{bench.profile.name}', the path '{name}'"
        raise Invalid(message, problems=[FieldProblem(field="profile.name", message=message, code="name_differs")])
    return services.store.benches.register(bench, who)


@router.get("")
def list_benches(services: ServicesDep, _who: Reader) -> tuple[BenchView, ...]:
    """List all benches by name."""
    return services.store.benches.list()


@router.get("/{name}")
def get_bench(name: BenchName, services: ServicesDep, _who: Reader) -> BenchView:
    """Show one bench."""
    return services.store.benches.get(name)
