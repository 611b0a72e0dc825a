"""Statements about a problem that stand in comments: constants, scales, senses, kinds of variables.

Programs write what their format has no place for into comments, such as `# offset=42`. Skipping such a line would give
another problem than its writer's, so that it is honoured or refused. Prose is left alone. A statement is

    name=value, name: value     anywhere in a comment
    name value, name is value   where the comment begins so, and value is a number, a sense or a kind of variable
    maximize, SPIN              a sense or a kind of variable, where that is the whole comment
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NoReturn

from neurorig_protocols.workloads.qubo.coefficients import BadNumber, read_number
from neurorig_protocols.workloads.qubo.formats.text_source import Sense, Vartype, refuse

Subject = Literal["constant", "scale", "sense", "vartype"]

_NAMES: Mapping[Subject, str] = {
    "constant": (
        "constant const offset shift bias_constant constant_term const_term constant_value offset_value offset_term"
        " energy_offset cost_offset value_offset qubo_offset ising_offset objective_offset obj_offset"
        " objective_constant obj_constant energy_constant additive_constant constant_offset energy_shift"
    ),
    "scale": "scale scaling scale_factor scaling_factor multiplier factor energy_scale objective_scale",
    "sense": "sense objective_sense obj_sense opt_sense optimization_sense optimisation_sense",
    "vartype": "vartype var_type variable_type variable_domain var_domain",
}
_SUBJECTS = {name.replace("_", ""): subject for subject, names in _NAMES.items() for name in names.split()}
_LOOSE: Mapping[str, Subject] = {
    "objective": "sense",
    "direction": "sense",
    "goal": "sense",
    "optimization": "sense",
    "optimisation": "sense",
    "variables": "vartype",
    "domain": "vartype",
    "type": "vartype",
}
"""Names of other things too: a statement only with a value that is a sense or a kind of variable."""

SENSES: Mapping[str, Sense] = {
    **dict.fromkeys(("min", "minimize", "minimise", "minimization", "minimisation"), "min"),
    **dict.fromkeys(("max", "maximize", "maximise", "maximization", "maximisation"), "max"),
}
VARTYPES: Mapping[str, Vartype | Literal["other"]] = {
    **dict.fromkeys(("binary", "binaries", "boolean", "bool"), "binary"),
    **dict.fromkeys(("spin", "spins", "ising"), "spin"),
    **dict.fromkeys(("integer", "real", "continuous", "discrete"), "other"),
}
_YES, _NO = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}

_NAMED = re.compile(
    r"(?<![\w.-])([a-z][\w-]*(?:[ \t]+(?:term|value|factor|type|sense|domain|offset|constant))?)"
    r"[ \t]*(:=|[:=])[ \t]*([^\s,;]+)",
    re.IGNORECASE | re.ASCII,
)
_WHOLE = re.compile(r"\W*([a-z][\w-]*(?:[ \t]+(?!is\b)[a-z]+)?)[ \t]+(?:is[ \t]+)?([-+.\w].*)", re.IGNORECASE)
_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Statement:
    """One statement: what it is about, its value as written, whether it can only be one, and its line."""

    subject: Subject
    word: str
    strict: bool
    line: int


def statements(text: str, marks: str, *, inline: bool = False) -> Iterator[Statement]:
    """Yield what the comments of a file state.

    Args:
        text: the file.
        marks: the characters that begin a comment line.
        inline: comments stand behind the numbers of a line too, with or without a mark.
    """
    comments = rf"[^\r\n]*[{re.escape(marks)}:=][^\r\n]*" if inline else rf"[^\S\r\n]*[{re.escape(marks)}][^\r\n]+"
    for comment in re.finditer(rf"(?:^|(?<=\r)){comments}", text, re.MULTILINE):
        found = list(_in_line(comment[0], marks))
        if found:
            line = len(_BREAK.findall(text, 0, comment.start())) + 1
            yield from (Statement(subject, word, strict, line) for subject, word, strict in found)


def _in_line(line: str, marks: str) -> Iterator[tuple[Subject, str, bool]]:
    named = False
    for name, sign, value in _NAMED.findall(line):
        key, word = _key(name), value.strip("()[]{}\"'`")
        if key not in _SUBJECTS:
            key = _key(name.split()[-1])
        subject = _SUBJECTS.get(key)
        if subject is not None:
            named = True
            yield subject, word, sign != ":"
        elif key in _LOOSE or key in SENSES:
            yield from _loosely(key, word)
    mark = re.search(f"[{re.escape(marks)}]", line)
    if mark is not None and not named:
        yield from _whole(line[mark.end() :])
        if mark[0].isalpha():
            # Where comments begin with c, the line `constant 3` is one too.
            yield from _whole(line)


def _loosely(key: str, word: str) -> Iterator[tuple[Subject, str, bool]]:
    lower = word.lower()
    if key in SENSES:
        if lower in _NO:
            yield "sense", "min" if SENSES[key] == "max" else "max", False
        elif lower in _YES or number_in(lower) is None:
            yield "sense", SENSES[key], False
    elif key in _LOOSE and lower in (SENSES if _LOOSE[key] == "sense" else VARTYPES):
        yield _LOOSE[key], word, False


def _whole(comment: str) -> Iterator[tuple[Subject, str, bool]]:
    only = comment.strip(" \t()[]{}\"'`.:;#%!").lower()
    if only in SENSES:
        yield "sense", only, True
    elif only in VARTYPES:
        yield "vartype", only, True
    elif match := _WHOLE.fullmatch(comment):
        subject, value = _SUBJECTS.get(_key(match[1])), match[2].rstrip(" \t()[]{}\"'`;#%!")
        first = re.split(r"[\s,;]", value, maxsplit=1)[0]
        if subject in ("constant", "scale") and number_in(first) is not None:
            # `constant 3 regular graphs` is not a number: whoever wrote it has to say what it is.
            yield subject, value, True
        elif (subject == "sense" and value.lower() in SENSES) or (subject == "vartype" and value.lower() in VARTYPES):
            yield subject, value, True


def _key(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def stated_offset(
    text: str,
    marks: str,
    *,
    sense: Sense = "min",
    vartype: Vartype = "binary",
    own: Fraction | None = None,
    inline: bool = False,
) -> Fraction:
    """Return the constant that comments state, 0 without one, and refuse what contradicts the way the file is read.

    Args:
        text: the file.
        marks: the characters that begin a comment line.
        sense: the sense in which the file is read.
        vartype: the kind of variables as which the file is read.
        own: the constant that the format itself gives; None where it has no place for one.
        inline: comments stand behind the numbers of a line too.

    Raises:
        InvalidProblem: reason statement, for another sense, vartype, constant or scale than the one that is used.
    """
    found: Fraction | None = own
    for said in statements(text, marks, inline=inline):
        if said.subject in ("constant", "scale"):
            number = number_in(said.word)
            if number is None:
                if said.strict or _like_a_number(said.word):
                    _refuse(said, "that is not a decimal number")
            elif said.subject == "scale":
                if number != 1:
                    _refuse(said, "this format has no scale")
            elif found not in (None, number):
                _refuse(said, "another constant is given, or the format has none")
            else:
                found = number
        else:
            known: Mapping[str, str] = SENSES if said.subject == "sense" else VARTYPES
            used = sense if said.subject == "sense" else vartype
            meant = known.get(said.word.lower())
            if meant != used and (meant is not None or said.strict):
                _refuse(said, f"the file is read with the {said.subject} '{used}'")
    return found or Fraction(0)


def refuse_statements(text: str, marks: str) -> None:
    """Refuse statements in a file of a graph, which has no constant; reason: statement."""
    stated_offset(text, marks, own=Fraction(0))


def subject_of(name: str) -> Subject | None:
    """Return what a member of a JSON document is about if it would change the value; None for any other member."""
    key = _key(name)
    return "sense" if key in ("maximize", "maximise", "minimize", "minimise") else _SUBJECTS.get(key)


def number_in(word: str) -> Fraction | None:
    """Return the number that a word is, exactly; None for any other word."""
    try:
        mantissa, exponent, _ = read_number(word)
    except BadNumber:
        return None
    return mantissa * Fraction(10) ** exponent


def _like_a_number(word: str) -> bool:
    return re.match(r"[-+.]?\d|[-+]?(nan|inf)", word, re.IGNORECASE) is not None


def _refuse(said: Statement, why: str) -> NoReturn:
    refuse(
        said.line,
        f"a comment states the {said.subject} '{said.word[:40]}', but {why}",
        "statement",
        next_step="Correct or delete the comment, or state the sense or vartype that it means.",
    )
