"""Configuration files: found, read, checked key by key against the command's own options.

A file that was found in the repository under review is that repository's word, not the user's: options that write
files or choose templates or run the repository's code, and values that make a run cost more than it would without the
file, are taken only from a file that `--config` names. The suites that
`[test]` names are taken from either: running a repository's tests runs its code anyway.
"""

from __future__ import annotations

import difflib
import importlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import click

from fanfold.errors import ConfigError

# Where a command's context keeps what the repository's own file set.
FROM_REPOSITORY = "fanfold.from-repository"
# What a repository's own file may not set.
USER_ONLY = frozenset(
    {"template", "templates", "output", "fresh", "aspects_from", "analyses_from", "baseline", "replay", "record"}
)
# What a file says relative to itself.
_BESIDE = ("template", "templates")
# The commands that run something. What is meant for them is none of the affairs of those that only render.
_RUNNING = ("review", "test", "analyze")
# What makes a run dearer, and the values of an option that do not.
_DEARER = frozenset({"model", "model_for", "most_tokens"})
_CHEAP_EFFORTS = ("low", "medium")
# What no file may set: it names the run's target or the file itself.
_NEVER = frozenset(
    {
        "target",
        "config",
        "help",
        "continues",
        "staged",
        "diff",
        "dry_run",
        "exact",
        "accept",
        "fix",
        "pr",
        "post",
        "yes",
    }
) | {"plan", "shard", "merge", "executor", "scheduler"}
# The commands whose own table holds more than options: who reads it. Its module names the keys in `TABLES`, and
# `read_tables(tables, file)` makes of them what `Settings.tables` keeps.
_READERS = {"test": "fanfold.skills.parallel_test.settings"}
# Where a command's context keeps what was read from such tables.
TABLES = "fanfold.tables"


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration: values by parameter name; `skipped` are keys that only the user may set.

    `unknown` says of each key that nothing knows, and that the command can do without, what was meant. `tables` is what
    the command's own reader made of the tables that are no options, None without any.
    """

    values: Mapping[str, Any]
    file: Path | None = None
    skipped: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    tables: Any = None

    @property
    def name(self) -> str:
        """The file's name, "" without a file."""
        return self.file.name if self.file else ""


def find_settings(command: click.Command, cwd: Path) -> Settings:
    """Read the repository's own `fanfold.toml`, or `[tool.fanfold]` of its pyproject.toml. Raises ConfigError."""
    root = repository_root(cwd)
    for name in ("fanfold.toml", "pyproject.toml"):
        file = root / name
        if file.is_file():
            table = _table(file)
            if table is not None:
                return _own_word(check(command, table, file))
    return Settings({})


def named_settings(command: click.Command, file: Path) -> Settings:
    """Read the file that the user named. Raises ConfigError."""
    table = _table(file)
    if table is None:
        raise ConfigError(f"{file}: no [tool.fanfold] in it")
    settings = check(command, table, file)
    beside = {name: file.parent / value for name, value in settings.values.items() if name in _BESIDE}
    return replace(settings, values={**settings.values, **beside})


def own_word(ctx: click.Context) -> list[str]:
    """Say what the repository's own configuration sets."""
    settings: Settings | None = ctx.meta.get(FROM_REPOSITORY)
    return [f"the repository's own {settings.name} sets {', '.join(settings.values)}"] if settings else []


def repository_root(cwd: Path) -> Path:
    """Return the nearest folder at or above `cwd` that holds `.git`, or `cwd`."""
    return next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: can't be read: {error}") from error
    if file.name != "pyproject.toml":
        return document
    table = document.get("tool", {}).get("fanfold")
    return table if isinstance(table, dict) else None


