"""Writes a BenchProfile as the TOML of a bench file. For profiles only: it knows no other TOML than they need."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neurorig_protocols.bench import BenchProfile


def write_bench(profile: BenchProfile, path: Path) -> None:
    """Write a bench file in one move, so that a reader never sees half of it."""
    draft = path.with_suffix(".part")
    draft.write_text(to_toml(profile), encoding="utf-8")
    draft.replace(path)


def to_toml(profile: BenchProfile) -> str:
    """Return the text of a bench file; what has its default value is left out."""
    table = profile.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return "\n".join(_lines(table, "")).strip() + "\n"


def _lines(table: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield a table's own values first: what follows a header in TOML belongs to that header."""
    for key, value in table.items():
        if not isinstance(value, Mapping) and not _is_tables(value):
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in table.items():
        where = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from ("", f"[{where}]", *_lines(value, where))
        elif _is_tables(value):
            for item in value:
                yield from ("", f"[[{where}]]", *_lines(item, where))


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
