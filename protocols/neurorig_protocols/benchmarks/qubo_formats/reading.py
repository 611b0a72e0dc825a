"""Reads a problem file in a named format, or in the one its content speaks of without doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurorig_protocols.benchmarks.qubo import Problem
from neurorig_protocols.benchmarks.qubo_file import MAGIC, digest_of, from_bytes
from neurorig_protocols.benchmarks.qubo_formats import (
    bqm_json,
    bqp,
    bqpjson,
    coo,
    dense,
    dimacs,
    gset,
    matrix_market,
    qbsolv,
    qplib,
)
from neurorig_protocols.benchmarks.qubo_formats.options import Format, Options, fixed
from neurorig_protocols.benchmarks.qubo_formats.source import decode, lines, listed, refuse
from neurorig_protocols.benchmarks.qubo_formats.strangers import refuse_strangers
from neurorig_protocols.benchmarks.qubo_terms import build
from neurorig_protocols.errors import InvalidProblem

NATIVE = "neurorig"

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(qbsolv.NAME, "qbsolv .qubo", qbsolv.read),
        Format(bqp.NAME, "OR-Library bqp list", bqp.read),
        Format(matrix_market.NAME, "Matrix Market", matrix_market.read),
        Format(dense.NAME, "rows of a dense matrix", dense.read),
        Format(qplib.NAME, "QPLIB", qplib.read),
        Format(coo.NAME, "dimod coordinate list", coo.read),
        Format(dimacs.NAME, "DIMACS graph, as maximum independent set", dimacs.read),
        Format(gset.NAME, "rudy graph (Gset), as maximum cut", gset.read),
        Format(bqm_json.NAME, "dimod BQM, JSON", bqm_json.read),
        Format(bqpjson.NAME, "bqpjson", bqpjson.read),
    )
}
"""Text formats by name; `neurorig`, the form in which problems are kept, is read too."""


@dataclass(frozen=True)
class ReadProblem:
    """A problem and the format it was read from."""

    problem: Problem
    form: str

    def facts(self) -> dict[str, Any]:
        """Return what people want to know of it, as JSON values."""
        problem = self.problem
        return {
            "n": problem.n,
            "unused": problem.unused,
            "couplings": len(problem.rows),
            "density": problem.density,
            "format": self.form,
            "scale": problem.scale,
            "offset": problem.offset,
            "rounding_bound": problem.rounding_bound,
            "largest_weight": max(int(abs(w).max(initial=0)) for w in (problem.diagonal, problem.weights)),
            "sum_of_weights": problem.magnitude,
            "problem": digest_of(problem),
        }


def read(data: bytes, *, form: str | None = None, options: Options | None = None, name: str = "") -> ReadProblem:
    """Read a problem; without `form` the content must say what it is.

    Raises InvalidProblem, whose reasons are listed in docs/reference/qubo-formats.md.
    """
    options = options or Options()
    if form == NATIVE or (form is None and data.startswith(MAGIC)):
        fixed(options, NATIVE)
        return ReadProblem(from_bytes(data, name=name), NATIVE)
    refuse_strangers(data)
    text = decode(data)
    chosen = form or sniff(text)
    if chosen not in FORMATS:
        refuse(None, f"there is no format '{chosen[:40]}'; there are {listed([*FORMATS, NATIVE])}", "format")
    terms = FORMATS[chosen].read(text, options)
    return ReadProblem(build(terms, decimals=options.decimals, name=name), chosen)


def sniff(text: str) -> str:
    """Return the name of the one format that a text can be; reason: ambiguous."""
    if text.startswith(matrix_market.BANNER):
        return matrix_market.NAME
    if text.lstrip().startswith("{"):
        return bqpjson.NAME if bqpjson.SIGN.search(text) else bqm_json.NAME
    if coo.HEADER.search(text[:4096]):
        return coo.NAME
    line, words = next(lines(text, ("c", "C", "#", "%")), (1, []))
    if words[:2] == ["p", "qubo"]:
        return qbsolv.NAME
    if words[:1] == ["p"] and words[1:2] in (["edge"], ["col"]):
        return dimacs.NAME
    if not words:
        refuse(None, "there are comments only in the file", "empty")
    if qplib.is_qplib(text):
        return qplib.NAME
    candidates = _candidates(words)
    raise InvalidProblem(
        f"the content does not say which format this is; it could be {listed(candidates)}",
        where=f"line {line}",
        next_step=(
            "State the format: --format NAME on the command line, form=NAME in Python, format=NAME in a request. "
            "Of a graph, `neurorig qubo from-graph` makes a problem."
        ),
        reason="ambiguous",
    )


def _candidates(words: list[str]) -> list[str]:
    """Return the formats whose first line can have these words."""
    cells = [cell for word in words for cell in word.split(",")]
    if not all(cell[:1] in {*"+-.0123456789", ""} for cell in cells):
        return list(FORMATS)
    if len(cells) > len(words):
        return [dense.NAME]
    return {
        1: [bqp.NAME, dense.NAME],
        2: [bqp.NAME, gset.NAME, dense.NAME],
        3: [coo.NAME, dense.NAME],
    }.get(len(words), [dense.NAME])