def check(command: click.Command, table: Mapping[str, Any], file: Path) -> Settings:
    """Check a table against the options of `command`; its own sub-table wins. Raises ConfigError."""
    from fanfold.cli import COMMANDS

    options = _options_of(command)
    values: dict[str, Any] = {}
    unknown: list[str] = []
    commands = tuple(dict.fromkeys([*COMMANDS, *_READERS]))
    for key, value in table.items():
        if key in commands and isinstance(value, dict):
            continue
        if command.name not in _RUNNING and _is_others(key, options):
            known = [*_of_running(), *commands]
            unknown += [] if _name_of(key) in map(_name_of, known) else [f"unknown key {key!r}{_hint(key, known)}"]
            continue
        values.update(_checked(key, value, options, file, commands))
    own = table.get(command.name or "", {})
    own = own if isinstance(own, dict) else {}
    reader = _READERS.get(command.name or "")
    tables = importlib.import_module(reader) if reader else None
    nested: tuple[str, ...] = tables.TABLES if tables else ()
    for key, value in own.items():
        if key not in nested:
            values.update(_checked(key, value, options, file, nested))
    read = {key: own[key] for key in nested if key in own}
    read_tables = tables.read_tables(read, str(file)) if tables and read else None
    return Settings(values, file, unknown=tuple(unknown), tables=read_tables)


def _options_of(command: click.Command) -> dict[str, click.Parameter]:
    options = (one for one in command.params if isinstance(one, click.Option))
    return {one.name: one for one in options if one.name and one.name not in _NEVER}


@cache
def _of_running() -> Mapping[str, tuple[str, ...]]:
    """Return each key that a command which runs something takes, and the commands that do."""
    takers: dict[str, list[str]] = {}
    for name in _RUNNING:
        for key in _keys(_options_of(getattr(importlib.import_module(f"fanfold.cli.{name}"), name))):
            takers.setdefault(key, []).append(name)
    return {key: tuple(names) for key, names in takers.items()}


def _keys(options: Iterable[str]) -> list[str]:
    """Return what options are called in a file."""
    options = list(options)
    return [*(name.replace("_", "-") for name in options), *(many for many, one in _PLURALS.items() if one in options)]


def _is_others(key: str, options: Mapping[str, click.Parameter]) -> bool:
    """Tell whether a key is none of the affairs of a command with these options: not even a slip in one of theirs."""
    if _name_of(key) in options or key in _NEVER:
        return False
    own = _keys(options)
    return next(iter(_near(key, {*own, *_of_running()})), None) not in own


def _name_of(key: str) -> str:
    return _PLURALS.get(key, key).replace("-", "_")


def _checked(
    key: str, value: object, options: Mapping[str, click.Parameter], file: Path, tables: tuple[str, ...]
) -> dict[str, Any]:
    option = options.get(_name_of(key))
    if option is None or option.name is None:
        raise ConfigError(f"{file}: unknown key {key!r}{_hint(key, [*_keys(options), *tables])}")
    if option.multiple != isinstance(value, list) or isinstance(value, dict):
        raise ConfigError(f"{file}: {key}: {'a list' if option.multiple else 'a single value'} is expected")
    try:
        option.type_cast_value(click.Context(click.Command(key)), value)
    except click.BadParameter as error:
        raise ConfigError(f"{file}: {key}: {error.message}") from error
    return {option.name: value}


def _hint(key: str, known: Sequence[str]) -> str:
    """Say what an unknown key was meant to be, also when it would be another command's."""
    others = () if key in _NEVER else _of_running()
    near = next(iter(_near(key, {*known, *others})), None)
    if near is None:
        return f"; there are {', '.join(sorted(known))}"
    if near in known:
        return f"; did you mean {near!r}?"
    takers = " and ".join(f"[{name}]" for name in _of_running()[near])
    return f"; {'it' if near == key else repr(near)} belongs in {takers}"


def _near(key: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.5)


# A list reads better in the plural: `aspects = [...]` is `--aspect` repeated.
_PLURALS = {"aspects": "aspect", "analyzers": "analyzer", "formats": "format"}


def _own_word(settings: Settings) -> Settings:
    skipped = tuple(sorted(name for name, value in settings.values.items() if _is_the_users(name, value)))
    kept = {name: value for name, value in settings.values.items() if name not in skipped}
    return replace(settings, values=kept, skipped=skipped)


def _is_the_users(name: str, value: object) -> bool:
    """Tell whether a setting is not a repository's to make."""
    return name in USER_ONLY or name in _DEARER or (name == "effort" and value not in _CHEAP_EFFORTS)
