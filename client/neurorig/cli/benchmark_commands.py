"""`neurorig benchmark qubo-mis | summary`: from options to a campaign's base job and grid, and back to tables."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurorig.cli import benchmark_tables, max_size
from neurorig.cli.baseline import asked_baseline, keys_of
from neurorig.cli.campaign_wait import wait_for_campaign
from neurorig.cli.compare_command import pictures as comparison_pictures
from neurorig.cli.documents import job_spec
from neurorig.cli.job_commands import EXIT_INTERRUPTED
from neurorig.cli.submit_commands import BASELINE, JOB, ONCE
from neurorig.cli.terminal import EXIT_JOB_FAILED, Terminal, with_options, with_terminal
from neurorig.client import Client
from neurorig.errors import Unreachable
from neurorig_protocols.answers import as_json
from neurorig_protocols.api.campaigns import CampaignCreated, CampaignView
from neurorig_protocols.api.comparisons import CampaignSummary
from neurorig_protocols.benchmarks.tuning import SIZES
from neurorig_protocols.job import JobSpec

if TYPE_CHECKING:
    from rich.console import RenderableType

QUICK_SIZES = (10, 50, 100)
QUICK_DENSITIES = (0.05, 0.25)
QUICK_TIMEOUTS_S = (0.001, 0.01)
QUICK_TTS_LIMIT_S = 1.0

LEAST_ATTEMPT_S = 600.0
ATTEMPT_FACTOR = 60.0
"""A modelled chip may take many seconds of the host for one of its own."""
MOST_ATTEMPT_S = 86400.0

Grid = dict[str, list[Any]]


def whole_numbers(text: str, known: Sequence[int] = SIZES) -> tuple[int, ...]:
    """Read "10,25" or "0-4"; "10..5000" selects from the benchmark's sizes. A usage error says what is wrong."""
    try:
        if ".." in text:
            low, high = (int(part) for part in text.split(".."))
            found = tuple(n for n in known if low <= n <= high)
        elif "-" in text:
            low, high = (int(part) for part in text.split("-"))
            found = tuple(range(low, min(high, low + 1000) + 1))
        else:
            found = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is neither a list such as 10,25 nor a range") from error
    if not found:
        raise click.BadParameter(f"'{text}' selects nothing")
    return tuple(dict.fromkeys(found))


def numbers(text: str) -> tuple[float, ...]:
    """Read "0.01,0.1"; a usage error says what is wrong."""
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is not a list of numbers such as 0.01,0.1") from error


def scenarios_of(
    timeouts_s: Sequence[float], tts_limit_s: float | None, gaps: Sequence[float], reference: str = "official"
) -> list[dict[str, Any]]:
    """Return the fixed-timeout scenarios, shortest first, and the time-to-solution one unless it is left out."""
    found: list[dict[str, Any]] = [{"kind": "fixed-timeout", "timeout_s": t} for t in sorted(timeouts_s)]
    if tts_limit_s is not None:
        found.append({"kind": "time-to-solution", "limit_s": tts_limit_s, "gaps": list(gaps), "reference": reference})
    if not found:
        raise click.UsageError("no scenario is left: give --timeouts or a --tts-limit")
    return found


def grid(
    sizes: Sequence[int], densities: Sequence[float], seeds: Sequence[int], asked: Sequence[dict[str, Any]]
) -> Grid:
    """Return the axes of the campaign; seeds run fastest, so that rows become complete one after the other."""
    return {
        "workload.scenario": list(asked),
        "workload.n": list(sizes),
        "workload.density": list(densities),
        "workload.seed": list(seeds),
    }


def base_job(axes: Grid, options: Mapping[str, Any]) -> JobSpec:
    """Return the job of the grid's first point, with an attempt limit that its longest run fits into."""
    first = {path.removeprefix("workload."): values[0] for path, values in axes.items()}
    spec = job_spec({"name": "qubo-mis", **first}, options)
    longest_s = max(s.get("timeout_s") or s["limit_s"] * len(s["gaps"]) for s in axes["workload.scenario"])
    limit_s = min(max(LEAST_ATTEMPT_S, ATTEMPT_FACTOR * longest_s * spec.plan.trials), MOST_ATTEMPT_S)
    plan = spec.plan.model_copy(update={"max_attempt_s": limit_s})
    return JobSpec.model_validate({**spec.model_dump(mode="json"), "plan": plan.model_dump(mode="json")})


@click.group()
def benchmark() -> None:
    """Run a whole benchmark as one campaign, and read its tables."""


benchmark.add_command(max_size.max_size)


