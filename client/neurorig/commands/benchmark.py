"""`neurorig benchmark qubo-mis | summary | max-size`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurorig import benchmark_grid, benchmark_tables, views
from neurorig.baseline import asked_baseline, keys_of
from neurorig.benchmark_views import CampaignSummaryView
from neurorig.campaign_wait import wait_for_campaign
from neurorig.client import Client
from neurorig.commands import max_size
from neurorig.commands.compare import pictures as comparison_pictures
from neurorig.commands.submit import BASELINE, JOB, ONCE, with_options
from neurorig.errors import Unreachable
from neurorig.follow import EXIT_INTERRUPTED
from neurorig.terminal import EXIT_JOB_FAILED, Terminal, with_terminal

if TYPE_CHECKING:
    from rich.console import RenderableType


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
            both = {"campaign": tables.model_dump(mode="json"), "comparison": joined.model_dump(mode="json")}
            terminal.show(both, *_pictures(terminal, tables), "", *comparison_pictures(joined))
    if any(view.states.get("failed", 0) or view.states.get("cancelled", 0) for view in views_of):
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


def _asked(options: dict[str, Any]) -> tuple[benchmark_grid.Grid, Any]:
    sizes = benchmark_grid.whole_numbers(options["sizes"])
    densities = benchmark_grid.numbers(options["densities"])
    timeouts, tts_limit_s = benchmark_grid.numbers(options["timeouts"]), options["tts_limit"]
    if options["quick"]:
        sizes, densities = benchmark_grid.QUICK_SIZES, benchmark_grid.QUICK_DENSITIES
        timeouts, tts_limit_s = benchmark_grid.QUICK_TIMEOUTS_S, benchmark_grid.QUICK_TTS_LIMIT_S
    scenarios = benchmark_grid.scenarios(
        () if options["no_fixed"] else timeouts,
        None if options["no_tts"] else tts_limit_s,
        benchmark_grid.numbers(options["gaps"]),
        options["reference"],
    )
    seeds = benchmark_grid.whole_numbers(options["seeds"])
    axes = benchmark_grid.grid(sizes, densities, seeds, scenarios)
    return axes, benchmark_grid.base_job(axes, options)


def _wait(client: Client, campaign: views.CampaignCreated) -> views.CampaignView:
    try:
        return wait_for_campaign(client, campaign.id, _say_change, _say_outage)
    except KeyboardInterrupt:
        click.echo(f"\nThe jobs go on. Come back with: neurorig benchmark summary {campaign.id}", err=True)
        sys.exit(EXIT_INTERRUPTED)


def _write(found: CampaignSummaryView, csv_path: Path | None) -> None:
    if csv_path is not None:
        try:
            csv_path.write_text(benchmark_tables.summary_csv(found.summary), "utf-8")
        except OSError as error:
            raise click.BadParameter(f"cannot write '{csv_path}': {error.strerror}", param_hint="--csv") from error


def _show(terminal: Terminal, found: CampaignSummaryView) -> None:
    terminal.show(found, *_pictures(terminal, found))


def _pictures(terminal: Terminal, found: CampaignSummaryView) -> list[RenderableType]:
    page = f"the same with charts: {terminal.server or 'the server'}/campaigns/{found.id}"
    return [*benchmark_tables.summary(found.summary), page]


def _say_change(view: views.CampaignView) -> None:
    states = ", ".join(f"{count} {state}" for state, count in sorted(view.states.items()) if count)
    _say(f"{view.id}: {100 * view.complete:.0f} % ({states})")


def _say_outage(error: Unreachable) -> None:
    _say(f"waiting for the server: {error.message}")


def _say(line: str) -> None:
    # To the error stream, so that the answer on the output stays clean for programs.
    click.echo(line, err=True)
