"""The base of what a server answers, as the client sees it; `views` says how lenient it is and why."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="allow", frozen=True)
