"""Tags that only the server may set, because it counts by them. Pure; not for finding jobs by their tags."""

from __future__ import annotations

from collections.abc import Iterable

from neurorig_protocols.job import JobSpec
from neurorig_server.store.errors import FieldProblem, ReservedTag

EVALUATION = "evaluation:"
"""Before the id of an evaluation round, on each of its jobs."""
RESERVED = (EVALUATION,)
"""What a tag of a submitter may not begin with, whatever its case."""


def require_free(specs: Iterable[JobSpec], own: frozenset[str] = frozenset()) -> None:
    """Raise ReservedTag for a tag that is the server's, but for those in `own`, which it sets itself."""
    given = dict.fromkeys(tag for spec in specs for tag in spec.tags)
    taken = [tag for tag in given if tag not in own and tag.strip().casefold().startswith(RESERVED)]
    if not taken:
        return
    problems = [FieldProblem(field="tags", message=_message(tag), code=ReservedTag.code) for tag in taken]
    step = "Leave the tag out. The jobs of a round get it by themselves: `neurorig evaluation submit`."
    raise ReservedTag(problems[0].message, problems=problems, next_step=step)


def _message(tag: str) -> str:
    return f"the tag '{tag}' is one that only the server sets: it counts a round's jobs by it"
