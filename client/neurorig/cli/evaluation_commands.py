"""`neurorig evaluation open | freeze | show | list | verify | submit`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import click

from neurorig import calls
from neurorig.cli import rule_tables, tables
from neurorig.cli import terminal as digests
from neurorig.cli.documents import checked, read_document, round_of
from neurorig.cli.submit_commands import ONCE, scenario_of
from neurorig.cli.terminal import EXIT_JOB_FAILED, Terminal, with_options, with_terminal
from neurorig_protocols.answers import as_json
from neurorig_protocols.api.evaluations import EvaluationView
from neurorig_protocols.benchmarks import evaluation as rules
from neurorig_protocols.benchmarks.evaluation import Check, EvaluationRound
from neurorig_protocols.benchmarks.tuning import TuningDeclaration

NONCE_BYTES = 16


@click.group()
def evaluation() -> None:
    """Draw evaluation seeds after the parameters are frozen, so that anybody can check that nobody chose them."""


@evaluation.command("open")
@click.option("--comment", default="", help="What the round is for.")
@with_options(ONCE)
@with_terminal
def open_round(terminal: Terminal, comment: str, idempotency_key: str | None) -> None:
    """Open a round: the server binds itself to a secret and publishes the commitment. Note it down."""
    with terminal.client() as client:
        view = client.open_evaluation(comment=comment, idempotency_key=idempotency_key)
    terminal.show(view, rule_tables.evaluation_facts(view), f"next: neurorig evaluation freeze {view.id} DIGEST")


@evaluation.command()
@click.argument("round_id")
@click.argument("digest", type=digests.TUNING)
@click.option("--nonce", help="Your own random bytes in hexadecimal digits; drawn here if left out.")
@with_options(ONCE)
@with_terminal
def freeze(terminal: Terminal, round_id: str, digest: str, nonce: str | None, idempotency_key: str | None) -> None:
    """Freeze a declaration into a round, once: the seeds are drawn and the secret is published."""
    if idempotency_key is not None and nonce is None:
        raise click.UsageError("--idempotency-key goes with --nonce: with another nonce it would be another request")
    own = secrets.token_hex(NONCE_BYTES) if nonce is None else nonce
    with terminal.client() as client:
        view = client.freeze_evaluation(round_id, digest, nonce=own, idempotency_key=idempotency_key)
    terminal.show(view, rule_tables.evaluation_facts(view), f"check it with: neurorig evaluation verify {view.id}")


@evaluation.command()
@click.argument("round_id")
@with_terminal
def show(terminal: Terminal, round_id: str) -> None:
    """Show a round; with --json its public record and declaration, for `verify --file`."""
    view, declaration = _fetch(terminal, round_id)
    record = {"evaluation": as_json(view), "declaration": declaration}
    terminal.show(record, rule_tables.evaluation_facts(view))


@evaluation.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200), help="List at most this many.")
@with_terminal
def list_rounds(terminal: Terminal, limit: int) -> None:
    """List rounds, newest first, and how many each solver on each board has had."""
    with terminal.client() as client:
        page = client.send(calls.evaluation_page(limit, None))
    if not page.items:
        terminal.show(page, "no rounds")
        return
    terminal.show(page, rule_tables.evaluations(page), "", rule_tables.round_counts(page.counts))


@evaluation.command()
@click.argument("round_id", required=False)
@click.option(
    "--file", "path", type=click.Path(path_type=Path), help="A saved `show --json`, checked without a server."
)
@click.option("--commitment", help="The commitment that you noted when the round was opened.")
@with_terminal
def verify(terminal: Terminal, round_id: str | None, path: Path | None, commitment: str | None) -> None:
    """Recompute a round's commitment, seeds and declaration on this computer. Ends with 1 when something is wrong."""
    if (round_id is None) == (path is None):
        raise click.UsageError("name a round, or give --file")
    found, declaration = _record(terminal, round_id, path)
    checks = rules.verify(found, declaration)
    if commitment is not None:
        checks.append(Check(name="noted", well=commitment == found.commitment, seen=f"published {found.commitment}"))
    rows = [(check.name, check.well, check.seen) for check in checks]
    terminal.show({"round": found.id, "checks": [c.model_dump() for c in checks]}, tables.checks(rows))
    if not all(check.well for check in checks):
        click.get_current_context().exit(EXIT_JOB_FAILED)


