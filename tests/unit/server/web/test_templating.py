"""What makes the pages safe: escapes in scripts, addresses to go on to, the policy in the headers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_server.web import assets
from neurorig_server.web.error_pages import own_path
from neurorig_server.web.templating import CONTENT_SECURITY_POLICY, script_json


@given(st.text())
def test_json_in_a_script_stays_the_same_and_cannot_end_it(text: str) -> None:
    """No character that HTML could read is left, and the JSON means what it meant."""
    safe = str(script_json(json.dumps({"text": text}, ensure_ascii=False)))

    assert not set("<>&\u2028\u2029") & set(safe)
    assert json.loads(safe) == {"text": text}


@pytest.mark.parametrize("path", ["/", "/attempts/abc", "/?state=queued&tag=a%2Fb"])
def test_own_addresses_are_kept(path: str) -> None:
    """After signing in the browser goes on where it wanted to."""
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "",
        "/\t/evil.example", "attempts", "/a\\b", "http:/x",
    ],
)  # fmt: skip
def test_foreign_addresses_lead_home(path: str) -> None:
    """Nothing that a link can say sends the browser to another site."""
    assert own_path(path) == "/"


def test_policy_allows_no_foreign_and_no_inline_script() -> None:
    """Scripts come from this server's files only, and nothing is allowed that is not named."""
    rules = dict(rule.split(" ", 1) for rule in CONTENT_SECURITY_POLICY.split("; "))

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"


def test_assets_are_known_by_name_only() -> None:
    """Every asset has bytes; any other name is refused."""
    for name in assets.TYPES:
        assert assets.content(name)
    with pytest.raises(KeyError):
        assets.content("../app.css")
