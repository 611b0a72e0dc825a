"""The base of every record that crosses a process or a wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from neurorig_protocols import forms

Name = Annotated[str, StringConstraints(pattern=forms.NAME)]
"""A name of a bench, rail, component or monitor: lower case, no spaces, at most 64 characters."""

Digest = Annotated[str, StringConstraints(pattern=forms.DIGEST)]
"""A content digest."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A number; infinities and not-a-number are refused."""


class Record(BaseModel):
    """Frozen, with no unknown fields: a typo in a message is an error, not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
