"""The command line: one file per command, and the only place that prints or exits.

Commands load when they are used, so that `fanfold --help` stays fast.
"""

from __future__ import annotations

import difflib
import gc
import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn, cast

import click
from click.core import ParameterSource

from fanfold import __version__
from fanfold.cli.streams import guard_streams
from fanfold.errors import FanfoldError, NothingToDo

EXIT_USAGE = 2
EXIT_NOTHING = 4
# EX_SOFTWARE of sysexits.h; 1 would say that there is a finding.
EXIT_DEFECT = 70
EXIT_INTERRUPTED = 130

# Where the click context keeps the command that was called, and its words.
ARGUMENTS = "fanfold.arguments"

# One line a command: its module (the command has the module's name) and what the list of commands says of it.
COMMANDS: Mapping[str, str] = {
    "review": "Review a change, a commit, a branch or files.",
    "test": "Run test suites side by side, and explain what fails.",
    "analyze": "Answer a question about a code base, every statement with its lines.",
    "report": "Render a saved run again; no model is called.",
    "templates": "List report templates, show or copy one, check your own.",
    "fix": "Apply suggestions of a review to the working tree.",
    "dismiss": "Say of findings that they are no fault; they never come back.",
    "prepare": "Write a run's prompts for agents that Claude Code starts itself.",
    "merge": "Fold the answers to what prepare wrote, and report.",
    "doctor": "Show what this machine has, and which backend auto takes.",
    "runs": "List the runs of this repository, show one, prune old ones.",
}


class Commands(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"fanfold.cli.{cmd_name}")
        if not gc.isenabled():  # the launcher has turned it off for the time of importing; what there is by now stays
            gc.freeze()
            gc.enable()
        return cast("click.Command", getattr(module, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {name!r}; {hint}", ctx)
        ctx.meta[ARGUMENTS] = (name, args[1:])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 a finding at or above --fail-on; 2 usage or configuration; 3 incomplete; "
    "4 nothing to do; 70 a defect in fanfold; 130 interrupted.",
)
@click.version_option(__version__, prog_name="fanfold")
def cli() -> None:
    """Fan work out to parallel Claude sub-agents and processes, fold what comes back into one report."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; every expected failure is one line on stderr."""
    guard_streams()
    sys.exit(run(sys.argv[1:] if argv is None else list(argv)))


def run(argv: list[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        return _run(argv)
    except FanfoldError as error:
        _complain(str(error))
        return EXIT_NOTHING if isinstance(error, NothingToDo) else EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is; click makes a broken pipe an exit with 1
        traceback.print_exc()
        _complain(f"this is a defect in fanfold ({type(error).__name__}): please report it with the lines above")
        return EXIT_DEFECT


def _run(argv: list[str]) -> int:
    try:
        return int(cli.main(argv, prog_name="fanfold", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        return EXIT_USAGE
    except click.ClickException as error:
        return _usage_error(error)


def _usage_error(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "fanfold"
    _complain(f"{_message(error)} (see {command} --help)")
    return EXIT_USAGE


def _message(error: click.ClickException) -> str:
    """Return what is wrong; a value of the environment's by its variable, as the command line shows no such option."""
    if isinstance(error, click.BadParameter) and error.ctx and error.param and error.param.name:
        source = error.ctx.get_parameter_source(error.param.name)
        if source is ParameterSource.ENVIRONMENT:
            return f"{error.param.envvar} in the environment: {error.message}"
    return error.format_message()


def _complain(message: str) -> None:
    click.echo(f"fanfold: {' '.join(message.split())}", err=True)
