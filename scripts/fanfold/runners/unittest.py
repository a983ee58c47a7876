"""unittest: the standard library's, a process for some of the test modules each.

It is run through `children/fanfold_unittest.py`, which needs nothing but the project's own interpreter. A command of
the project's own is read: `coverage run -m unittest discover -s tests` finds the same tests by way of that file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path, PurePath

from fanfold.errors import WorkerError
from fanfold.runners.base import Collected, Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import Plain, command_of, explained, filled, python_call, read_files, result_files
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
        if suite.command and _own(suite.command) is None:
            called = " ".join(suite.command)
            return (
                f"its command ({called}) calls neither python -m unittest nor Python: "
                'with framework = "command" it is run as it is'
            )
        return None if suite.command else tools.no_python(suite.folder)

    def items(self, suite: Suite) -> tuple[Item, ...]:
        """See `Runner.items`; a file that unittest would not name so is found out when it lists its tests."""
        start = _start(suite)
        modules = (relative_to(path, start).removesuffix(".py").replace("/", ".") for path in suite.files)
        return tuple(Item(module) for module in modules)

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        task, words = _read(task)
        return self._command(task, tools, "--list", *words)

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
        task, words = _read(task)
        return self._command(task, tools, *(task.tests or task.items or words), "-v")

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


def _read(task: Task) -> tuple[Task, tuple[str, ...]]:
    """Return the task with what its own command says of it, and unittest's words for all of its tests."""
    suite = task.suite
    own = _own(filled(suite.command, task))
    if own is None:
        return task, _discovery(_start(suite), _pattern(suite))
    said, free, flags = _split(own.words)
    suite = suite.model_copy(update={"command": own.program, "arguments": (*flags, *suite.arguments)})
    if free and free[0] != "discover":
        return replace(task, suite=suite), tuple(free)
    for name, word in zip("spt", free[1:], strict=False):
        said.setdefault(name, word)
    start = said.get("s", _start(suite))
    top = said.get("t", start)
    words = _discovery(start, said.get("p", _pattern(suite)), top)
    return replace(task, suite=suite.model_copy(update={"paths": (top,)})), words


@dataclass(frozen=True, slots=True)
class _Own:
    """A suite's own command: the program, and what it hands to unittest."""

    program: tuple[str, ...]
    words: tuple[str, ...] = ()


def _own(command: Sequence[str]) -> _Own | None:
    """Take a command apart; None for one in which neither unittest nor an interpreter is called."""
    words = tuple(command)
    for at in range(len(words) - 1):
        if words[at : at + 2] == ("-m", "unittest"):
            return _Own(words[:at], words[at + 2 :])
    return _Own(words) if any(_PYTHON.fullmatch(PurePath(word).name) for word in words) else None


_PYTHON = re.compile(r"(?:python|pypy)[\d.]*")


_VALUED_FLAGS = frozenset({"-k", "--durations"})  # the latter since Python 3.12
_VALUED = {"--start-directory": "s", "--pattern": "p", "--top-level-directory": "t"}


def _split(words: Iterable[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Split unittest's own words into what says where tests are (`s`, `p`, `t`), words without a dash, and flags."""
    said: dict[str, str] = {}
    free: list[str] = []
    flags: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in _VALUED:
            said[_VALUED[name]] = value if equals else next(rest, "")
        elif word[:2] in {"-s", "-p", "-t"}:
            said[word[1]] = word[2:] or next(rest, "")
        elif word.startswith("-"):
            flags += [word, next(rest, "")] if word in _VALUED_FLAGS else [word]
        else:
            free.append(word)
    return said, free, flags


def _discovery(start: str, pattern: str, top: str | None = None) -> tuple[str, ...]:
    """Return unittest's words for "find the tests": below a folder that is no package, so that names start there."""
    return ("discover", "-s", start, "-t", top or start, "-p", pattern)


# unittest's own comes first: it has to be fewer than those of another.
_PATTERNS = ("test*.py", "*_test.py", "*_tests.py")


def _pattern(suite: Suite) -> str:
    """Return the pattern by which most of a suite's files are named; unittest takes one."""
    names = [path.rpartition("/")[2] for path in suite.files]
    return max(_PATTERNS, key=lambda pattern: sum(fnmatch(name, pattern) for name in names))


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


UNITTEST = Unittest()
