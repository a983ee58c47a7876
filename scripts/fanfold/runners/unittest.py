"""unittest: the standard library's, a process for some of the test modules each.

It is run through `children/fanfold_unittest.py`, which needs nothing but the project's own interpreter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fanfold.errors import WorkerError
from fanfold.runners.base import Collected, Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import Plain, command_of, explained, python_call, read_files, result_files
from fanfold.runners.python_suites import unittest_suites
from fanfold.runners.results.unittest_lines import lines_of, read_unittest
from fanfold.runners.sight import relative_to
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Suite

CHILDREN = Path(__file__).parent / "children"
REPORT = "unittest.jsonl"
_FINE = (0, 5)  # the latter from 3.12 on, when all tests were skipped


@dataclass(frozen=True)
class Unittest(Plain):
    """The runner; its items are the dotted names of test modules, seen from the suite's first path."""

    name: str = "unittest"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return unittest_suites(listing)

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        return None if suite.command else tools.no_python(suite.folder)

    def items(self, suite: Suite) -> tuple[Item, ...]:
        """See `Runner.items`; a file that unittest would not name so is found out when it lists its tests."""
        start = _start(suite)
        modules = (relative_to(path, start).removesuffix(".py").replace("/", ".") for path in suite.files)
        return tuple(Item(module) for module in modules)

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        return self._command(task, tools, "--list", *_discovery(task))

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`; a test module that can't be imported is an item all the same."""
        data = b"".join(data or b"" for _, data in result_files(ended))
        if not data and ended.returncode:
            raise WorkerError(f"{task.suite.name}: its tests can't be listed: {_last_line(ended.stderr)}")
        tests: dict[str, list[str]] = defaultdict(list)
        for line in lines_of(data):
            if line[0] == "test":
                native = line[1].removeprefix("unittest.loader._FailedTest.")
                own = native if native != line[1] else native.rsplit(".", 2)[0]
                module = line[3] if isinstance(line[3], str) else own
                tests[module].append(native)
        return Collected(tuple(Item(module, tuple(names)) for module, names in sorted(tests.items())))

    def command(self, task: Task, tools: Tools) -> Command:
        return self._command(task, tools, *(task.tests or task.items or _discovery(task)), "-v")

    def _command(self, task: Task, tools: Tools, *words: str) -> Command:
        report = task.scratch / REPORT
        call = python_call(task, tools)
        variables = {"FANFOLD_REPORT": str(report), "PYTHONFAULTHANDLER": "1"}
        start = _start(task.suite)
        top = ("--top", start) if start != "." else ()
        script = str(CHILDREN / "fanfold_unittest.py")
        return command_of(task, call, script, *top, *words, variables=variables, results=(report,))

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = read_files(task, ended, read_unittest)
        cases = tuple(_whole_name(case, task.items) for case in reading.cases)
        return explained(Reading(cases, reading.error, reading.notes), ended, "unittest wrote nothing", _FINE)


def _whole_name(case: Case, asked: Sequence[str]) -> Case:
    """Give a module that can't be imported its whole name, of which unittest tells the end when it was asked for it."""
    if case.native or "." in case.name:
        return case
    meant = [name for name in asked if name.endswith(f".{case.name}")]
    return case.model_copy(update={"name": meant[0]}) if len(meant) == 1 else case


def _start(suite: Suite) -> str:
    return suite.paths[0] if suite.paths else "."


def _discovery(task: Task) -> tuple[str, ...]:
    """Return unittest's words for "find the tests": below a folder that is no package, so that names start there."""
    start = _start(task.suite)
    return ("discover", "-s", start, "-t", start, "-p", _pattern(task.suite))


def _pattern(suite: Suite) -> str:
    names = [path.rpartition("/")[2] for path in suite.files]
    return "test*.py" if not names or any(name.startswith("test") for name in names) else "*_test.py"


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


UNITTEST = Unittest()
