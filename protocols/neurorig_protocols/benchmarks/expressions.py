"""A tiny language for solver parameters: arithmetic over the number of variables `n` and the edge `density`.

    round(40 * sqrt(n))        2000 if density > 0.1 else 500 + 3 * n        max(2, ceil(density * n / 4))

Numbers, + - * / // % **, comparisons, and/or/not inside conditions, `a if condition else b`, and the functions of
`FUNCTIONS`. No other name exists, so nothing that tells one problem from another of the same size can enter. Every
expression ends: there are no loops, and length, depth and magnitude are bounded. Nothing is ever executed by Python:
the text is scanned, parsed to a tree, and the tree is translated node by node by the one list of allowed nodes here.
Not a general calculator: it has no variables of its own and knows no text.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from neurorig_protocols.errors import BadExpression, NoValue

MAX_CHARACTERS = 500
MAX_DEPTH = 32
MAX_ARGUMENTS = 16
MAX_INTEGER_EXPONENT = 64
MAX_INTEGER = 2**53
"""Larger whole numbers are refused: beyond it an integer and the same number as a float part."""
DIGITS = 12
"""Significant digits of a result, so that two machines' mathematical libraries give the same one."""

Number = int | float
Value = Callable[[int, float], Number]
Condition = Callable[[int, float], bool]


@dataclass(frozen=True)
class Expression:
    """A parsed expression; equal texts are equal expressions."""

    text: str
    _value: Value = field(repr=False, compare=False)

    def value(self, n: int, density: float) -> Number:
        """Return the value for n variables at an edge density of 0…1; NoValue when there is none.

        A float is rounded to `DIGITS` significant digits.
        """
        try:
            found = self._value(n, density)
        except NoValue:
            raise
        except (ArithmeticError, ValueError) as error:
            raise _fails(f"{self.text!r} has no value for n = {n}, density = {density:g}: {error}") from error
        return found if isinstance(found, int) else float(f"{found:.{DIGITS}g}")


def parse(text: str) -> Expression:
    """Return the expression that a text describes; BadExpression says what is not allowed in it."""
    if len(text) > MAX_CHARACTERS:
        raise _bad(f"an expression has at most {MAX_CHARACTERS} characters, this one {len(text)}")
    _scan(text)
    try:
        # Leading spaces would be indentation to Python.
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _bad(f"{_short(text)} is not an expression") from error
    return Expression(text, _number(tree.body, MAX_DEPTH))


_TOKEN = re.compile(
    r"(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])"
    r"|(?P<name>[A-Za-z_]\w*)|\*\*|//|[<>=!]=|[-+*/%<>(),]| +",
    re.ASCII,
)
_KEYWORDS = frozenset({"if", "else", "and", "or", "not"})
_VARIABLES: dict[str, Value] = {"n": lambda n, _density: n, "density": lambda _n, density: density}


def _scan(text: str) -> None:
    """Refuse every word and sign outside the language before Python's own parser sees the text."""
    at, brackets = 0, 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _bad(f"{_short(text[at])} at position {at + 1} has no meaning here")
        name = token["name"]
        if name is not None and name not in _KEYWORDS | _VARIABLES.keys() | FUNCTIONS.keys():
            raise _bad(f"'{name[:40]}' is no name here; there are n, density and {', '.join(sorted(FUNCTIONS))}")
        brackets += {"(": 1, ")": -1}.get(token[0], 0)
        if brackets > MAX_DEPTH:
            raise _too_deep()
        at = token.end()


def _number(node: ast.expr, depth: int) -> Value:
    """Translate a node that stands for a number."""
    if depth == 0:
        raise _too_deep()
    translate = _NUMBERS.get(type(node))
    if translate is None:
        raise _bad(f"{type(node).__name__} is not allowed where a number is needed")
    return translate(node, depth - 1)


