"""Runs in the project's interpreter, from Python 3.8 on, with nothing installed: unittest that tells what happens.

A line of JSON is written, and flushed, when a test starts and when it ends, to the file that FANFOLD_REPORT names: a
process that is ended, or that a test takes along, keeps what it had. `python fanfold_unittest.py ARGUMENT…` takes
unittest's own arguments. Before them, `--top FOLDER` is where names of tests start, and `--list` names the tests
instead of running them.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import unittest
from types import TracebackType
from typing import Any, ClassVar, Iterator, Optional, Tuple, Type, Union
from unittest.util import strclass

_LONGEST = 20000
# Where a test keeps the module that it was loaded from, which its own name need not tell: doctests of load_tests.
_MODULE = "_fanfold_module"

Err = Union[Tuple[Type[BaseException], BaseException, TracebackType], Tuple[None, None, None]]
Told = Tuple[str, Optional[str], Optional[str]]


def _file_of(test: object) -> str:
    name = type(test).__module__
    if type(test).__name__ == "_ErrorHolder":
        # `setUpClass (tests.test_a.T)`, `setUpModule (tests.test_a)`: what stands in for them is unittest's own.
        owner = str(test).partition("(")[2].rstrip(")")
        name = owner if owner in sys.modules else owner.rpartition(".")[0]
    return getattr(sys.modules.get(name), "__file__", None) or ""


class Report:
    """The file of lines."""

    def __init__(self) -> None:
        self._file = open(
            os.environ.get("FANFOLD_REPORT", os.devnull), "a", encoding="utf-8", errors="backslashreplace"
        )

    def line(self, *parts: object) -> None:
        """Write a line, whole."""
        self._file.write(json.dumps(parts) + "\n")
        self._file.flush()


class Result(unittest.TextTestResult):
    """Writes each test's start and end; a subtest that fails is a test of its own besides.

    `of_owner` are the tests by what unittest calls that which sets up their class or module; classes may share a name.
    """

    of_owner: ClassVar[dict[str, list[list[unittest.TestCase]]]] = {}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._report = Report()
        self._outcome: Told | None = None
        self._began = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._outcome = None
        self._report.line("start", test.id(), _file_of(test))
        self._began = time.perf_counter()

    def stopTest(self, test: unittest.TestCase) -> None:
        took = time.perf_counter() - self._began
        # An interruption passes through here as well, and leaves the test without an end.
        if self._outcome is not None or sys.exc_info()[0] is None:
            self._end(test, test.id(), self._outcome or ("passed", None, None), took)
        super().stopTest(test)

    def _end(self, test: object, name: str, told: Told, took: float = 0.0) -> None:
        outcome, said, trace = told
        self._report.line("end", name, _file_of(test), outcome, took, said, trace)

    def _failed(self, outcome: str, test: unittest.TestCase, err: Err) -> None:
        told = _told(outcome, err)
        if type(test).__name__ == "_ErrorHolder":
            # setUpClass, setUpModule or their counterparts: outside of any test.
            self._end(test, test.id(), ("error", told[1], told[2]))
            for one in self._kept_from_running(test):
                self._end(one, one.id(), ("not_run", f"{test.id()} failed", None))
        elif self._outcome is None or self._outcome[0] not in {"failed", "error"}:
            self._outcome = told

    def _kept_from_running(self, holder: unittest.TestCase) -> list[unittest.TestCase]:
        """Return whose set-up this stands for: of those that it keeps from running unittest says nothing."""
        groups = self.of_owner.get(holder.id())
        return groups.pop(0) if groups else []

    def addError(self, test: unittest.TestCase, err: Err) -> None:
        super().addError(test, err)
        self._failed("error" if type(test).__name__ == "_FailedTest" else "failed", test, err)

    def addFailure(self, test: unittest.TestCase, err: Err) -> None:
        super().addFailure(test, err)
        self._failed("failed", test, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        if type(test).__name__ == "_ErrorHolder":
            for one in self._kept_from_running(test) or [test]:
                self._end(one, one.id(), ("skipped", str(reason), None))
        elif self._outcome is None:
            self._outcome = ("skipped", str(reason), None)

    def addExpectedFailure(self, test: unittest.TestCase, err: Err) -> None:
        super().addExpectedFailure(test, err)
        self._outcome = _told("xfailed", err)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._outcome = ("failed", "it passed, and was expected to fail", None)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Err | None) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._end(test, subtest.id(), _told("failed", err))
            if self._outcome is None:
                self._outcome = ("failed", "a subtest of it failed", None)


def _told(outcome: str, err: Err) -> Told:
    kind, error, _ = err
    text = "".join(_lines_of(err))
    if len(text) > _LONGEST:
        text = text[: _LONGEST // 2] + "\n...\n" + text[-_LONGEST // 2 :]
    name = kind.__name__ if kind else "an error"
    return outcome, f"{name}: {error}".strip()[:_LONGEST], text


def _lines_of(err: Err) -> list[str]:
    """Return the stack as text without unittest's own frames around the test, and below its assertions."""
    kind, error, stack = err
    while stack is not None and "__unittest" in stack.tb_frame.f_globals:
        stack = stack.tb_next
    known = [frame for frame, _ in traceback.walk_tb(stack)]
    while known and "__unittest" in known[-1].f_globals:
        known.pop()
    return traceback.format_exception(kind, error, stack, limit=len(known) or None)


class Runner(unittest.TextTestRunner):
    """unittest's own, with the result that writes."""

    resultclass = Result

    def run(self, test: unittest.TestSuite | unittest.TestCase) -> unittest.TextTestResult:
        """Note whose tests are whose before they are run: a suite forgets those that were."""
        Result.of_owner.clear()
        groups: dict[Any, list[unittest.TestCase]] = {}
        for one in _collected(test) if isinstance(test, unittest.TestSuite) else ():
            kind = type(one)
            groups.setdefault(kind, []).append(one)
            groups.setdefault(kind.__module__, []).append(one)
        for owner, tests in groups.items():
            called = f"setUpModule ({owner})" if isinstance(owner, str) else f"setUpClass ({strclass(owner)})"
            Result.of_owner.setdefault(called, []).append(tests)
        return super().run(test)


class Lister(unittest.TextTestRunner):
    """Names the tests, and runs none."""

    def run(self, test: unittest.TestSuite | unittest.TestCase) -> unittest.TextTestResult:
        """Write a line for each test."""
        report = Report()
        for one in _collected(test):
            report.line("test", one.id(), _file_of(one), getattr(one, _MODULE, None))
        return unittest.TextTestResult(self.stream, self.descriptions, self.verbosity)


class Loader(unittest.TestLoader):
    """unittest's own; tells each test which module it was loaded from."""

    def loadTestsFromModule(self, module: Any, *arguments: Any, **options: Any) -> unittest.TestSuite:
        found = super().loadTestsFromModule(module, *arguments, **options)
        for test in _collected(found):
            setattr(test, _MODULE, module.__name__)
        return found


def _collected(suite: Any) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _collected(test)
        else:
            yield test


def main() -> None:
    """Put what the tests can import where they look for it, and hand over to unittest."""
    # What lies beside this file is nothing that the tests should find; what lies where they run is.
    sys.path[0] = os.getcwd()
    if sys.argv[1:2] == ["--top"]:
        sys.path.insert(0, os.path.abspath(sys.argv[2]))
        del sys.argv[1:3]
    lists = sys.argv[1:2] == ["--list"]
    if lists:
        del sys.argv[1]
    unittest.main(module=None, testRunner=Lister if lists else Runner, testLoader=Loader())


if __name__ == "__main__":
    main()
