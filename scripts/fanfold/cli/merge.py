"""`fanfold merge`: the answers of Claude Code's own agents, folded like any other run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fanfold.agents.host_folder import HOST, HostFolder
from fanfold.cli.hosting import AT_ONCE, MERGED, as_then
from fanfold.cli.options import option, rendering_options
from fanfold.cli.runs import chosen_run, latest_prepared
from fanfold.engine.runs import LATEST
from fanfold.errors import TargetError
from fanfold.models import Severity
from fanfold.skills import SKILLS


@click.command()
@click.argument("run", default=LATEST)
@rendering_options
@option(
    "--fail-on",
    type=click.Choice([severity.value for severity in Severity]),
    help="Exit 1 when a finding of this change is at or above it.",
)
@option("--quiet", is_flag=True, help="No progress on stderr.")
@option("--verbose", is_flag=True, help="Every event on stderr.")
@click.option("--now", is_flag=True, help="Fold what there is, even if answers make further agents necessary.")
@click.pass_context
def merge(ctx: click.Context, /, run: str, *, now: bool, **given: Any) -> int:
    """Check the answers to what `fanfold prepare` wrote, fold them, and report as a direct run does.

    RUN is a run's id, the start of one, or nothing for the latest that was prepared. A bad answer is named and the rest
    counts; what nobody answered is missing. Where answers call for further agents, such as those that verify what was
    found, this says so, and folds when it is called again.
    """
    place = (run == LATEST and latest_prepared()) or chosen_run(run)
    manifest = HostFolder(place / HOST).load()
    command = _command(ctx, manifest.command)
    ctx.meta.update({MERGED: place.name, f"{MERGED}.rounds": manifest.rounds, AT_ONCE: now})
    own = {name: _from_here(name, value) for name, value in given.items() if _was_given(ctx, name)}
    if not Path(manifest.cwd).is_dir():
        raise TargetError(f"{run}: it was prepared in {manifest.cwd}, which is no folder any more")
    with (
        as_then(manifest.environment, Path(manifest.cwd)),
        command.make_context(manifest.command, list(manifest.arguments), parent=ctx) as inner,
    ):
        inner.params.update(own)
        code: int = command.invoke(inner)
        return code


def _command(ctx: click.Context, name: str) -> click.Command:
    root = ctx.find_root().command
    command = root.get_command(ctx, name) if isinstance(root, click.Group) else None
    if command is None or name not in {skill.command for skill in SKILLS}:
        raise TargetError(f"there is no command {name!r} to fold the answers: prepare again")
    return command


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) in {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT}


def _from_here(name: str, value: Any) -> Any:
    """Return the value of an option as it means the same from any folder."""
    if name == "output" and isinstance(value, str) and value != "-":
        return f"{Path(value).absolute()}{'/' if value.endswith('/') else ''}"
    return value.absolute() if isinstance(value, Path) else value
