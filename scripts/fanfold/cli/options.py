"""The options that review, test and analyze share: the same names, the same meaning everywhere."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from fanfold.agents.backends import BACKENDS, NO_BACKEND
from fanfold.agents.roles import ROLES, models_of
from fanfold.cli.config import FROM_REPOSITORY, TABLES, Settings, find_settings, named_settings
from fanfold.engine.folder import SECRET_VARIABLE
from fanfold.models import Severity
from fanfold.reports.formats import FORMATS, check_format, formats_of
from fanfold.skills import SKILLS
from fanfold.skills.request import Options

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULTS = Options()
EFFORTS = ("low", "medium", "high", "xhigh", "max")
_PREFIX = "FANFOLD_"
# What is read elsewhere than by an option: by the launcher, and by the store.
_READ_ELSEWHERE = ("FANFOLD_CACHE_DIR", SECRET_VARIABLE)


class FiniteRange(click.FloatRange):
    """A range of numbers to which neither nan nor infinity belongs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not _is(float, value):
            self.fail(f"{value!r} is not a number ({_expected(self, param)}).", param, ctx)
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", param, ctx)
        return number


class WholeRange(click.IntRange):
    """A range of whole numbers; what is none is told in words of the command line, not of its library."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if not _is(int, value):
            self.fail(f"{value!r} is not a whole number ({_expected(self, param)}).", param, ctx)
        return int(super().convert(value, param, ctx))


def _is(kind: type[float], value: Any) -> bool:
    try:
        kind(value)
    except (TypeError, ValueError):
        return False
    return True


def _expected(numbers: FiniteRange | WholeRange, param: click.Parameter | None) -> str:
    """Return what a number is to be, as in `USD, 0 or more`; every range here has a least value and no greatest."""
    unit = f"{param.metavar}, " if param and param.metavar not in {None, "N"} else ""
    return f"{unit}{f'more than {numbers.min}' if numbers.min_open else f'{numbers.min} or more'}"


class FormatChoice(click.Choice[str]):
    """All formats, of which a skill's command offers those that its runs have something for.

    The others are understood as well: whoever asks for one is told whose runs it is for.
    """

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:  # noqa: ARG002  click's signature
        return f"[{'|'.join(formats_of(_skill_of(ctx)))}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        skill = _skill_of(ctx) if ctx else None
        if skill and value not in FORMATS:
            check_format(str(value), skill)
        return super().convert(value, param, ctx)


class FormatOfRun(FormatChoice):
    """Any word: which formats a saved run has is known when the run is."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002  click's signature
        return str(value)


def _skill_of(ctx: click.Context) -> str | None:
    return next((skill.name for skill in SKILLS if skill.command == ctx.command.name), None)


