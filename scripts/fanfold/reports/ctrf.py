"""The Common Test Report Format, ctrf.io: one JSON for all frameworks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fanfold import __version__
from fanfold.models import Run
from fanfold.reports.escape import one_line
from fanfold.reports.machine import document, gap
from fanfold.reports.tested import began, result_of, telling
from fanfold.suites import BAD, TestResult, TestRunResult, TestVerdict

_STATUS = {
    TestVerdict.PASSED: "passed",
    TestVerdict.FLAKY: "passed",
    TestVerdict.XFAILED: "passed",
    TestVerdict.SKIPPED: "skipped",
    TestVerdict.NOT_RUN: "pending",
    TestVerdict.LOST: "other",
    **dict.fromkeys(BAD, "failed"),
}
_MS = 1000


def render(run: Run) -> str:
    """Return a test run as a CTRF document. Raises UsageError for the run of another skill."""
    result = result_of(run)
    start = round(began(run).timestamp() * _MS)
    report = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "generatedBy": "fanfold",
        "timestamp": began(run).isoformat(),
        "results": {
            "tool": {"name": "fanfold", "version": __version__},
            "summary": _summary(result, start, start + round(run.timing.wall_s * _MS)),
            "tests": [_test(test) for test in result.tests],
            "extra": {"run": run.id, "status": run.status, **({"missing": gap(run)} if gap(run) else {})},
        },
    }
    return document(report)


def _summary(result: TestRunResult, start: int, stop: int) -> dict[str, Any]:
    statuses = [_STATUS[test.verdict] for test in result.tests]
    counts = {name: statuses.count(name) for name in ("passed", "failed", "skipped", "pending", "other")}
    flaky = sum(test.verdict is TestVerdict.FLAKY for test in result.tests)
    return {
        "tests": len(statuses),
        **counts,
        "flaky": flaky,
        "suites": len(result.suites),
        "start": start,
        "stop": stop,
    }


def _test(test: TestResult) -> dict[str, Any]:
    told = telling(test)
    attempts = [one for one in test.attempts if one.outcome is not TestVerdict.NOT_RUN]
    said = {
        "name": one_line(test.name) or test.id,
        "status": _STATUS[test.verdict],
        "duration": round((test.duration_s or 0.0) * _MS),
        "suite": [one_line(test.suite), *([one_line(test.file)] if test.file else [])],
        "rawStatus": test.verdict.value,
        "filePath": test.file,
        "line": test.line,
        "flaky": test.verdict is TestVerdict.FLAKY,
        "retries": max(0, len(attempts) - 1),
        "message": told and told.message,
        "trace": told and told.trace,
        "tags": list(_tags(test)),
    }
    return {name: value for name, value in said.items() if value not in (None, "", [])}


def _tags(test: TestResult) -> Iterable[str]:
    yield from (one_line(marker) for marker in test.markers)
    if test.environment != "default":
        yield f"environment:{one_line(test.environment)}"
