"""Ruby's: RSpec and minitest, a process for some of the files each, through bundler where there is a Gemfile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, FileItems, command_of, explained, place_of, read_files
from fanfold.runners.results.minitest import read_minitest
from fanfold.runners.results.rspec import read_rspec
from fanfold.runners.sight import aside, folder_of, in_sight, is_below, join, named, nearest, relative_to
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Suite

_PROJECT = ("Gemfile", "Rakefile", ".rspec")
_LOAD = 'at = ARGV.index("--"); ARGV.shift(at).each { |file| require File.expand_path(file) }; ARGV.shift'


@dataclass(frozen=True)
class Rspec(FileItems):
    """The runner of RSpec."""

    name: str = "rspec"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return _suites(listing, "rspec", "spec", "_spec.rb")

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        if suite.command or (tools.which("bundle") if _bundled(suite, tools) else tools.which("rspec")):
            return None
        return "bundler is not installed: gem install bundler" if _bundled(suite, tools) else "gem install rspec"

    def command(self, task: Task, tools: Tools) -> Command:
        report = task.scratch / "rspec.json"
        own = ("--format", "json", "--out", str(report), "--format", "progress", "--no-color")
        chosen = task.tests or _files(task)
        return command_of(task, _call(task, tools, "rspec"), *own, results=(report,), last=chosen, own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        return explained(read_files(task, ended, read_rspec), ended, "RSpec wrote no report")


_CLASS = re.compile(r"^\s*class\s+(?:\w+::)*(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Minitest(FileItems):
    """The runner of minitest, and of test files that Rails runs."""

    name: str = "minitest"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return _suites(listing, "minitest", "test", "_test.rb", "test_")

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        if suite.command or (tools.which("bundle") if _bundled(suite, tools) else tools.which("ruby")):
            return None
        return "ruby is not installed: https://www.ruby-lang.org/en/documentation/installation"

    def command(self, task: Task, tools: Tools) -> Command:
        chosen = ("-n", _pattern(task.tests)) if task.tests else ()
        if (task.folder / "bin" / "rails").is_file():
            rails = Call((*_call(task, tools, "ruby").argv, "bin/rails"), {})
            return command_of(task, rails, "test", "-v", *chosen, *_files(task))
        ruby = _call(task, tools, "ruby")
        return command_of(task, ruby, "-Ilib", "-Itest", "-e", _LOAD, *_files(task), "--", "-v", *chosen)

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = read_minitest(ended.stdout, ended.stderr, place_of(task))
        homes = _homes(task) if reading.cases else {}
        cases = tuple(_at_home(case, homes) for case in reading.cases)
        return explained(Reading(cases, reading.error, reading.notes), ended, "minitest ran no tests")


def _homes(task: Task) -> dict[str, str]:
    """Return the file of each class of tests that is in one file of the suite alone: minitest does not tell it."""
    homes: dict[str, str] = {}
    for file in task.suite.files or _files(task):
        try:
            text = (task.folder / file).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for name in set(_CLASS.findall(text)):
            homes[name] = "" if name in homes else join(task.suite.folder, file)
    return homes


def _at_home(case: Case, homes: Mapping[str, str]) -> Case:
    """Let a test be in the file of its class, and not where it failed: that is another one each time."""
    home = homes.get(case.name.partition("#")[0].rpartition("::")[2])
    if not home or home == case.file:
        return case
    return case.model_copy(update={"file": home, "line": None})


def _suites(listing: Listing, framework: str, folder: str, end: str, start: str | None = None) -> tuple[Suite, ...]:
    """Return a suite for each project with test files in its `spec` or `test` folder.

    RSpec needs no settings: where there are none a folder `spec` makes a project of the one that it lies in.
    """
    settled = {folder_of(path) for path in named(listing, *_PROJECT)}
    bare = _bare(listing, settled, end) if framework == "rspec" else set()
    projects = sorted(settled | bare | {"."})
    suites = []
    for project in projects:
        place = join(project, folder)
        inner = [other for other in projects if other != project and is_below(other, project)]
        files = tuple(
            relative_to(path, project)
            for path in listing.paths
            if path.endswith(".rb") and is_below(path, place) and in_sight(path)
            if path.endswith(end)
            or (start and path.rpartition("/")[2].startswith(start) and not path.endswith("helper.rb"))
            if not any(is_below(path, other) for other in inner)
        )
        if files and not aside(project):
            suites.append(Suite(name=framework, framework=framework, folder=project, files=files, found_by=place))
    return tuple(suites)


def _bare(listing: Listing, settled: set[str], end: str) -> set[str]:
    """Return the folders with specs in their folder `spec` that no project with settings is around."""
    files = (path for path in listing.paths if path.endswith(end) and in_sight(path))
    loose = (path.split("/") for path in files if nearest(path, settled) is None)
    return {"/".join(parts[: parts.index("spec")]) or "." for parts in loose if "spec" in parts[:-1]}


def _bundled(suite: Suite, tools: Tools) -> bool:
    return (tools.root / suite.folder / "Gemfile").is_file()


def _call(task: Task, tools: Tools, program: str) -> Call:
    if _bundled(task.suite, tools):
        bundle = "bundle" if task.environment.prefix else tools.which("bundle") or "bundle"
        return Call((bundle, "exec", program), {})
    return Call((program if task.environment.prefix else tools.which(program) or program,), {})


def _files(task: Task) -> tuple[str, ...]:
    folder = task.suite.folder
    return tuple(relative_to(item, folder) for item in task.items) or task.suite.paths or task.suite.files


def _pattern(tests: tuple[str, ...]) -> str:
    # Ruby's regular expressions escape what Python's do; a space may stand as it is.
    return f"/^({'|'.join(re.escape(name).replace(chr(92) + ' ', ' ') for name in tests)})$/"


RSPEC = Rspec()
MINITEST = Minitest()
