"""`fanfold prepare`: the prompts of a run whose sub-agents run in Claude Code itself."""

from __future__ import annotations

import difflib

import click

from fanfold.agents.host_folder import HOST
from fanfold.cli import ARGUMENTS
from fanfold.errors import UsageError
from fanfold.skills import SKILLS

_COMMANDS = {name: skill.command for skill in SKILLS for name in (skill.command, skill.name, skill.folder)}


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog=f"SKILL is {', '.join(skill.command for skill in SKILLS)}; what follows is what that command takes.",
)
@click.argument("skill")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def prepare(ctx: click.Context, skill: str, arguments: tuple[str, ...]) -> int:
    """Write the prompts of a run's sub-agents to files, for agents that Claude Code starts itself.

    Their answers are folded by `fanfold merge`. No API and no login is needed. Analyzers run at once. What is printed
    says which agents to start.
    """
    if skill not in _COMMANDS:
        near = difflib.get_close_matches(skill, _COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(skill.command for skill in SKILLS)}"
        raise UsageError(f"no skill {skill!r}; {hint}")
    name = _COMMANDS[skill]
    words = ["--backend", HOST, *arguments]
    ctx.meta[ARGUMENTS] = (name, words)
    command = ctx.find_root().command
    assert isinstance(command, click.Group)  # noqa: S101  the root of this command line is one
    wanted = command.get_command(ctx, name)
    assert wanted is not None  # noqa: S101  the registry of skills names commands
    with wanted.make_context(f"{ctx.info_name} {name}", list(words), parent=ctx.parent) as inner:
        if inner.params["backend"] != HOST:
            raise UsageError(f"fanfold prepare is for --backend {HOST}: leave --backend {inner.params['backend']} out")
        code: int = wanted.invoke(inner)
        return code
