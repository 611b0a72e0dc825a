"""What JSON allows and no store can hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_server.http.bodies import MAX_DEPTH, NotStorable, require_storable

CLEAN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def nested(depth: int) -> bytes:
    """Return lists and objects inside each other."""
    return b'{"x":[' * (depth // 2) + b"]}" * (depth // 2)


@given(CLEAN)
def test_body_passes_exactly_when_it_can_be_written_out_again(value: Any) -> None:
    """Whatever passes can be encoded as UTF-8 without a NUL; whatever is refused cannot."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        require_storable(json.dumps(value).encode())
    except NotStorable as refused:
        assert refused.code == "invalid_text"  # noqa: PT017  # whether it is raised is what is tested
        assert "\\u0000" in text or not _encodes(text)
    else:
        assert _encodes(text)
        assert "\\u0000" not in text


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"x": NaN}', "invalid_json"),
        (b'{"x": [-Infinity]}', "invalid_json"),
        (b'{"x": 1e999}', "invalid_number"),
        (b'{"x": -1E+400}', "invalid_number"),
        (b'{"x": "a\\u0000"}', "invalid_text"),
        (b'{"\\uD83e": 1}', "invalid_text"),
        (b"[" * 100_000, "invalid_json"),
        (nested(MAX_DEPTH + 2), "too_deep"),
        (b'"NaN', "invalid_json"),
    ],
    ids=["nan", "infinity", "too large", "too small", "nul", "half a pair", "endless", "deep", "cut"],
)
def test_what_cannot_be_stored_is_named(body: bytes, code: str) -> None:
    """Each kind has its own code."""
    with pytest.raises(NotStorable) as refused:
        require_storable(body)

    assert refused.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        b'{"x": "NaN and Infinity, 1e999"}',
        b'{"x": 1e300}',
        b'"\\ud83e\\udde0"',
        nested(MAX_DEPTH),
        b"[" + b"[1]," * 99 + b"1]",
    ],
    ids=["words", "large", "a pair", "as deep as may be", "wide"],
)
def test_what_only_looks_suspicious_passes(body: bytes) -> None:
    """A second look clears it."""
    require_storable(body)
