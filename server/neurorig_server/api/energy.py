"""The route of energies over many attempts."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Query
from pydantic import Field

from neurorig_server.auth import Reader
from neurorig_server.services import ServicesDep
from neurorig_server.store.energy import EnergyFilter, GroupKey
from neurorig_server.store.errors import FieldProblem, Invalid
from neurorig_server.views import EnergyRows

router = APIRouter(prefix="/energy", tags=["energy"])

GROUP_KEYS: tuple[GroupKey, ...] = get_args(GroupKey)


class EnergyQuery(EnergyFilter):
    """An energy query."""

    group_by: str = Field(default="component,phase", description="comma-separated: " + ", ".join(GROUP_KEYS))


@router.get("")
def query_energy(query: Annotated[EnergyQuery, Query()], services: ServicesDep, _who: Reader) -> EnergyRows:
    """Mean energy of one window, per group. Reality and measured rails are always part of the group."""
    return EnergyRows(rows=services.store.energies.means(query, _keys(query.group_by)))


def _keys(text: str) -> tuple[GroupKey, ...]:
    # Reality is in every group anyway, so asking for it is no mistake.
    asked = [part.strip() for part in text.split(",") if part.strip() not in ("", "reality")]
    unknown = [part for part in asked if part not in GROUP_KEYS]
    if unknown:
        message = f"'{unknown[0]}' is no group; there are {', '.join(GROUP_KEYS)}"
        raise Invalid(message, problems=[FieldProblem(field="query.group_by", message=message, code="unknown_group")])
    return tuple(key for key in GROUP_KEYS if key in asked)
