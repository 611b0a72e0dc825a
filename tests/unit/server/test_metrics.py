"""Labels of request metrics."""

from __future__ import annotations

from typing import Any

import pytest

from neurorig_server.metrics import route_template


@pytest.mark.parametrize(
    ("path", "params", "template"),
    [
        ("/api/v1/jobs", {}, "/api/v1/jobs"),
        ("/api/v1/jobs/abc", {"job_id": "abc"}, "/api/v1/jobs/{job_id}"),
        ("/api/v1/benches/benches", {"name": "benches"}, "/api/v1/benches/{name}"),
        ("/a/x/traces/y", {"attempt_id": "x", "digest": "y"}, "/a/{attempt_id}/traces/{digest}"),
    ],
)
def test_template_names_each_parameter_once(path: str, params: dict[str, Any], template: str) -> None:
    """Values become names, fixed parts stay, also where a value equals one of them."""
    assert route_template({"path": path, "path_params": params, "route": object()}) == template


def test_unknown_path_is_no_label() -> None:
    """What matches no route cannot fill the metrics with labels."""
    assert route_template({"path": "/whatever/a/scanner/tries"}) == "none"
