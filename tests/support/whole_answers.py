"""Completes partial answers, so that a test states only the fields that it is about.

What a test leaves out is filled in from the record itself: the default where there is one, else an empty or first value
of the field's type.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from neurorig_protocols import answers, forms
from neurorig_protocols.api.attempts import AttemptView, TraceInfo, TraceSeries
from neurorig_protocols.api.benches import BenchView
from neurorig_protocols.api.campaigns import CampaignCreated, CampaignPage, CampaignView
from neurorig_protocols.api.comparisons import CampaignSummary, ComparisonPage, ComparisonView
from neurorig_protocols.api.energy import EnergyAbsent, EnergyRows
from neurorig_protocols.api.evaluations import EvaluationPage, EvaluationView
from neurorig_protocols.api.files import FilePage, FileView
from neurorig_protocols.api.jobs import JobPage, JobView
from neurorig_protocols.api.targets import TargetDetail, TargetList
from neurorig_protocols.api.tokens import TokenCreated, TokenView
from neurorig_protocols.api.tunings import TuningPage, TuningView
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.quantities import Absent
from neurorig_protocols.records import Record

AT = "2026-11-21T08:00:00Z"
DIGEST = "sha256:" + 64 * "0"

ROUTES: tuple[tuple[str, Any], ...] = (
    (r"\w+ /jobs/[^/]+(/cancel)?", JobView), (r"POST /jobs", JobView), (r"GET /jobs", JobPage),
    (r"GET /campaigns/[^/]+", CampaignView), (r"GET /campaigns/[^/]+/summary", CampaignSummary),
    (r"POST /campaigns", CampaignCreated), (r"GET /campaigns", CampaignPage),
    (r"POST /comparisons", ComparisonView), (r"GET /comparisons/[^/]+", ComparisonView),
    (r"GET /comparisons", ComparisonPage), (r"GET /targets", TargetList), (r"GET /targets/[^/]+", TargetDetail),
    (r"POST /targets", TargetDetail), (r"POST /tunings", TuningView), (r"GET /tunings/[^/]+", TuningView),
    (r"GET /tunings", TuningPage), (r"POST /evaluations/[^/]+/jobs", CampaignCreated),
    (r"\w+ /evaluations/[^/]+(/freeze)?", EvaluationView), (r"POST /evaluations", EvaluationView),
    (r"GET /evaluations", EvaluationPage), (r"GET /benches", BenchView), (r"GET /benches/[^/]+", BenchView),
    (r"GET /attempts/[^/]+", AttemptView), (r"GET /attempts/[^/]+/energy", EnergyMatrix),
    (r"GET /energy", EnergyRows), (r"POST /files", FileView), (r"GET /files/[^/]+", FileView),
    (r"GET /files", FilePage), (r"POST /tokens", TokenCreated), (r"GET /tokens", TokenView),
)  # fmt: skip
"""Record of each route's answer, or of the items of a list."""


def whole(kind: Any, given: Any) -> Any:
    """Return what is given as JSON values of a record, with the required fields that are missing."""
    if isinstance(given, BaseModel):
        return answers.as_json(given)
    if isinstance(given, list | tuple):
        return [whole(kind, item) for item in given]
    if not (isinstance(given, Mapping) and isinstance(kind, type) and issubclass(kind, BaseModel)):
        return given
    filled = dict(given)
    for name, field in kind.model_fields.items():
        if name in given:
            filled[name] = _inside(field.annotation, given[name])
        elif field.is_required():
            filled[name] = _empty(name, field)
    return filled


def record(kind: type[Any], given: Mapping[str, Any] | None = None, /, **more: Any) -> Any:
    """Return a record as a client reads it, with these fields and plausible values of those that are missing."""
    return answers.read(kind, json.dumps(whole(kind, {**(given or {}), **more}), default=_text))


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else answers.as_json(value)


def of_route(method: str, path: str, given: Any) -> Any:
    """Complete the answer of a route of the REST API; that of another address is returned as it is."""
    route = f"{method} {path.removeprefix('/api/v1')}"
    kind = next((kind for pattern, kind in ROUTES if re.fullmatch(pattern, route)), None)
    if isinstance(given, bytes):
        return given
    if kind is EnergyMatrix and "absent" in given:
        kind = EnergyAbsent
    if route.endswith("/trace"):
        kind = TraceInfo if isinstance(given, list) else TraceSeries
    return given if kind is None else whole(kind, given)


def _inside(annotation: Any, given: Any) -> Any:
    if given is None or isinstance(given, str | int | float):
        return given
    if isinstance(given, BaseModel):
        return answers.as_json(given)
    if isinstance(given, list | tuple):
        item = next((arg for arg in get_args(_plain(annotation)) if arg is not Ellipsis), Any)
        return [_inside(item, one) for one in given]
    kinds = [kind for kind in _members(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    fitting = [kind for kind in kinds if _tag_fits(kind, given)]
    # Of a union without a tag, the member that has most of the given fields is meant.
    best = max(fitting, key=lambda kind: len(set(kind.model_fields) & set(given)), default=None)
    return given if best is None else whole(best, given)


def _tag_fits(kind: type[BaseModel], given: Mapping[str, Any]) -> bool:
    for tag in ("kind", "name", "workload"):
        field = kind.model_fields.get(tag)
        if field is not None and get_origin(field.annotation) is Literal and tag in given:
            return given[tag] in get_args(field.annotation)
    return True


def _plain(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return next((_plain(arg) for arg in get_args(annotation) if arg is not type(None)), Any)
    return annotation


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for arg in get_args(annotation) for member in _members(arg)]
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return list(annotation.members())
    return [annotation]


_FIRST: dict[Any, Any] = {str: "x", int: 0, float: 0.0, bool: True, AwareDatetime: AT, date: AT[:10], Any: None}
_EMPTY: dict[Any, Any] = {tuple: [], list: [], dict: {}}


def _empty(name: str, field: FieldInfo) -> Any:
    members = _members(field.annotation)
    kind = members[0]
    if type(None) in members:
        return None
    if Absent in members:
        return {"reason_code": "not_given", "reason": f"the test gives no {name}"}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return whole(kind, {})
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if kind is str and any(getattr(limit, "pattern", None) == forms.DIGEST for limit in field.metadata):
        return DIGEST
    least = [limit.ge for limit in field.metadata if getattr(limit, "ge", None) is not None]
    return least[0] if least else _FIRST.get(kind, _EMPTY.get(get_origin(kind)))
