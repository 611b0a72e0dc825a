"""What the pages of evaluation rounds show. A round's secret and seeds come from the store's public view only.

Not for drawing, freezing or checking by one's own means: the first two are the API's, the last is the command's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurorig_protocols.api.campaigns import CampaignView
from neurorig_protocols.api.evaluations import EvaluationView
from neurorig_protocols.api.tunings import TuningView
from neurorig_protocols.benchmarks import evaluation
from neurorig_protocols.benchmarks.evaluation import Check, RoundState
from neurorig_protocols.benchmarks.tuning import Expressed, Step, Table
from neurorig_protocols.job import TERMINAL_STATES, JobState
from neurorig_protocols.number_text import plain_text
from neurorig_server.store.evaluations import tag
from neurorig_server.store.store import Store

PAGE_ROUNDS = 30

ROUND_STATES = {
    RoundState.OPEN: "its secret is sealed and its seeds do not exist; it waits for a declaration",
    RoundState.REVEALED: "a declaration is frozen into it, its seeds are drawn and its secret is published",
}

CHECKS = {
    "commitment": "The secret is the one that the server was bound to",
    "seeds": "The seeds follow from secret, declaration, round and nonce",
    "order": "The server was bound before the declaration was frozen",
    "declaration": "The declaration below is the frozen one",
}


@dataclass(frozen=True)
class CheckLine:
    """One thing that was recomputed, what it means and what was seen."""

    meaning: str
    check: Check


@dataclass(frozen=True)
class ParameterLine:
    """One declared parameter: of which form, and its text, a table as one line per step."""

    name: str
    form: str
    lines: tuple[str, ...]


def list_context(store: Store, cursor: str | None) -> dict[str, Any]:
    """Return the context of the list of rounds; Invalid for a cursor that this server did not make."""
    found = store.evaluations.list(limit=PAGE_ROUNDS, cursor=cursor)
    return {
        "page": "evaluations",
        "rounds": found.items,
        "waiting": found.open,
        "counts": found.counts,
        "older_url": f"/evaluations?cursor={found.next}" if found.next else None,
        "newest_url": "/evaluations" if cursor else None,
    }


def context(store: Store, round_id: str) -> dict[str, Any]:
    """Return the context of a round's page; NotFound."""
    found = store.evaluations.get(round_id)
    declared = store.tunings.get(found.tuning) if found.tuning else None
    checks = _checks(found, declared)
    states = store.evaluations.job_states(round_id)
    return {
        "page": "evaluations",
        "round": found,
        "revealed": found.state is RoundState.REVEALED,
        "meaning": ROUND_STATES[found.state],
        "checks": checks,
        "verified": bool(checks) and all(line.check.well for line in checks),
        "declared": declared,
        "parameters": _parameters(declared) if declared else [],
        "tag": tag(round_id),
        "states": states,
        "campaigns": _campaigns(store, round_id),
        "live": _some_go_on(states),
    }


def _checks(found: EvaluationView, declared: TuningView | None) -> list[CheckLine]:
    """Recompute a revealed round from what is public; nothing can be checked before."""
    if found.state is RoundState.OPEN:
        return []
    checks = evaluation.verify(found, declared.declaration if declared else None)
    return [CheckLine(CHECKS.get(check.name, check.name), check) for check in checks]


def _campaigns(store: Store, round_id: str) -> list[CampaignView]:
    return [store.campaigns.get(campaign_id) for campaign_id in store.evaluations.campaigns(round_id)]


def _some_go_on(states: Mapping[JobState, int]) -> bool:
    return any(count for state, count in states.items() if state not in TERMINAL_STATES)


def _parameters(declared: TuningView) -> list[ParameterLine]:
    return [_parameter(name, value) for name, value in declared.declaration.params.items()]


def _parameter(name: str, value: object) -> ParameterLine:
    if isinstance(value, Expressed):
        return ParameterLine(name, "function", (value.expression,))
    if isinstance(value, Table):
        return ParameterLine(name, "table", tuple(_step(step) for step in value.steps))
    return ParameterLine(name, "constant", (json.dumps(value),))


def _step(step: Step) -> str:
    limits = [] if step.n is None else [f"n up to {step.n}"]
    limits += [] if step.density is None else [f"density up to {plain_text(step.density, '1')}"]
    return f"{json.dumps(step.value)} for {' and '.join(limits) or 'the rest'}"
