"""The base of every record that crosses a process or a wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""A name of a bench, rail, component or monitor: lower case, no spaces, at most 64 characters."""

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""A content digest."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A number; infinities and not-a-number are refused."""


class Record(BaseModel):
    """Frozen, with no unknown fields: a typo in a message is an error, not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
