"""Turns parts of the OpenAPI document into what the reference page shows. Not for building the document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

Json = Mapping[str, Any]

METHODS = ("get", "head", "post", "put", "patch", "delete")
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}
# The pattern of every text: it keeps out what no database stores, and explains nothing to a reader.
PLAIN_TEXT = r"^[^\x00]*$"


@dataclass(frozen=True)
class Field:
    """A parameter of an operation or a field of a record."""

    name: str
    place: str
    type: Markup
    required: bool
    default: str
    meaning: str


@dataclass(frozen=True)
class Answer:
    """A successful answer of an operation."""

    status: str
    meaning: str
    types: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    id: str
    method: str
    path: str
    summary: str
    detail: str
    scope: str
    fields: tuple[Field, ...]
    bodies: tuple[tuple[str, Markup], ...]
    answers: tuple[Answer, ...]
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RecordText:
    """A record of the document with its fields, or the values of a closed list."""

    name: str
    meaning: str
    type: Markup
    fields: tuple[Field, ...]


def operations(document: Json, common: Iterable[str]) -> dict[str, list[Operation]]:
    """Return the operations by tag, in the document's order.

    Args:
        document: an OpenAPI 3.1 document.
        common: statuses of problems that every operation shares; they are left out of each.
    """
    found: dict[str, list[Operation]] = {}
    shared = set(common)
    for path, methods in document["paths"].items():
        for method in (name for name in METHODS if name in methods):
            tag = methods[method].get("tags", ["service"])[0]
            found.setdefault(tag, []).append(_operation(path, method, methods[method], shared))
    return found


def records(document: Json) -> list[RecordText]:
    """Return the records of the document, by name."""
    return [_record(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]


def type_text(schema: Json) -> Markup:
    """Return a schema's type as HTML in words; records are links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="/docs/records#{0}">{0}</a>').format(name)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return Markup(" or ").join(dict.fromkeys(type_text(part) for part in schema[key]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return Markup(" or ").join(Markup("<code>{}</code>").format(_json(value)) for value in values)
    return _plain(schema)


def _plain(schema: Json) -> Markup:
    kind = schema.get("type", "any value")
    if kind == "array":
        parts = schema.get("prefixItems")
        inner = Markup(", ").join(map(type_text, parts)) if parts else type_text(schema.get("items", {}))
        return Markup("list of {}").format(inner) + _limits(schema)
    extra = schema.get("additionalProperties")
    if kind == "object" and isinstance(extra, Mapping):
        return Markup("object with values of {}").format(type_text(extra))
    return escape(schema.get("format", kind) if kind == "string" else kind) + _limits(schema)


def _limits(schema: Json) -> Markup:
    said = [text.format(_number(schema[key])) for key, text in LIMITS.items() if key in schema]
    found = Markup("").join(Markup(", {}").format(text) for text in said)
    pattern = schema.get("pattern")
    return found + Markup(", matching <code>{}</code>").format(pattern) if pattern not in (None, PLAIN_TEXT) else found


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _json(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _operation(path: str, method: str, found: Json, shared: set[str]) -> Operation:
    first, _, rest = found.get("description", "").partition("\n\n")
    responses = found["responses"]
    return Operation(
        id=found["operationId"],
        method=method.upper(),
        path=path,
        summary=first or found.get("summary", ""),
        detail=rest,
        scope=next((scopes[0] for way in found.get("security", ()) for scopes in way.values() if scopes), ""),
        fields=tuple(_parameter(parameter) for parameter in found.get("parameters", ())),
        bodies=_types(found.get("requestBody", {})),
        answers=tuple(
            Answer(status, "" if text["description"] == "Successful Response" else text["description"], _types(text))
            for status, text in responses.items()
            if status < "4"
        ),
        problems=tuple(
            (status, text["description"])
            for status, text in responses.items()
            if status >= "4" and status not in shared
        ),
    )


def _types(holder: Json) -> tuple[tuple[str, Markup], ...]:
    content = holder.get("content", {})
    return tuple((media, type_text(text.get("schema", {}))) for media, text in content.items())


def _parameter(found: Json) -> Field:
    return _field(found["name"], found.get("schema", {}), place=found["in"], required=found.get("required", False),
                  meaning=found.get("description", ""))  # fmt: skip


def _field(name: str, schema: Json, *, required: bool, place: str = "", meaning: str = "") -> Field:
    default = schema.get("default")
    said = meaning or schema.get("description", "")
    return Field(name, place, type_text(schema), required, "" if default is None else _json(default), said)


def _record(name: str, schema: Json) -> RecordText:
    required = set(schema.get("required", ()))
    fields = (_field(key, part, required=key in required) for key, part in schema.get("properties", {}).items())
    return RecordText(name, schema.get("description", ""), type_text(schema), tuple(fields))
