"""maven: Surefire's and Failsafe's reports. One process: two in one `target` folder would overwrite each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, Plain, command_of, explained, read_files
from fanfold.runners.jvm_sources import placed
from fanfold.runners.results.junit import read_junit
from fanfold.runners.sight import aside, below, folder_of, in_sight, is_below, named
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Suite, TestAttempt, TestVerdict

_WRAPPER = "mvnw"
# Behind a method's name: `rows{int}[3]` of Surefire 2, `rows(int)[3]` of Surefire 3 and Gradle, `rows[3]` of JUnit 4.
_PARAMETERS = re.compile(r"[\[({]")
# What JUnit 4 calls what fails around a class's tests.
_OF_CLASS = frozenset({"classMethod", "initializationError", "executionError"})
_CRASHED = re.compile(r"^(?:\[ERROR\] )?Crashed tests:\n(?P<names>(?:(?:\[ERROR\] )?[\w.$]+\n)+)", re.MULTILINE)
_REPORTS = ("surefire-reports", "failsafe-reports")


@dataclass(frozen=True)
class Maven(Plain):
    """The runner; a suite is a project with all its modules."""

    name: str = "maven"
    sharding: Sharding = Sharding.WHOLE
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return jvm_suites(listing, "maven", ("pom.xml",))

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        there = suite.command or (tools.root / suite.folder / _WRAPPER).is_file() or tools.which("mvn")
        return None if there else "maven is not installed: https://maven.apache.org/install.html"

    def command(self, task: Task, tools: Tools) -> Command:
        wrapper = (f"./{_WRAPPER}",) if (task.folder / _WRAPPER).is_file() else None
        plain = ("mvn" if task.environment.prefix else tools.which("mvn") or "mvn",)
        own = ("-B", "-ntp", "-Dstyle.color=never", "-Dmaven.test.failure.ignore=true")
        words = list(own)
        if task.tests:
            words += [
                f"-Dtest={','.join(task.tests)}",
                "-Dsurefire.failIfNoSpecifiedTests=false",
                "-DfailIfNoTests=false",
            ]
        results = [f"{task.folder}/**/target/{reports}/TEST-*.xml" for reports in _REPORTS]
        return command_of(task, Call(wrapper or plain, {}), *words, results=results, last=("test",), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = read_files(task, ended, read_junit)
        reading = Reading((*reading.cases, *crashed_classes(ended, reading.cases)), reading.error, reading.notes)
        return explained(placed(with_natives(reading), task), ended, "maven ran no tests")


def jvm_suites(listing: Listing, framework: str, settings: tuple[str, ...]) -> tuple[Suite, ...]:
    """Return a suite for each outermost project that has sources of tests."""
    found = {folder_of(path): path for path in reversed(named(listing, *settings))}
    tests = [path for path in listing.paths if "src/test/" in path and in_sight(path)]
    suites = []
    for folder in sorted(found):
        outermost = not any(is_below(folder, other) for other in found if other != folder)
        if outermost and not aside(folder) and below(tests, folder):
            resource = f"{framework}:{folder}"
            suite = Suite(
                name=framework, framework=framework, folder=folder, found_by=found[folder], resources=(resource,)
            )
            suites.append(suite)
    return tuple(suites)


def crashed_classes(ended: Ended, cases: Iterable[Case]) -> Iterator[Case]:
    """Yield a case for each class whose process ended in it: Surefire writes no report of it, and maven may succeed.

    The classes that its module had still to run are told of by nobody.
    """
    reported = {case.name.partition("::")[0] for case in cases}
    for block in _CRASHED.finditer(ended.stdout.decode("utf-8", "replace")):
        for name in block["names"].replace("[ERROR] ", "").split():
            if name not in reported:
                reported.add(name)
                says = "the process that ran it ended; what its module had still to run was not run"
                yield Case(name=name, attempts=(TestAttempt(outcome=TestVerdict.CRASHED, message=says),))


def with_natives(reading: Reading) -> Reading:
    """Give each case the name by which Surefire and Gradle run it alone: `class#method`, without parameters."""
    cases = []
    for case in reading.cases:
        owner, _, method = case.name.partition("::")
        plain = _PARAMETERS.split(method, maxsplit=1)[0].strip()
        test = plain.isidentifier() and plain not in _OF_CLASS
        cases.append(case.model_copy(update={"native": f"{owner}#{plain}" if test else owner}))
    return Reading(tuple(cases), reading.error, reading.notes)


MAVEN = Maven()
