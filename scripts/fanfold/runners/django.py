"""Django: `manage.py test` with a test runner on top of the project's own, a process for some of the modules each.

Shards run at the same time, so each gets a database of its own: FANFOLD_DATABASE_SUFFIX is put behind the name of the
test database, but for one that is kept in memory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import Plain, command_of, explained, python_call, read_files
from fanfold.runners.python_suites import django_suites
from fanfold.runners.results.unittest_lines import read_unittest
from fanfold.runners.tools import Tools
from fanfold.runners.unittest import CHILDREN, REPORT
from fanfold.suites import Suite


@dataclass(frozen=True)
class Django(Plain):
    """The runner; its items are the dotted names of test modules, which the list of files gives already."""

    name: str = "django"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return django_suites(listing)

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        return None if suite.command else tools.no_python(suite.folder, "django")

    def items(self, suite: Suite) -> tuple[Item, ...]:
        return tuple(Item(path.removesuffix(".py").replace("/", ".")) for path in suite.files)

    def command(self, task: Task, tools: Tools) -> Command:
        report = task.scratch / REPORT
        path = os.pathsep.join(part for part in (str(CHILDREN), tools.environ.get("PYTHONPATH", "")) if part)
        variables = {"FANFOLD_REPORT": str(report), "PYTHONPATH": path}
        own = ("--testrunner", "fanfold_django.DjangoRunner")
        words = ("manage.py", "test", "--noinput", *own, "-v", "2")
        labels = task.tests or task.items or task.suite.paths
        return command_of(
            task, python_call(task, tools), *words, *labels, variables=variables, results=(report,), own=own
        )

    def results(self, task: Task, ended: Ended) -> Reading:
        return explained(read_files(task, ended, read_unittest), ended, "Django ran no tests")


DJANGO = Django()
