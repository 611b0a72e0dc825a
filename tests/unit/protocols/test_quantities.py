"""A number with its uncertainty: what is known, what is exact, and what cannot be known from one value."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from neurorig_protocols.quantities import Quantity


def made(**fields: Any) -> Quantity:
    """A derived quantity."""
    return Quantity.model_validate({"value": 2.0, "unit": "s", "u": 0.5, "grade": "derived", **fields})


def test_expanded_uncertainty_is_k_times_u() -> None:
    """Both are in the unit of the value."""
    assert (made().expanded, made(k=3).expanded, made(u=0).expanded) == (1.0, 1.5, 0.0)
    assert made().known_u == 0.5


def test_single_value_may_have_no_uncertainty() -> None:
    """It then says null, never 0, and gives nothing to calculate with."""
    single = made(u=None)

    assert (single.u, single.expanded, single.n) == (None, None, 1)
    assert single.model_dump(mode="json")["u"] is None
    with pytest.raises(ValueError, match="no uncertainty is known of 2 s"):
        _ = single.known_u


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"n": 2}, "only a single value"),
        ({"budget": ({"name": "gain", "u": 0.1},)}, "only a single value"),
        ({"unit": "J"}, "a number in J needs a standard uncertainty"),
        ({"unit": "W"}, "a number in W needs a standard uncertainty"),
    ],
)
def test_other_numbers_need_an_uncertainty(fields: dict[str, Any], why: str) -> None:
    """Several values show their spread, and what a meter reads has the meter's."""
    with pytest.raises(ValidationError, match=why):
        made(u=None, **fields)


def test_uncertainty_must_be_stated() -> None:
    """Leaving u out is a mistake, not a way to say that it is unknown."""
    with pytest.raises(ValidationError, match="u"):
        Quantity.model_validate({"value": 2.0, "unit": "s", "grade": "derived"})
