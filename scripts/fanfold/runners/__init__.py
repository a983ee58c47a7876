"""Test frameworks as runners: one module each, one model of results."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from fanfold.errors import ConfigError

if TYPE_CHECKING:
    from fanfold.runners.base import Runner

RUNNERS = {
    "pytest": "fanfold.runners.pytest_plain:PYTEST",
    "unittest": "fanfold.runners.unittest:UNITTEST",
    "django": "fanfold.runners.django:DJANGO",
    "jest": "fanfold.runners.jest:JEST",
    "vitest": "fanfold.runners.vitest:VITEST",
    "playwright": "fanfold.runners.playwright:PLAYWRIGHT",
    "mocha": "fanfold.runners.mocha:MOCHA",
    "node": "fanfold.runners.node_test:NODE",
    "go": "fanfold.runners.go:GO",
    "cargo": "fanfold.runners.cargo:CARGO",
    "maven": "fanfold.runners.maven:MAVEN",
    "gradle": "fanfold.runners.gradle:GRADLE",
    "rspec": "fanfold.runners.ruby:RSPEC",
    "minitest": "fanfold.runners.ruby:MINITEST",
    "phpunit": "fanfold.runners.phpunit:PHPUNIT",
    "dotnet": "fanfold.runners.dotnet:DOTNET",
    "ctest": "fanfold.runners.ctest:CTEST",
    "bats": "fanfold.runners.bats:BATS",
    "command": "fanfold.runners.command:COMMAND",
}
"""Every runner, by the name of its framework; imported when it is asked for."""

_NODE = frozenset({"package.json"})
_RUBY = frozenset({".rb"})

SIGNS: Mapping[str, frozenset[str]] = {
    "jest": _NODE,
    "vitest": _NODE,
    "playwright": _NODE,
    "mocha": _NODE,
    "node": _NODE,
    "go": frozenset({"go.mod"}),
    "cargo": frozenset({"Cargo.toml"}),
    "maven": frozenset({"pom.xml"}),
    "gradle": frozenset({"build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"}),
    "rspec": _RUBY,
    "minitest": _RUBY,
    "phpunit": frozenset({"phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"}),
    "dotnet": frozenset({".csproj", ".fsproj", ".vbproj"}),
    "ctest": frozenset({"CMakeLists.txt"}),
    "bats": frozenset({".bats"}),
    "command": frozenset(),
}
"""Names or endings of files, one of which a repository has where a framework finds a suite: without any of them its
runner need not be imported. Those that are not in here are always asked."""


def load(name: str) -> Runner:
    """Return the runner of a framework.

    Raises:
        ConfigError: there is none of that name; the message lists those there are.
    """
    if name not in RUNNERS:
        raise ConfigError(f"there is no test framework {name!r}: choose from {', '.join(RUNNERS)}")
    module, _, attribute = RUNNERS[name].partition(":")
    runner: Runner = getattr(import_module(module), attribute)
    return runner
