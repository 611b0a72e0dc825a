"""Sentences for values that are not accepted: what is valid instead, and the closest valid one. Pure.

pydantic answers with the regular expression that a text does not match. People need the form in words. Not for fields
that contradict each other: their own validators say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from neurorig_protocols import forms
from neurorig_protocols.records import Record

_LISTED = 20
_SHOWN = 40
_QUOTED = re.compile(r"'([^']*)'")


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a mistyped one most likely means, or None when none is close."""
    found = get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def unknown(what: str, word: str, known: Iterable[str], *, plural: str = "") -> str:
    """Return a sentence that names an unknown word, the closest valid one and all valid ones.

    Args:
        what: What the word should have named, such as "board".
        word: The word as it was given.
        known: The valid words.
        plural: How several are called; `what` with an "s" by default.

    Returns:
        Such as "there is no board 'virtual-lohi'. Did you mean 'virtual-loihi'? Boards: host-cpu, virtual-loihi".
    """
    return f"there is no {what} '{_short(word)}'{hint(word, known, plural or f'{what}s')}"


def hint(word: str, known: Iterable[str], plural: str) -> str:
    """Return the end of such a sentence: the closest valid word and all valid ones."""
    valid = sorted(set(known))
    near = closest(word, valid)
    rest = f" and {len(valid) - _LISTED} more" if len(valid) > _LISTED else ""
    listed = f"{', '.join(valid[:_LISTED])}{rest}" if valid else "none"
    meant = f" Did you mean '{near}'?" if near else ""
    return f".{meant} {plural[:1].upper()}{plural[1:]}: {listed}"


def sentence(
    error: Mapping[str, Any], root: type[BaseModel] | None = None, words: Mapping[str, str] = forms.WORDS
) -> str:
    """Return what is wrong with one field, in words.

    Args:
        error: One entry of `ValidationError.errors()`.
        root: The record that was validated; with it an unknown field is answered with the valid ones.
        words: What each pattern asks for, in words.
    """
    kind, context = str(error["type"]), error.get("ctx") or {}
    given = error.get("input")
    if kind == "string_pattern_mismatch" and (form := words.get(str(context.get("pattern")))):
        return f"'{_short(str(given))}' is not {form}"
    if kind == "extra_forbidden" and error["loc"]:
        known = () if root is None else fields_at(root, error["loc"][:-1])
        return f"unknown field{hint(str(error['loc'][-1]), known, 'fields')}" if known else "unknown field"
    expected = _QUOTED.findall(str(context.get("expected_tags", context.get("expected"))))
    if kind in ("literal_error", "enum", "union_tag_invalid") and expected:
        word = str(context.get("tag", given))
        return f"'{_short(word)}' is not valid{hint(word, expected, 'valid values')}"
    return str(error["msg"]).removeprefix("Value error, ")


def sentences(error: ValidationError, root: type[BaseModel] | None = None) -> list[str]:
    """Return one "field: sentence" for each violated field."""
    found = []
    for item in error.errors(include_url=False):
        place = ".".join(map(str, item["loc"]))
        found.append(f"{place}: {sentence(item, root)}" if place else sentence(item, root))
    return found


def fields_at(root: type[BaseModel], location: Sequence[str | int]) -> frozenset[str]:
    """Return the fields that a record may have at a validator's location, which also holds tags of unions."""
    models = {root}
    for part in location:
        if isinstance(part, int):
            continue
        inner = {
            model for at in models if part in at.model_fields for model in _models(at.model_fields[part].annotation)
        }
        models = inner or {model for model in models if part in _tags(model)} or models
    return frozenset(name for model in models for name in model.model_fields)


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield from annotation.members()
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _tags(model: type[BaseModel]) -> set[str]:
    literals = (f.annotation for f in model.model_fields.values() if get_origin(f.annotation) is Literal)
    return {str(tag) for literal in literals for tag in get_args(literal)}


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
