"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from neurorig_server.settings import Settings


def test_every_field_is_described_and_can_be_set_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """NEURORIG_<FIELD> sets a field; each says what it is for."""
    monkeypatch.setenv("NEURORIG_PORT", "9000")
    monkeypatch.setenv("NEURORIG_DATA_DIR", "/data")
    monkeypatch.setenv("NEURORIG_PUBLIC_READ", "true")
    # The client's own variables stand in the same environment.
    monkeypatch.setenv("NEURORIG_SERVER", "http://x")
    monkeypatch.setenv("NEURORIG_TOKEN", "x")

    settings = Settings()

    assert (settings.port, settings.data_dir, settings.public_read) == (9000, Path("/data"), True)
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (None, "sqlite:///var/neurorig.db"),
        ("sqlite:////srv/n.db", "sqlite:////srv/n.db"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
    ],
)
def test_database_url_gets_its_driver(given: str | None, url: str) -> None:
    """PostgreSQL is always spoken to by psycopg 3; without a URL there is a SQLite file in the data folder."""
    assert Settings(database_url=given).sqlalchemy_url == url


@pytest.mark.parametrize(("field", "value"), [("port", "70000"), ("lease_ttl_s", "0"), ("analysis_workers", "0")])
def test_impossible_setting_is_refused(monkeypatch: pytest.MonkeyPatch, field: str, value: str) -> None:
    """A setting that cannot be is named at the start, not found later."""
    monkeypatch.setenv(f"NEURORIG_{field.upper()}", value)

    with pytest.raises(ValidationError, match=field):
        Settings()