@benchmark.command("qubo-mis")
@click.option("--sizes", default="10..5000", show_default=True, help="Variables: 10..5000, or a list.")
@click.option("--densities", default="0.01,0.05,0.1,0.25", show_default=True, help="Edge densities, a list.")
@click.option("--timeouts", default="0.001,0.01,0.1,1,10,100", show_default=True, help="Fixed timeouts in seconds.")
@click.option("--tts-limit", type=float, default=10.0, show_default=True, help="Give up on a gap after SECONDS.")
@click.option("--gaps", default="0.1,0.05,0.01", show_default=True, help="Gaps of time to solution.")
@click.option(
    "--reference",
    type=click.Choice(["official", "best-verified"]),
    default="official",
    show_default=True,
    help="Target that the gaps of time to solution are measured from.",
)
@click.option("--seeds", default="0-4", show_default=True, help="Graph seeds: 0-4, or a list.")
@click.option("--no-fixed", is_flag=True, help="Leave the fixed timeouts out.")
@click.option("--no-tts", is_flag=True, help="Leave time to solution out.")
@click.option("--quick", is_flag=True, help="A small part of the grid, to see that everything works.")
@click.option("--name", default="qubo-mis", show_default=True, help="Name of the campaign.")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="Write the table to a CSV file too.")
@click.option("--no-wait", is_flag=True, help="Submit and return.")
@with_options(BASELINE, JOB, ONCE)
@with_terminal
def qubo_mis(terminal: Terminal, *, csv_path: Path | None, no_wait: bool, **options: Any) -> None:
    """The QUBO-MIS benchmark: every size, density and scenario with five seeds each.

    A row is the mean over its seeds; fixed timeouts give gap and mean power, time to solution gives right-censored
    latency and the energy to each gap.
    """
    axes, base = _asked(options)
    keys = keys_of(options["idempotency_key"])
    with terminal.client() as client:
        other = asked_baseline(client, base, options)
        left = client.submit_campaign(options["name"], base, axes, idempotency_key=keys[0])
        _say(f"campaign {left.id}: {left.count} jobs")
        found = [left]
        joined = None
        if other is not None:
            right = client.submit_campaign(f"{options['name']}, baseline", other, axes, idempotency_key=keys[1])
            _say(f"campaign {right.id}: {right.count} jobs on the baseline")
            sides = {"campaign": left.id}, {"campaign": right.id}
            joined = client.compare(*sides, name=options["name"], idempotency_key=keys[2])
            _say(f"comparison {joined.id}: neurorig compare {joined.id}")
            found.append(right)
        if no_wait:
            terminal.show(found[0], f"read it with: neurorig benchmark summary {left.id}")
            return
        views_of = [_wait(client, campaign) for campaign in found]
        tables = client.campaign_summary(left.id)
        _write(tables, csv_path)
        if joined is None:
            _show(terminal, tables)
        else:
            joined = client.comparison(joined.id)
            both = {"campaign": as_json(tables), "comparison": as_json(joined)}
            terminal.show(both, *_pictures(terminal, tables), "", *comparison_pictures(joined))
    if any({"failed", "cancelled"} & {state for state, count in view.states.items() if count} for view in views_of):
        sys.exit(EXIT_JOB_FAILED)


@benchmark.command()
@click.argument("campaign")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="Write the table to a CSV file too.")
@with_terminal
def summary(terminal: Terminal, campaign: str, csv_path: Path | None) -> None:
    """The tables of a campaign as they stand now."""
    with terminal.client() as client:
        found = client.campaign_summary(campaign)
    _write(found, csv_path)
    _show(terminal, found)


def _asked(options: dict[str, Any]) -> tuple[Grid, Any]:
    sizes = whole_numbers(options["sizes"])
    densities = numbers(options["densities"])
    timeouts, tts_limit_s = numbers(options["timeouts"]), options["tts_limit"]
    if options["quick"]:
        sizes, densities = QUICK_SIZES, QUICK_DENSITIES
        timeouts, tts_limit_s = QUICK_TIMEOUTS_S, QUICK_TTS_LIMIT_S
    scenarios = scenarios_of(
        () if options["no_fixed"] else timeouts,
        None if options["no_tts"] else tts_limit_s,
        numbers(options["gaps"]),
        options["reference"],
    )
    seeds = whole_numbers(options["seeds"])
    axes = grid(sizes, densities, seeds, scenarios)
    return axes, base_job(axes, options)


def _wait(client: Client, campaign: CampaignCreated) -> CampaignView:
    try:
        return wait_for_campaign(client, campaign.id, _say_change, _say_outage)
    except KeyboardInterrupt:
        click.echo(f"\nThe jobs go on. Come back with: neurorig benchmark summary {campaign.id}", err=True)
        sys.exit(EXIT_INTERRUPTED)


def _write(found: CampaignSummary, csv_path: Path | None) -> None:
    if csv_path is not None:
        try:
            csv_path.write_text(benchmark_tables.summary_csv(found.summary), "utf-8")
        except OSError as error:
            raise click.BadParameter(f"cannot write '{csv_path}': {error.strerror}", param_hint="--csv") from error


def _show(terminal: Terminal, found: CampaignSummary) -> None:
    terminal.show(found, *_pictures(terminal, found))


def _pictures(terminal: Terminal, found: CampaignSummary) -> list[RenderableType]:
    page = f"the same with charts: {terminal.server or 'the server'}/campaigns/{found.id}"
    return [*benchmark_tables.summary(found.summary), page]


def _say_change(view: CampaignView) -> None:
    states = ", ".join(f"{count} {state}" for state, count in sorted(view.states.items()) if count)
    _say(f"{view.id}: {100 * view.complete:.0f} % ({states})")


def _say_outage(error: Unreachable) -> None:
    _say(f"waiting for the server: {error.message}")


def _say(line: str) -> None:
    # To the error stream, so that the answer on the output stays clean for programs.
    click.echo(line, err=True)
