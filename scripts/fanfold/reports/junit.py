"""JUnit XML, as Maven's surefire writes it: one testsuite a suite and environment, reruns and flaky tests included.

What nobody knows (lost, not run) is an error there, since a reader of JUnit takes what is absent for fine.
"""

from __future__ import annotations

import re
from collections import defaultdict
from importlib import import_module
from typing import Any

from fanfold.models import Run
from fanfold.reports.tested import began, result_of, telling
from fanfold.suites import TestAttempt, TestResult, TestVerdict

# What XML 1.0 can't hold, escaped or not.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FAILURES = {TestVerdict.FAILED}
_ERRORS = {
    TestVerdict.ERROR: "it failed outside of its own body",
    TestVerdict.TIMED_OUT: "it did not end in its time",
    TestVerdict.CRASHED: "its process crashed",
    TestVerdict.LOST: "it was given to a worker, and nobody reported it",
    TestVerdict.NOT_RUN: "it was not run",
}


def render(run: Run) -> str:
    """Return a test run as JUnit XML. Raises UsageError for the run of another skill."""
    xunit = _xunit()
    result = result_of(run)
    groups: dict[tuple[str, str], list[TestResult]] = defaultdict(list)
    for test in result.tests:
        groups[test.suite, test.environment].append(test)
    document = xunit.JUnitXml("fanfold")
    for record in result.suites:
        suite = xunit.TestSuite(_clean(_named(record.name, record.environment)))
        suite.timestamp = began(run).isoformat()
        for test in groups.pop((record.name, record.environment), []):
            suite.add_testcase(_case(test))
        if record.error:
            suite.add_testcase(_never_ran(record.name, record.error))
        document.add_testsuite(suite)
    for (name, environment), tests in groups.items():
        suite = xunit.TestSuite(_clean(_named(name, environment)))
        suite.add_testcases([_case(test) for test in tests])
        document.add_testsuite(suite)
    document.update_statistics()
    text: str = document.tostring().decode()
    return text if text.endswith("\n") else f"{text}\n"


def _xunit() -> Any:
    """Return junitparser's types, which are not typed."""
    return import_module("junitparser.xunit2")


def _named(suite: str, environment: str) -> str:
    return suite if environment == "default" else f"{suite}@{environment}"


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _never_ran(name: str, why: str) -> Any:
    case = _xunit().TestCase(_clean(name), "suite", 0.0)
    case.result = [import_module("junitparser").Error(_clean(why), "not_run")]
    return case


def _case(test: TestResult) -> Any:
    case = _xunit().TestCase(_clean(test.name), _clean(test.file or test.suite), test.duration_s or 0.0)
    result = _result(test)
    case.result = [] if result is None else [result]
    for attempt in _earlier(test):
        case.add_interim_result(_interim(test, attempt))
    return case


def _earlier(test: TestResult) -> list[TestAttempt]:
    """Return the failed attempts beside the one that the verdict stands on."""
    told = telling(test)
    bad = [a for a in test.attempts if a.outcome in {*_FAILURES, *_ERRORS}]
    return bad if test.verdict is TestVerdict.FLAKY else [a for a in bad if a is not told]


def _result(test: TestResult) -> Any:
    parts: Any = import_module("junitparser")
    told = telling(test)
    if test.verdict in {TestVerdict.SKIPPED, TestVerdict.XFAILED}:
        return parts.Skipped(_clean(_message(test)), f"pytest.{test.verdict.value}")
    if test.verdict in _FAILURES or test.verdict in _ERRORS:
        kind = parts.Failure if test.verdict in _FAILURES else parts.Error
        made = kind(_clean(_message(test)), _clean((told and told.error_type) or test.verdict.value))
        made.text = _clean((told and told.trace) or "")
        return made
    return None


def _message(test: TestResult) -> str:
    told = telling(test) or (test.attempts[-1] if test.attempts else None)
    return (told and told.message) or _ERRORS.get(test.verdict, test.verdict.value)


def _interim(test: TestResult, attempt: TestAttempt) -> Any:
    xunit = _xunit()
    passed = test.verdict is TestVerdict.FLAKY
    failed = attempt.outcome in _FAILURES
    name = f"{'Flaky' if passed else 'Rerun'}{'Failure' if failed else 'Error'}"
    made = getattr(xunit, name)(
        _clean(attempt.message or attempt.outcome.value), _clean(attempt.error_type or attempt.outcome.value)
    )
    made.stack_trace = _clean(attempt.trace or "")
    return made