def _condition(node: ast.expr, depth: int) -> Condition:
    """Translate a node that is true or false."""
    if depth == 0:
        raise _too_deep()
    if isinstance(node, ast.Compare):
        return _comparison(node, depth - 1)
    if isinstance(node, ast.BoolOp):
        parts = [_condition(part, depth - 1) for part in node.values]
        join = all if isinstance(node.op, ast.And) else any
        return lambda n, density: join(part(n, density) for part in parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _condition(node.operand, depth - 1)
        return lambda n, density: not inner(n, density)
    raise _bad("a condition is a comparison such as n > 100")


def _comparison(node: ast.Compare, depth: int) -> Condition:
    sides = [_number(side, depth) for side in (node.left, *node.comparators)]
    tests = [_COMPARISONS[type(op)] for op in node.ops if type(op) in _COMPARISONS]
    if len(tests) != len(node.ops):
        raise _bad("comparisons are < <= > >= == and !=")

    def holds(n: int, density: float) -> bool:
        values = [side(n, density) for side in sides]
        return all(test(a, b) for test, a, b in zip(tests, values, values[1:], strict=False))

    return holds


def _constant(node: ast.expr, _depth: int) -> Value:
    value = node.value if isinstance(node, ast.Constant) else None
    # bool is an int to isinstance, and no number here.
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _bad("constants are numbers")
    try:
        number = _bounded(value)
    except OverflowError as error:
        raise _bad(f"the constant is not acceptable: {error}") from error
    return lambda _n, _density: number


def _name(node: ast.expr, _depth: int) -> Value:
    found = _VARIABLES.get(node.id) if isinstance(node, ast.Name) else None
    if found is None:
        raise _bad("only n and density are names of values")
    return found


def _sign(node: ast.expr, depth: int) -> Value:
    if not isinstance(node, ast.UnaryOp) or not isinstance(node.op, (ast.UAdd, ast.USub)):
        raise _bad("'not' belongs into a condition")
    inner = _number(node.operand, depth)
    return inner if isinstance(node.op, ast.UAdd) else lambda n, density: -inner(n, density)


def _operation(node: ast.expr, depth: int) -> Value:
    apply = _OPERATIONS.get(type(node.op)) if isinstance(node, ast.BinOp) else None
    if not isinstance(node, ast.BinOp) or apply is None:
        raise _bad("operators are + - * / // % and **")
    left, right = _number(node.left, depth), _number(node.right, depth)
    return lambda n, density: _bounded(apply(left(n, density), right(n, density)))


def _choice(node: ast.expr, depth: int) -> Value:
    if not isinstance(node, ast.IfExp):
        raise _bad("a choice is written: a if condition else b")
    condition = _condition(node.test, depth)
    yes, no = _number(node.body, depth), _number(node.orelse, depth)
    return lambda n, density: yes(n, density) if condition(n, density) else no(n, density)


def _call(node: ast.expr, depth: int) -> Value:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        raise _bad(f"functions are {', '.join(sorted(FUNCTIONS))}")
    name = node.func.id
    least, most = (2, MAX_ARGUMENTS) if name in ("min", "max") else (1, 1)
    if node.keywords or not least <= len(node.args) <= most:
        raise _bad(f"{name} takes {least}" + (f" to {most} numbers" if most > 1 else " number"))
    function = FUNCTIONS[name]
    given = [_number(argument, depth) for argument in node.args]
    return lambda n, density: _bounded(function(*(argument(n, density) for argument in given)))


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        if exponent > MAX_INTEGER_EXPONENT:
            raise OverflowError(f"powers of whole numbers go up to {MAX_INTEGER_EXPONENT}")
        return int(base**exponent)
    return math.pow(base, exponent)


def _bounded(value: Number) -> Number:
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise OverflowError("a whole number is beyond 2^53")
    elif not math.isfinite(value):
        raise OverflowError("a number is not finite")
    return value


FUNCTIONS: dict[str, Callable[..., Number]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": math.sqrt,
    "log": math.log,
    "log2": math.log2,
    "exp": math.exp,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}
"""`log` is natural; `round` gives the nearest whole number, halves to the even one."""

_OPERATIONS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: _power,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Number, Number], bool]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
_NUMBERS: dict[type[ast.expr], Callable[[ast.expr, int], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.UnaryOp: _sign,
    ast.BinOp: _operation,
    ast.IfExp: _choice,
    ast.Call: _call,
}


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _too_deep() -> BadExpression:
    return _bad(f"the expression is nested more than {MAX_DEPTH} levels deep")


def _bad(reason: str) -> BadExpression:
    return BadExpression(
        reason, where="expression", next_step="write arithmetic over n and density, such as round(40 * sqrt(n))"
    )


def _fails(reason: str) -> NoValue:
    return NoValue(
        reason, where="expression", next_step="guard it, such as 'a if density > 0 else b', or use a table of steps"
    )
