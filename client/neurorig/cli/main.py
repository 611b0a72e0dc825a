"""The `neurorig` command: a group whose subcommands are imported only when they are called.

Our own live in `neurorig.commands`; server, agents and drivers add theirs through the entry point group
`neurorig.commands`, so that no package imports across the walls.

Exit codes: 0 well, 1 a job failed, 2 wrong usage, 3 no server answers, 4 the server refused, 130 interrupted.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any, NoReturn

import click

from neurorig.cli.terminal import report_failure
from neurorig.errors import ClientError

EXIT_INTERRUPTED = 130

# Shown by --help without importing anything.
_OWN = {
    "submit": ("neurorig.cli.submit_commands", "Ask for a job."),
    "jobs": ("neurorig.cli.job_commands", "List jobs, newest first."),
    "show": ("neurorig.cli.job_commands", "Show a job or an attempt."),
    "solution": ("neurorig.cli.solution_command", "Show which variables of a QUBO are 1, by your own names."),
    "watch": ("neurorig.cli.job_commands", "Wait for jobs; interrupting leaves them running."),
    "cancel": ("neurorig.cli.job_commands", "Ask that a job end."),
    "energy": ("neurorig.cli.energy_command", "Energy of an attempt, or means over attempts."),
    "benches": ("neurorig.cli.job_commands", "List benches."),
    "benchmark": ("neurorig.cli.benchmark_commands", "Run a whole benchmark, and its tables."),
    "compare": ("neurorig.cli.compare_command", "Compare two jobs or campaigns on the same problems."),
    "tuning": ("neurorig.cli.tuning_commands", "Declare solver parameters, frozen under a digest."),
    "evaluation": ("neurorig.cli.evaluation_commands", "Sealed evaluation seeds: open, freeze, verify, submit."),
    "rules": ("neurorig.cli.rule_commands", "Check jobs against the rules of their benchmark."),
    "files": ("neurorig.cli.file_commands", "Upload, list and download files that jobs name."),
    "qubo": ("neurorig.cli.problem_commands", "Look at a problem file, or make one of a graph."),
    "targets": ("neurorig.cli.target_commands", "Official and best verified targets; improve and propose them."),
    "token": ("neurorig.cli.token", "Make, list and revoke API tokens."),
    "doctor": ("neurorig.cli.doctor", "Check address, server and token."),
    "demo": ("neurorig.cli.demo_command", "Measure the demo's jobs on virtual benches and this computer."),
}

_EXTRAS = {"neurorig_server": "server", "neurorig_agents": "agent", "neurorig_drivers": "agent"}


class LazyGroup(click.Group):
    """Finds subcommands by name, imports one when it is called, and turns failures into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """Return our own commands first, then the other packages'."""
        return [*_OWN, *sorted(set(_others()) - set(_OWN))]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names; a usage error names the closest one and all."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            from neurorig_protocols import wording

            ctx.fail(wording.unknown("command", name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click passes it
        """Import one command; a missing library becomes a command that says what to install."""
        if cmd_name in _OWN:
            found: click.Command = getattr(import_module(_OWN[cmd_name][0]), cmd_name)
            return found
        point = _others().get(cmd_name)
        return _load(point) if point else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        others = _others()
        rows = [(name, _OWN[name][1] if name in _OWN else _origin(others[name])) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; say what failed and leave with the exit code of the module's docstring."""
        try:
            return super().invoke(ctx)
        except ClientError as error:
            ctx.exit(report_failure(error, as_json=bool(ctx.meta.get("neurorig.json"))))
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)


def _others() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="neurorig.commands")}


def _origin(point: EntryPoint) -> str:
    return f"From {point.module.partition('.')[0]}; `neurorig {point.name} --help` says more."


def _load(point: EntryPoint) -> click.Command:
    try:
        found: click.Command = point.load()
    except ImportError as error:
        return _unavailable(point, error)
    return found


def _unavailable(point: EntryPoint, error: ImportError) -> click.Command:
    extra = _EXTRAS.get(point.module.partition(".")[0])
    cure = f"pip install 'neurorig[{extra}]'" if extra else f"install what '{point.module}' needs"

    def refuse() -> NoReturn:
        raise click.ClickException(f"'{point.name}' cannot be loaded: {error}. Next: {cure}")

    return click.Command(
        point.name, callback=refuse, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
    )


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 well, 1 a job failed, 2 wrong usage, 3 no server answers, 4 the server refused, "
    "130 interrupted.",
)
@click.version_option(version("neurorig"), prog_name="neurorig")
def cli() -> None:
    """Measure neuromorphic hardware on real benches.

    Commands find the server by --server or NEURORIG_SERVER, the token by --token-file or NEURORIG_TOKEN.
    """


def main() -> None:
    """Run the command; the console script's entry."""
    cli(prog_name="neurorig")
