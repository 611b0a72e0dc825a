"""Cursors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from neurorig_protocols.refusals import Invalid
from neurorig_server.store.paging import cut, from_cursor, to_cursor


@given(st.integers(0, 2**63 - 1))
def test_cursor_comes_back(seq: int) -> None:
    """A cursor names the row it was made of."""
    assert from_cursor(to_cursor(seq)) == seq


@given(st.text(max_size=70))
def test_any_other_text_is_a_row_or_refused(text: str) -> None:
    """No text makes anything but a key that a database can hold, or Invalid."""
    try:
        assert 0 <= from_cursor(text) < 2**63
    except Invalid as refused:
        assert [p.field for p in refused.problems] == ["query.cursor"]  # noqa: PT017  # either outcome may be right


@pytest.mark.parametrize("text", ["", "é", "LTE", "MS41"])
def test_no_key_is_refused(text: str) -> None:
    """Nothing, no ASCII, negative and fractional keys are no cursors."""
    with pytest.raises(Invalid):
        from_cursor(text)


@pytest.mark.parametrize(("found", "kept", "more"), [(0, [], None), (2, [9, 8], None), (3, [9, 8], 8)])
def test_a_page_ends_with_the_cursor_of_the_next(found: int, kept: list[int], more: int | None) -> None:
    """Only a row beyond the limit makes a next page; the cursor is the last row of this one."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT 9 AS seq UNION ALL SELECT 8 UNION ALL SELECT 7")).all()[:found]
    engine.dispose()

    page, cursor = cut(rows, 2)

    assert [row.seq for row in page] == kept
    assert (from_cursor(cursor) if cursor else None) == more
