"""`[test]` of fanfold.toml, or `[tool.fanfold.test]`: suites, environments, and which of them go together.

    [test.suites.unit]
    framework = "pytest"                  # `command` is then how it is called, else all of the command
    folder = "api"
    variables = { DATABASE = "postgres:///test_{scratch}" }
    timeout = 600
    shards = 4
    resources = ["docker"]
    results = ["out/*.xml"]

    [test.environments.py312]
    prefix = "uv run --python 3.12"

    [test.matrix]
    exclude = [{ suite = "e2e", environment = "py312" }]

Suites that are named here are all there are, unless `discover` is true; one that discovery finds by the same name
lends it what is not said here. `{root}`, `{folder}`, `{scratch}`, `{index}` and `{count}` are filled in.

A file in the repository is the repository's word, and it may say all of this: whoever runs a repository's tests runs
its code, so a command of its own adds nothing that its test files could not do.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fanfold.errors import ConfigError
from fanfold.runners import RUNNERS
from fanfold.skills.parallel_test.plan import MatrixRule, matrix
from fanfold.sources.text import is_inside
from fanfold.suites import Environment, Suite

TABLES = ("suites", "environments", "matrix", "discover")
"""The keys of `[test]` that are no options of the command."""

M = TypeVar("M", bound=BaseModel)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_WILD = re.compile(r"[*?\[]")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _SuiteTable(_Table):
    framework: str | None = None
    command: str | list[str] | None = None
    arguments: str | list[str] | None = None
    folder: str | None = None
    paths: list[str] | None = None
    variables: dict[str, str] | None = None
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    shards: int | None = Field(default=None, ge=1)
    resources: list[str] | None = None
    results: list[str] | None = None
    environments: list[str] | None = None


class _EnvironmentTable(_Table):
    prefix: str | list[str] = ""
    variables: dict[str, str] = Field(default_factory=dict)


class _RuleTable(_Table):
    suite: str = "*"
    environment: str = "*"


class _MatrixTable(_Table):
    include: list[Any] = Field(default_factory=list)
    exclude: list[Any] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TestSettings:
    """What is configured; `suites` are the fields of `Suite` that are said, by the suite's name."""

    __test__ = False

    suites: Mapping[str, Mapping[str, Any]]
    environments: tuple[Environment, ...] = ()
    include: tuple[MatrixRule, ...] = ()
    exclude: tuple[MatrixRule, ...] = ()
    discover: bool = False
    file: str = ""


NOTHING = TestSettings({})
"""No configuration."""


def read_tables(tables: Mapping[str, Any], file: str) -> TestSettings:
    """Read the values of `TABLES`. Raises ConfigError, one line with the file, the key and the nearest known one."""
    discover = tables.get("discover", False)
    if not isinstance(discover, bool):
        raise ConfigError(f"{file}: test.discover: true or false is expected")
    rules = _read(_MatrixTable, tables.get("matrix", {}), "test.matrix", file)
    return TestSettings(
        suites={name: _suite(name, table, file) for name, table in _named(tables, "suites", file)},
        environments=tuple(_environment(name, table, file) for name, table in _named(tables, "environments", file)),
        include=tuple(_rule(entry, "test.matrix.include", file) for entry in rules.include),
        exclude=tuple(_rule(entry, "test.matrix.exclude", file) for entry in rules.exclude),
        discover=discover,
        file=file,
    )


