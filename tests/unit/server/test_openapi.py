"""The committed OpenAPI file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from neurorig_protocols.api.tokens import Scope
from neurorig_server import openapi_document

REPOSITORY = Path(__file__).parents[3]


def test_committed_file_is_the_applications_own() -> None:
    """docs/reference/openapi.json is what `python -m neurorig_server.openapi_document` writes."""
    committed = (REPOSITORY / openapi_document.COMMITTED).read_text(encoding="utf-8")

    assert committed == openapi_document.document(), "run: python -m neurorig_server.openapi_document"


def test_file_is_written_where_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module writes to the path it is given."""
    monkeypatch.setattr("sys.argv", ["openapi", str(tmp_path / "a" / "b.json")])

    openapi_document.main()

    assert (tmp_path / "a" / "b.json").read_text().startswith("{")


def test_every_route_is_documented_with_its_problems() -> None:
    """Each operation has a name of its own, a sentence, and says what it answers when it refuses."""
    document = json.loads(openapi_document.document())
    operations = [op for path, ops in document["paths"].items() if path.startswith("/api/") for op in ops.values()]

    names = [op["operationId"] for op in operations]
    assert len(names) == len(set(names)) >= 23
    for op in operations:
        assert op["description"], op["operationId"]
        assert {"401", "403", "404", "409", "422"} <= set(op["responses"]), op["operationId"]
        assert "application/problem+json" in op["responses"]["422"]["content"]
        ((scheme, scopes),) = op["security"][0].items()
        assert scheme == "HTTPBearer", op["operationId"]
        assert set(scopes) <= set(get_args(Scope)), op["operationId"]


@pytest.mark.parametrize("name", ["ProblemDetails", "JobView", "AttemptView", "EnergyMatrix", "Lease", "BenchView"])
def test_answers_have_schemas(name: str) -> None:
    """Programs can generate their types from the file."""
    assert name in json.loads(openapi_document.document())["components"]["schemas"]
