"""The base of every record that crosses a process or a wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from neurorig_protocols import forms

Name = Annotated[str, StringConstraints(pattern=forms.NAME)]
"""A name of a bench, rail, component or monitor: lower case, no spaces, at most 64 characters."""

Digest = Annotated[str, StringConstraints(pattern=forms.DIGEST)]
"""A content digest."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A number; infinities and not-a-number are refused."""


Seed = Annotated[StrictInt, Field(ge=0, le=2**32 - 1)]
"""The seed of a generator: 32 bits."""


class Record(BaseModel):
    """Frozen, with no unknown fields: a typo in a message is an error, not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def members(cls) -> tuple[type[Record], ...]:
        """Return the records that a field of this type may hold: itself, or those of an open union."""
        return (cls,)
