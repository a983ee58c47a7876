"""dotnet: `dotnet test` with the logger that it brings. One process: two would build into the same folders."""

from __future__ import annotations

from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, Plain, command_of, explained, read_files
from fanfold.runners.results.trx import read_trx
from fanfold.runners.sight import aside, folder_of, in_sight, is_below
from fanfold.runners.tools import Tools
from fanfold.suites import Suite

_PROJECTS = (".csproj", ".fsproj", ".vbproj")
_SOLUTIONS = (".sln", ".slnx")
_TEST_SDK = ("Microsoft.NET.Test.Sdk", "<IsTestProject>true", "MSTest.Sdk", "xunit.v3")


@dataclass(frozen=True)
class Dotnet(Plain):
    """The runner; a suite is a solution, or a test project that is below none."""

    name: str = "dotnet"
    sharding: Sharding = Sharding.WHOLE
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        tests = [
            path
            for path in listing.paths
            if path.endswith(_PROJECTS)
            and in_sight(path)
            and any(word in (listing.read(path) or "") for word in _TEST_SDK)
        ]
        solutions = [path for path in listing.paths if path.endswith(_SOLUTIONS) and in_sight(path)]
        owners = {test: next((s for s in solutions if is_below(test, folder_of(s))), test) for test in tests}
        return tuple(
            Suite(
                name="dotnet",
                framework="dotnet",
                folder=folder_of(path),
                paths=(path.rpartition("/")[2],),
                found_by=path,
                resources=(f"dotnet:{folder_of(path)}",),
            )
            for path in sorted(set(owners.values()))
            if not aside(folder_of(path))
        )

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        there = suite.command or tools.which("dotnet")
        return None if there else "dotnet is not installed: https://dotnet.microsoft.com/download"

    def command(self, task: Task, tools: Tools) -> Command:
        call = Call(("dotnet" if task.environment.prefix else tools.which("dotnet") or "dotnet",), {})
        own = ("--nologo", "--logger", "trx", "--results-directory", str(task.scratch))
        words = ["test", *task.suite.paths, *own]
        if task.tests:
            words += ["--filter", "|".join(f"FullyQualifiedName={_escaped(name)}" for name in task.tests)]
        variables = {"DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1"}
        results = (task.scratch / "**" / "*.trx",)
        return command_of(task, call, *words, variables=variables, results=results, own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        return explained(read_files(task, ended, read_trx), ended, "dotnet ran no tests")


def _escaped(name: str) -> str:
    return "".join(f"\\{c}" if c in "\\()&|=!~" else c for c in name)


DOTNET = Dotnet()
