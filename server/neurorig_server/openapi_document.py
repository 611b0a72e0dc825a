"""Writes the OpenAPI file of this version: `python -m neurorig_server.openapi_document [PATH]`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from neurorig_server.app import create_app
from neurorig_server.settings import Settings

COMMITTED = Path("docs/reference/openapi.json")


def document() -> str:
    """Return the OpenAPI document as JSON text."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)))
        app.state.services.store.close()
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else COMMITTED
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