def _configure(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:  # noqa: ARG001  click's
    """Put the configuration file's values under those of the command line and the environment."""
    settings = named_settings(ctx.command, value) if value else find_settings(ctx.command, Path.cwd())
    ctx.default_map = dict(settings.values)
    ctx.meta[TABLES] = settings.tables
    ctx.meta[FROM_REPOSITORY] = settings if settings.file and not value else None
    for line in unread_variables(ctx.command, os.environ):
        click.echo(f"fanfold: {line}", err=True)
    _say_skipped(settings)
    return value


def _configure_rendering(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:  # noqa: ARG001  click's
    """Do like `_configure` for a command that runs nothing, and so knows but some of the options."""
    settings = named_settings(ctx.command, value) if value else find_settings(ctx.command, Path.cwd())
    ctx.default_map = dict(settings.values)
    _say_skipped(settings)
    return value


def _say_skipped(settings: Settings) -> None:
    for line in settings.unknown:
        click.echo(f"fanfold: {settings.name}: {line}", err=True)
    for key in settings.skipped:
        flag = key.replace("_", "-")
        click.echo(
            f"fanfold: {settings.name}: {flag!r} is only taken from a file that you name (--config {settings.name})",
            err=True,
        )


def unread_variables(command: click.Command, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield one line for each variable that is meant for this program by its name and that nothing reads."""
    own = [param.envvar for param in command.params if isinstance(param.envvar, str)]
    known = [name.removeprefix(_PREFIX) for name in (*own, *_READ_ELSEWHERE)]
    for name in sorted(environment):
        told = name.removeprefix(_PREFIX)
        if told != name and told not in known:
            near = difflib.get_close_matches(told, known, n=1)
            yield f"{name} is set, and nothing reads it{f'; did you mean {_PREFIX}{near[0]}?' if near else ''}"


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """Declare an option that `FANFOLD_<NAME>` in the environment sets as well."""
    long = next(name for name in names if name.startswith("--"))
    variable = settings.setdefault("envvar", f"{_PREFIX}{long[2:].replace('-', '_').upper()}")
    if settings.get("multiple"):
        settings["help"] = f"{settings['help']} In {variable}, several are separated by spaces."
    return click.option(*names, **settings)


def _config(callback: Callable[[click.Context, click.Parameter, Path | None], Path | None]) -> Callable[[F], F]:
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=callback,
        envvar="FANFOLD_CONFIG",
        help="Default: fanfold.toml, or [tool.fanfold] of pyproject.toml, in the repository's root.",
    )


_TEMPLATES = option(
    "--templates",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder that is searched before the shipped templates.",
)


def _format(kind: click.Choice[str]) -> Callable[[F], F]:
    return option("--format", "format", type=kind, multiple=True, help="What to write; repeatable. Default: md.")


_RENDERING = (
    option(
        "--output",
        type=click.Path(allow_dash=True),  # as text: the slash at the end of a folder's name says something
        metavar="PATH",
        help="Where to write it: a file; a folder (PATH/), as for several formats; - for stdout.",
    ),
    option("--template", type=click.Path(path_type=Path), metavar="FILE", help="A report template of your own."),
    _TEMPLATES,
)
_SHARED = (
    option(
        "--backend",
        type=click.Choice(["auto", *BACKENDS, NO_BACKEND]),
        default=_DEFAULTS.backend,
        show_default=True,
        help="Where sub-agents run. auto: api when a credential is set, else claude-code when its CLI is logged in, "
        "else none.",
    ),
    option(
        "--model",
        help=f"The model of all sub-agents. Default: {_DEFAULTS.model}, and a cheaper one for what reads little.",
    ),
    option(
        "--model-for",
        multiple=True,
        metavar="ROLE=NAME",
        help=f"Another model for one role; repeatable. Roles: {', '.join(ROLES)}.",
    ),
    option(
        "--effort",
        type=click.Choice(EFFORTS),
        help="How hard they think; the model's own default if not given. In a review also how many read and verify: as "
        "with medium if not given. In an analysis from high on a planner, and a second reading for what is lacking.",
    ),
    option(
        "--jobs",
        type=WholeRange(1),
        default=_DEFAULTS.jobs,
        show_default=True,
        help="Most units in flight.",
    ),
    option(
        "--timeout",
        "timeout",
        type=FiniteRange(0, min_open=True),
        default=_DEFAULTS.timeout_s,
        show_default=True,
        metavar="SECONDS",
        help="For one unit.",
    ),
    option(
        "--deadline",
        type=FiniteRange(0, min_open=True),
        metavar="SECONDS",
        help="For the whole run; at the deadline it folds what it has.",
    ),
    option(
        "--max-cost",
        type=FiniteRange(0),
        metavar="USD",
        help="Never exceeded: a sub-agent whose worst case does not fit is not started (--dry-run shows it).",
    ),
    option("--dry-run", is_flag=True, help="Show the plan and its estimate; run and send nothing."),
    option("--exact", is_flag=True, help="With --dry-run: have the API count the tokens, which costs nothing."),
    option("--fresh", is_flag=True, help="Do not reuse stored outcomes."),
    option(
        "--replay", type=click.Path(), metavar="FILE", help="Answer sub-agents from this recording; none is called."
    ),
    option(
        "--record",
        type=click.Path(),
        metavar="FILE",
        help="Record what sub-agents answer, for --replay; every one of them is asked, as with --fresh.",
    ),
    _format(FormatChoice(list(FORMATS))),
    *_RENDERING,
    option(
        "--fail-on",
        type=click.Choice([severity.value for severity in Severity]),
        help="Exit 1 when a finding of this change is at or above it; reviews alone have findings.",
    ),
    _config(_configure),
    option("--quiet", is_flag=True, help="No progress on stderr."),
    option("--verbose", is_flag=True, help="Every event on stderr."),
)


def rendering_options(function: F) -> F:
    """Add the options that say what is written, where, and by which template, to a command that runs nothing."""
    return _declared((_format(FormatOfRun(list(FORMATS))), *_RENDERING, _config(_configure_rendering)), function)


def search_options(function: F) -> F:
    """Add the options that say where templates are looked for."""
    return _declared((_TEMPLATES, _config(_configure_rendering)), function)


def shared_options(function: F) -> F:
    """Add all the shared options, those of `rendering_options` included."""
    return _declared(_SHARED, function)


def shared_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the shared options came to, as the fields of a request."""
    model, models = models_of(given["model"], given["model_for"])
    alike = ("backend", "effort", "jobs", "fresh", "replay", "record")
    named = {"timeout_s": "timeout", "deadline_s": "deadline", "max_cost_usd": "max_cost"}
    fields = {name: given[name] for name in alike} | {field: given[name] for field, name in named.items()}
    return {**fields, "model": model, "models": models}


def _declared(options: Sequence[Callable[[F], F]], function: F) -> F:
    for declare in reversed(options):
        function = declare(function)
    return function