def _named(tables: Mapping[str, Any], key: str, file: str) -> list[tuple[str, Any]]:
    table = tables.get(key, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: test.{key}: a table for each is expected, as [test.{key}.NAME]")
    wrong = next((name for name in table if not _NAME.fullmatch(name)), None)
    if wrong is not None:
        raise ConfigError(f"{file}: test.{key}: {wrong!r} is no name: letters, digits, '.', '_' and '-' make one")
    return list(table.items())


def _read(model: type[M], table: Any, where: str, file: str) -> M:
    """Check a table against a model."""
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: {where}: a table is expected")
    for key in table:
        if key not in model.model_fields:
            raise ConfigError(f"{file}: unknown key {key!r} in {where}{nearest(key, model.model_fields)}")
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        # A union names each of its members: the key is what a person has written.
        key = ".".join(str(part) for part in first["loc"][:1])
        raise ConfigError(f"{file}: {where}.{key}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error


def nearest(word: str, known: Iterable[str]) -> str:
    """Return what to say behind an unknown word: the nearest known one, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names) or 'none'}"


def _suite(name: str, table: Any, file: str) -> dict[str, Any]:
    where = f"test.suites.{name}"
    read = _read(_SuiteTable, table, where, file)
    if read.framework is not None and read.framework not in RUNNERS:
        raise ConfigError(f"{file}: {where}.framework: unknown {read.framework!r}{nearest(read.framework, RUNNERS)}")
    if read.folder is not None and read.folder != "." and not is_inside(read.folder):
        raise ConfigError(f"{file}: {where}.folder: {read.folder!r} is not inside of the repository")
    fields: dict[str, Any] = {
        "framework": read.framework or ("command" if read.command is not None else None),
        "command": _words(read.command, f"{where}.command", file),
        "arguments": _words(read.arguments, f"{where}.arguments", file),
        "timeout_s": read.timeout,
        **{key: getattr(read, key) for key in ("folder", "shards", "variables")},
        **{key: _tuple(getattr(read, key)) for key in ("paths", "resources", "results", "environments")},
    }
    if read.framework == "command" and not read.command:
        raise ConfigError(f"{file}: {where}: its command is missing")
    return {key: value for key, value in fields.items() if value is not None}


def _tuple(value: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def _words(value: str | list[str] | None, where: str, file: str) -> tuple[str, ...] | None:
    """Return the words of a command, which is a list, or text as for a shell (which it is not given to)."""
    if value is None:
        return None
    try:
        words = tuple(shlex.split(value) if isinstance(value, str) else value)
    except ValueError as error:
        raise ConfigError(f"{file}: {where}: {value!r} can't be split into words: {error}") from error
    if where.endswith("command") and not words:
        raise ConfigError(f"{file}: {where}: a command is expected")
    return words


def _environment(name: str, table: Any, file: str) -> Environment:
    where = f"test.environments.{name}"
    read = _read(_EnvironmentTable, table, where, file)
    return Environment(name=name, variables=read.variables, prefix=_words(read.prefix, f"{where}.prefix", file) or ())


def _rule(entry: Any, where: str, file: str) -> MatrixRule:
    read = _read(_RuleTable, entry, where, file)
    return MatrixRule(read.suite, read.environment)


def configured(settings: TestSettings, found: Sequence[Suite]) -> tuple[Suite, ...]:
    """Return the suites to run: those that are configured, on top of the ones that were found by the same name.

    Raises:
        ConfigError: a suite has neither a framework nor a command, nor was it found.
    """
    if not settings.suites:
        return tuple(found)
    by_name = {suite.name: suite for suite in found}
    named = tuple(_applied(name, fields, by_name.get(name), settings) for name, fields in settings.suites.items())
    others = [suite for suite in found if suite.name not in settings.suites] if settings.discover else []
    return (*named, *others)


def _applied(name: str, fields: Mapping[str, Any], found: Suite | None, settings: TestSettings) -> Suite:
    if found is None:
        if "framework" not in fields:
            raise ConfigError(
                f"{settings.file}: test.suites.{name}: no such suite was found: say its framework or command"
            )
        return Suite(name=name, found_by=settings.file, **fields)
    return Suite.model_validate({**found.model_dump(), "found_by": settings.file, **fields})


def pairs(settings: TestSettings, suites: Sequence[Suite]) -> tuple[tuple[Suite, Environment], ...]:
    """Return the matrix of suites and environments.

    Raises:
        ConfigError: a rule or a suite names what is not there.
    """
    places = {environment.name for environment in settings.environments}
    names = {suite.name for suite in suites}
    for rule in (*settings.include, *settings.exclude):
        _known(rule.suite, names, "suite", settings.file)
        _known(rule.environment, places, "environment", settings.file)
    for suite in suites:
        for name in suite.environments:
            _known(name, places, "environment", settings.file)
    return matrix(suites, settings.environments, settings.include, settings.exclude)


def _known(name: str, among: Iterable[str], kind: str, file: str) -> None:
    if name not in among and not _WILD.search(name):
        raise ConfigError(f"{file}: there is no {kind} {name!r}{nearest(name, among)}")
