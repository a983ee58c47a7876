"""pytest as any other runner: recognised, called by its own command, read back from its own JUnit file.

On this machine its suites are run by `runners.pytest`, which collects before it splits and hears of each test as it
ends. This is what is left where nothing can be injected: behind a prefix that leads into a container, one process.
"""

from __future__ import annotations

from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Listing, Reading, Sharding, Task
from fanfold.runners.common import FileItems, command_of, explained, place_of, python_call, read_files
from fanfold.runners.python_suites import pytest_suites
from fanfold.runners.results.junit import read_junit
from fanfold.runners.results.place import Place
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Suite

_NOTHING_COLLECTED = 5
_FAMILY = "--override-ini=junit_family=xunit1"


@dataclass(frozen=True)
class Pytest(FileItems):
    """The runner; the files that discovery has seen are not all that pytest may collect, so they are no shards."""

    name: str = "pytest"
    sharding: Sharding = Sharding.WHOLE
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return pytest_suites(listing)

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        return None if suite.command else tools.no_python(suite.folder, "pytest")

    def command(self, task: Task, tools: Tools) -> Command:
        report = task.scratch / "pytest.xml"
        call = python_call(task, tools)
        module = () if task.suite.command else ("-m", "pytest")
        own = (f"--junitxml={report}", _FAMILY)
        last = task.tests or task.suite.paths
        return command_of(task, call, *module, *own, last=last, results=(report,), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = read_files(task, ended, read_junit)
        if ended.returncode == _NOTHING_COLLECTED and not reading.cases:
            return Reading(notes=reading.notes)
        cases = tuple(_named(case, place_of(task)) for case in reading.cases)
        return explained(Reading(cases, reading.error, reading.notes), ended, "pytest wrote no report")


def _named(case: Case, place: Place) -> Case:
    """Give a case pytest's own name: the classes that its file's dotted name is followed by, and the test."""
    if not case.file:
        return case
    owner, _, name = case.name.rpartition("::")
    native = case.file if place.folder == "." else case.file.removeprefix(place.folder + "/")
    module = native.removesuffix(".py").replace("/", ".")
    classes = owner.removeprefix(module).strip(".").split(".") if owner.startswith(module) else []
    full = "::".join([*filter(None, classes), name])
    return case.model_copy(update={"name": full, "native": f"{native}::{full}"})


PYTEST = Pytest()
