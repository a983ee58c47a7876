"""gradle: one process, since two in one project wait for each other's lock."""

from __future__ import annotations

from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, Plain, command_of, explained, read_files
from fanfold.runners.jvm_sources import placed
from fanfold.runners.maven import jvm_suites, with_natives
from fanfold.runners.results.junit import read_junit
from fanfold.runners.tools import Tools
from fanfold.suites import Suite

_SETTINGS = ("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts")
_WRAPPER = "gradlew"


@dataclass(frozen=True)
class Gradle(Plain):
    """The runner; a suite is a build with all its projects."""

    name: str = "gradle"
    sharding: Sharding = Sharding.WHOLE
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return jvm_suites(listing, "gradle", _SETTINGS)

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        there = suite.command or (tools.root / suite.folder / _WRAPPER).is_file() or tools.which("gradle")
        return None if there else "gradle is not installed: https://gradle.org/install"

    def command(self, task: Task, tools: Tools) -> Command:
        wrapper = (f"./{_WRAPPER}",) if (task.folder / _WRAPPER).is_file() else None
        plain = ("gradle" if task.environment.prefix else tools.which("gradle") or "gradle",)
        # Tests that are up to date would be passed over, and leave their old reports. One project that has none of the
        # tests that are asked for fails for that, and must not keep the others from running theirs.
        chosen = [word for name in task.tests for pattern in _patterns(name) for word in ("--tests", pattern)]
        results = (f"{task.folder}/**/build/test-results/**/*.xml",)
        own = ("--rerun-tasks", "--console=plain")
        words = ("test", "--continue", *own, *chosen)
        return command_of(task, Call(wrapper or plain, {}), *words, results=results, own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = placed(with_natives(read_files(task, ended, read_junit)), task)
        return explained(reading, ended, "gradle ran no tests")


def _patterns(native: str) -> tuple[str, ...]:
    """Return what chooses a test: JUnit 4 has its parameters in its name, `row[2]`, JUnit 5 does not."""
    name = native.replace("#", ".")
    return (name, f"{name}[*") if "#" in native else (name,)


GRADLE = Gradle()