@evaluation.command()
@click.argument("round_id")
@click.option(
    "--n", "sizes", multiple=True, type=int, help="Variables; repeatable. All sizes of the benchmark if none."
)
@click.option("--density", "densities", multiple=True, type=float, help="Edge density; repeatable. All four if none.")
@click.option("--timeout", "timeout_s", type=float, help="Fixed-timeout scenario: run for SECONDS.", metavar="SECONDS")
@click.option(
    "--tts", "limit_s", type=float, help="Time-to-solution scenario: give up after SECONDS.", metavar="SECONDS"
)
@click.option("--gap", "gaps", multiple=True, type=float, help="Gap to reach, with --tts; repeatable.")
@click.option("--reference", type=click.Choice(["official", "best-verified"]), help="Target of the gaps, with --tts.")
@click.option("--bench", help="One bench by name.")
@click.option("--reality", type=click.Choice(["physical", "virtual"]))
@click.option("--metered", is_flag=True, default=None, help="Ask for a bench that measures energy.")
@click.option("--trials", type=int, help="Repetitions of the run phase.")
@click.option("--idle", "idle_s", type=float, help="Length of each idle window in seconds.")
@click.option("--settle", "settle_s", type=float, help="Wait between phases in seconds.")
@click.option("--tag", "tags", multiple=True, help="Label for finding the jobs again; repeatable.")
@click.option("--wait-for-bench", is_flag=True, help="Queue them even if no registered bench fits yet.")
@with_options(ONCE)
@with_terminal
def submit(
    terminal: Terminal, round_id: str, *, wait_for_bench: bool, idempotency_key: str | None, **options: Any
) -> None:
    """Ask for the jobs of a revealed round: every size, density and seed in one scenario, as one campaign."""
    scenario = scenario_of(options["timeout_s"], options["limit_s"], options["gaps"])
    if options["reference"] is not None:
        if options["limit_s"] is None:
            raise click.UsageError("--reference goes with --tts")
        scenario["reference"] = options["reference"]
    body = {
        "scenario": scenario,
        "needs": _given(options, "bench", "reality", "metered"),
        "plan": _given(options, "trials", "idle_s", "settle_s"),
        **{name: list(options[name]) for name in ("sizes", "densities", "tags") if options[name]},
    }
    with terminal.client() as client:
        made = client.submit_evaluation(round_id, body, idempotency_key=idempotency_key, wait_for_bench=wait_for_bench)
    terminal.show(made, f"campaign {made.id} with {made.count} jobs", f"see them: neurorig jobs --campaign {made.id}")


def _given(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}


def _fetch(terminal: Terminal, round_id: str) -> tuple[EvaluationView, dict[str, Any] | None]:
    with terminal.client() as client:
        view = client.evaluation(round_id)
        return view, as_json(client.tuning(view.tuning).declaration) if view.tuning else None


def _record(
    terminal: Terminal, round_id: str | None, path: Path | None
) -> tuple[EvaluationRound, TuningDeclaration | None]:
    """Return a round's public record and its declaration, from the server or from a file."""
    if round_id is not None:
        view, said = _fetch(terminal, round_id)
        answer: Any = as_json(view)
    else:
        saved = read_document(path) if path is not None else None
        fields = saved if isinstance(saved, dict) else {}
        answer, said = fields.get("evaluation"), fields.get("declaration")
    declaration = None if said is None else checked(TuningDeclaration, said, "this is not a tuning declaration")
    return round_of(answer), declaration
