"""Lists of "index index value" and dense rows: dimod's COO, qbsolv, OR-Library bqp, a dense matrix."""

from __future__ import annotations

from collections.abc import Iterator

from neurorig_protocols.workloads.qubo.coefficients import Terms, require_size
from neurorig_protocols.workloads.qubo.formats.statements import VARTYPES, stated_offset, statements
from neurorig_protocols.workloads.qubo.formats.text_source import (
    Collector,
    Options,
    Vartype,
    count,
    fixed,
    lines,
    matrix_terms,
    refuse,
    require_count,
    require_once,
    symmetric,
    to_binary,
)
from neurorig_protocols.workloads.qubo.problem import MAX_N

COO = "coo"


def read_coo(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(sense=options.sense), COO)
    entries = Collector(base=0, n=MAX_N)
    for line, words in lines(text, ("#",)):
        if len(words) != 3:
            refuse(line, f"'i j value' is due, there are {len(words)} words", "syntax")
        entries.add(line, *words)
    listed = entries.done()
    n = 1 + max(int(listed.i.max(initial=-1)), int(listed.j.max(initial=-1)))
    vartype = _vartype(text, options.vartype)
    offset = stated_offset(text, "#", vartype=vartype)
    terms = Terms(n, listed.i, listed.j, listed.values, offset=offset, error=listed.values.error)
    return to_binary(terms) if vartype == "spin" else terms


def states_vartype(text: str) -> bool:
    """Return whether a comment states the kind of variables, which makes a list of entries a coordinate list."""
    return any(said.subject == "vartype" for said in statements(text, "#"))


def _vartype(text: str, stated: Vartype | None) -> Vartype:
    chosen: Vartype | None = stated
    for said in statements(text, "#"):
        if said.subject != "vartype":
            continue
        meant = VARTYPES.get(said.word.lower())
        if meant is None or meant == "other":
            if meant or said.strict:
                refuse(said.line, f"the vartype '{said.word[:40]}' is not BINARY or SPIN", "header")
        elif chosen not in (None, meant):
            if stated is None:
                refuse(said.line, f"the vartype '{said.word}' contradicts an earlier one, '{chosen}'", "header")
            refuse(said.line, f"the file states the vartype '{said.word}', '{stated}' cannot be stated", "option")
        else:
            chosen = meant
    if chosen is None:
        refuse(
            None,
            "this coordinate list does not state whether its variables are binary or spins",
            "vartype",
            next_step="State the vartype, binary or spin; dimod writes it with vartype_header=True.",
        )
    return chosen


QBSOLV = "qbsolv"


def read_qbsolv(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(options, QBSOLV)
    found = lines(text, ("c", "C"))
    n, nodes, couplers = _header(found)
    entries = Collector(base=0, n=n)
    line = loops = 0
    for line, words in found:
        if len(words) != 3:
            refuse(line, f"'i j value' is due, there are {len(words)} words", "syntax")
        loops += words[0] == words[1]
        entries.add(line, *words)
    require_count(loops, nodes, line, "nodes")
    require_count(entries.count - loops, couplers, line, "couplers")
    listed = entries.done()
    backwards = (listed.i > listed.j).nonzero()[0]
    if len(backwards):
        refuse(int(listed.line[backwards[0]]), "a coupler is given as 'i j value' with i < j", "syntax")
    require_once(listed, n)
    offset = stated_offset(text, "cC")
    return Terms(n, listed.i, listed.j, listed.values, offset=offset, error=listed.values.error)


def _header(found: Iterator[tuple[int, list[str]]]) -> tuple[int, int, int]:
    line, words = next(found, (1, []))
    if len(words) != 6 or words[:2] != ["p", "qubo"]:
        refuse(line, "the first line must be 'p qubo 0 maxNodes nNodes nCouplers'", "header")
    if words[2] not in ("0", "unconstrained"):
        refuse(line, f"the topology '{words[2][:40]}' is not 0", "header")
    n, nodes, couplers = (
        count(word, line, what) for word, what in zip(words[3:], ("nodes", "nodes", "couplers"), strict=True)
    )
    require_size(n, nodes + couplers)
    return n, nodes, couplers


BQP = "bqp"


def read_bqp(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    if options.sense is None:
        refuse(
            None,
            "the format bqp does not say whether xᵀQx is minimised or maximised",
            "sense",
            next_step="State the sense: max for the OR-Library's own files.",
        )
    fixed(Options(vartype=options.vartype), BQP)
    found = lines(text)
    line, words = next(found)
    if len(words) == 1:
        refuse(line, "the file holds several problems", "header", next_step="Cut one problem out: 'n m' and m lines.")
    if len(words) != 2:
        refuse(line, "the first line must be 'n m'", "header")
    n, m = count(words[0], line, "variables"), count(words[1], line, "entries")
    require_size(n, m)
    entries = Collector(base=1, n=n)
    for line, words in found:
        if len(words) != 3:
            refuse(line, f"'i j value' is due, there are {len(words)} words", "syntax")
        entries.add(line, *words)
    require_count(entries.count, m, line, "entries")
    return matrix_terms(n, symmetric(entries.done(), n, one_triangle=True), maximise=options.sense == "max")


DENSE = "dense"


def read_dense(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(vartype=options.vartype), DENSE)
    columns: list[str] = []
    entries = Collector(base=0, n=None)
    row, line = 0, 1
    for row, (line, words) in enumerate(lines(text.replace(",", " "), ("#",)), 1):
        if not columns:
            require_size(len(words), len(words) ** 2)
            columns = [str(k) for k in range(len(words))]
        if row > len(columns):
            require_count(row, len(columns), line, "rows")
        if len(words) != len(columns):
            refuse(line, f"the first row has {len(columns)} numbers, this one {len(words)}: Q must be square", "syntax")
        for column, word in zip(columns, words, strict=True):
            entries.add(line, columns[row - 1], column, word)
    n = len(columns)
    require_size(n)
    require_count(row, n, line, "rows")
    offset = stated_offset(text, "#", sense=options.sense or "min")
    upper = symmetric(entries.done(), n, one_triangle=False)
    return matrix_terms(n, upper, maximise=options.sense == "max", offset=offset)
