"""Options that say how a problem file is to be read, and reading one on this computer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurorig.cli.terminal import is_digest
from neurorig.errors import ClientError
from neurorig_protocols.api.files import FileView
from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.coefficients import read_number
from neurorig_protocols.workloads.qubo.formats import FORMATS, Options, ReadProblem, read
from neurorig_protocols.workloads.qubo.formats.reading import NATIVE

if TYPE_CHECKING:
    from neurorig.client import Client

Command = Callable[..., Any]
Option = Callable[[Command], Command]

READING: Sequence[Option] = (
    click.option("--format", "form", type=click.Choice([*FORMATS, NATIVE]), help="Without it the content must tell."),
    click.option("--sense", type=click.Choice(["min", "max"]), help="Where the format does not say."),
    click.option("--vartype", type=click.Choice(["binary", "spin"]), help="Where the format does not say."),
    click.option("--decimals", type=int, help="Round coefficients to so many decimals."),
)


TARGET: Sequence[Option] = (
    click.option(
        "--reference",
        type=click.Choice(["best-verified", "given"]),
        help="With --tts: what gaps are measured from; 'given' when a target is.",
    ),
    click.option("--target-cost", type=int, help="Target as an integer cost, as reports show it."),
    click.option("--target-value", metavar="NUMBER", help="Target in the file's own unit."),
)


class BadProblemFile(ClientError):
    """A file on this computer is not a problem that can be read."""

    code = "invalid_problem_file"


def read_problem(path: Path, *, form: str | None = None, **options: Any) -> ReadProblem:
    """Read a problem file; BadProblemFile says where and what is wrong, a usage error that it cannot be opened."""
    with reading_errors(path):
        return read(path.read_bytes(), form=form, options=Options(**options), name=path.name)


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file of this computer into the client's errors, as `read_problem` says."""
    try:
        yield
    except OSError as error:
        raise click.BadParameter(f"cannot read '{path}': {error.strerror}", param_hint="PATH") from error
    except InvalidProblem as error:
        where = f"{path.name}, {error.where}" if error.where else path.name
        raise BadProblemFile(f"{where}: {error.message}", next_step=error.next_step) from error


def problem_file(client: Client, problem: str, options: Mapping[str, Any]) -> FileView:
    """Return an uploaded problem: the one with this digest, or this file once it is uploaded."""
    reading = {name: options[name] for name in ("form", "sense", "vartype", "decimals")}
    if is_digest(problem):
        if any(value is not None for value in [*reading.values(), options["name"]]):
            raise click.UsageError("a problem that is uploaded already cannot be read in another way")
        return client.file(problem)
    return client.upload(Path(problem), kind="qubo", name=options["name"], **reading)


def uploaded(client: Client, file: str, kind: str) -> str:
    """Return the digest of a network or of events: of this file once it is uploaded, or the digest itself."""
    return file if is_digest(file) else client.upload(Path(file), kind=kind).digest


def target_of(file: FileView, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a scenario that say what gaps are measured from; a usage error for contradictions."""
    reference, cost, value = (options[name] for name in ("reference", "target_cost", "target_value"))
    if kind != "time-to-solution":
        if any(given is not None for given in (reference, cost, value)):
            raise click.UsageError("a target goes with --tts")
        return {}
    if cost is not None and value is not None:
        raise click.UsageError("give either --target-cost or --target-value")
    if value is not None:
        cost = cost_of_value(value, str(file.facts.get("scale", "1")), str(file.facts.get("offset", "0")))
    if (cost is not None) == (reference == "best-verified"):
        raise click.UsageError("with --tts give one of --target-cost, --target-value, --reference best-verified")
    return {"reference": "best-verified"} if cost is None else {"reference": "given", "target_cost": cost}


def cost_of_value(text: str, scale: str, offset: str) -> int:
    """Return the largest integer cost at least as good as a value in the file's unit; a usage error for no number."""
    try:
        # First, for it refuses what would take for ever to write out, such as 1e999999999.
        read_number(text)
        exact = (Fraction(text) - Fraction(offset)) / Fraction(scale)
    except (ValueError, ZeroDivisionError) as error:
        raise click.BadParameter(f"'{text}' is not a number", param_hint="--target-value") from error
    return exact.numerator // exact.denominator
