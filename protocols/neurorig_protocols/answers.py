"""Answers of a server as records, read so that an older client understands a newer server.

The records of `api/` are strict: what a request must not contain is refused. An answer is read by `read`, which keeps
fields that are not known here and, where a closed list has grown, the value or member that is not known. `as_json` is
the way back, with everything that was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema, to_jsonable_python

T = TypeVar("T")

READING = {"reading": "answer"}
"""The context of validation, by which a validator of a record knows that an answer is read."""


class UnknownMember(BaseModel):
    """A member of a union that this version does not know; its fields are attributes, as they were sent."""

    model_config = ConfigDict(extra="allow", frozen=True)


def read(kind: type[T], content: bytes | str) -> T:
    """Read an answer.

    Args:
        kind: the record, or a type made of records such as `list[BenchView]`.
        content: the answer, JSON.

    Returns:
        The record. Unknown fields are attributes of it; a value that a closed list does not have is the plain string,
        and a member that a tagged union does not have an `UnknownMember`.

    Raises:
        ValidationError: a field is missing or of another type.

    Example:
        >>> from neurorig_protocols.api.tokens import TokenView
        >>> text = (
        ...     '{"id": "t1", "name": "lab", "scopes": ["read", "fly"], "bench": null, "created_at":'
        ...     ' "2026-11-21T08:00:00Z", "expires_at": null, "revoked_at": null, "colour": "blue"}'
        ... )
        >>> token = read(TokenView, text)
        >>> token.scopes, token.colour
        (('read', 'fly'), 'blue')
    """
    whole: Any = kind  # a union or a list of records is not a class, and may be asked for all the same
    try:
        return cast("T", _adapter(whole).validate_json(content, extra="allow", context=READING))
    except ValidationError:
        # Building a tolerant validator takes milliseconds; only an answer that needs it pays for it.
        return cast("T", _tolerant(whole).validate_json(content, extra="allow", context=READING))


def as_json(value: Any) -> Any:
    """Return a record, or a collection of records, as JSON values; fields that only `read` kept are included."""
    if isinstance(value, BaseModel):
        return {name: as_json(item) for name, item in value}
    if isinstance(value, Mapping):
        return {to_jsonable_python(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return to_jsonable_python(value)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _tolerant(kind: Any) -> SchemaValidator:
    # Without this the validators that pydantic built for the strict records would be used again.
    return SchemaValidator(_opened(_adapter(kind).core_schema), _use_prebuilt=False)


_LIMITS = frozenset({"pattern", "min_length", "max_length"})
_NOT_SCHEMAS = frozenset({"cls", "config", "default", "discriminator", "expected", "metadata", "serialization"})


def _opened(schema: Any) -> Any:
    """Return a schema of pydantic that accepts what it does not know: values, members of unions, forms of ids."""
    if isinstance(schema, list | tuple):
        return type(schema)(_opened(part) for part in schema)
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("literal", "enum"):
        return core_schema.union_schema([schema, core_schema.str_schema()], mode="left_to_right")
    if schema.get("type") == "str":
        return {key: part for key, part in schema.items() if key not in _LIMITS}
    opened = {key: part if key in _NOT_SCHEMAS else _opened(part) for key, part in schema.items()}
    if schema.get("type") == "tagged-union":
        choices = {**opened["choices"], _UNKNOWN: UnknownMember.__pydantic_core_schema__}
        return {**opened, "choices": choices, "discriminator": _tag(schema["discriminator"], frozenset(choices))}
    return opened


_UNKNOWN = "a tag that is not known"


def _tag(discriminator: str | Callable[[Any], Any], known: frozenset[str]) -> Callable[[Any], str]:
    def tag(value: Any) -> str:
        if callable(discriminator):
            named = discriminator(value)
        else:
            named = value.get(discriminator) if isinstance(value, Mapping) else None
        return named if named in known else _UNKNOWN

    return tag
