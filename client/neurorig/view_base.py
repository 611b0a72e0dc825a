"""The base of what a server answers, as the client sees it; `views` says how lenient it is and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

Item_co = TypeVar("Item_co", covariant=True)


class View(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Page(Protocol[Item_co]):
    """A page of a list; `next` is the cursor of the page after it."""

    @property
    def items(self) -> Sequence[Item_co]:
        """The things on this page."""

    @property
    def next(self) -> str | None:
        """The cursor of the next page, None on the last one."""
