"""The JSON report of playwright: suites inside suites, specs, a test for each project, a result for each try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, seconds
from fanfold.suites import Case, TestAttempt, TestVerdict

_STATUSES = {
    "passed": TestVerdict.PASSED,
    "failed": TestVerdict.FAILED,
    "timedOut": TestVerdict.TIMED_OUT,
    "skipped": TestVerdict.SKIPPED,
}
_WORKER_LEFT = "worker process exited unexpectedly"


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)


class _Error(_Lenient):
    message: str | None = None
    stack: str | None = None


class _Result(_Lenient):
    status: str | None = None
    duration: Any = None
    workerIndex: int | None = None  # noqa: N815  the format's name
    error: _Error | None = None


class _Test(_Lenient):
    projectName: str = ""  # noqa: N815  the format's name
    expectedStatus: str = "passed"  # noqa: N815  the format's name
    results: list[_Result] = Field(default_factory=list)


class _Spec(_Lenient):
    title: str
    file: str = ""
    line: int = 0
    id: str = ""
    tests: list[_Test] = Field(default_factory=list)


class _Suite(_Lenient):
    title: str = ""
    file: str = ""
    specs: list[_Spec] = Field(default_factory=list)
    suites: list[_Suite] = Field(default_factory=list)


class _Config(_Lenient):
    rootDir: str = ""  # noqa: N815  the format's name


class _Report(_Lenient):
    suites: list[_Suite]
    errors: list[_Error] = Field(default_factory=list)
    config: _Config = _Config()


def read_playwright(data: bytes, place: Place) -> Reading:
    """Read a report; its errors are those outside of any test, for which nothing ran."""
    try:
        report = _Report.model_validate_json(data)
    except ValidationError as error:
        return Reading(notes=(f"playwright's report can't be read: {error.errors()[0]['msg']}",))
    folder = report.config.rootDir
    cases = tuple(case for suite in report.suites for case in _cases(suite, (), folder, place))
    said = [line for error in report.errors if (line := (error.message or error.stack))]
    return Reading(
        cases, error=said[0].splitlines()[0] if said and not cases else None, notes=tuple(said if cases else ())
    )


def _cases(suite: _Suite, above: tuple[str, ...], folder: str, place: Place) -> Iterator[Case]:
    # The outermost suite is the file.
    titles = (*above, suite.title) if suite.title and suite.title != suite.file else above
    for spec in suite.specs:
        path = place.file(f"{folder}/{spec.file}" if folder else spec.file)
        for test in spec.tests:
            project = f"[{test.projectName}] " if test.projectName else ""
            yield Case(
                file=path,
                name=project + " > ".join([*titles, spec.title]),
                parameters=test.projectName,
                native=f"{path}::{test.projectName}::{' '.join([*titles, spec.title])}",
                line=spec.line or None,
                attempts=tuple(_attempt(result, test, place) for result in test.results),
            )
    for inner in suite.suites:
        yield from _cases(inner, titles, folder, place)


def _told(status: str, expected: str, message: str | None) -> tuple[TestVerdict, str | None]:
    """Return what became of a try, and what it says: `test.fail()` turns passed and failed around.

    A test behind a failed hook, or behind a failed one of a serial group, is written as skipped, though nobody asked
    for that: playwright itself says "did not run".
    """
    if status == "skipped" and expected != "skipped":
        return TestVerdict.NOT_RUN, message or "playwright did not run it, after what had failed before it"
    if status == "interrupted":
        return TestVerdict.CRASHED, message or "it was interrupted while it ran"
    if status == "failed" and _WORKER_LEFT in (message or ""):
        return TestVerdict.CRASHED, message
    if expected == "failed" and status == "failed":
        return TestVerdict.XFAILED, message
    if expected == "failed" and status == "passed":
        return TestVerdict.FAILED, "expected to fail, but passed"
    return _STATUSES.get(status, TestVerdict.NOT_RUN), message


def _attempt(result: _Result, test: _Test, place: Place) -> TestAttempt:
    error = result.error or _Error()
    verdict, says = _told(result.status or "", test.expectedStatus, error.message)
    return attempt(
        verdict,
        place,
        duration_s=seconds(result.duration, per=1000),
        says=says,
        trace=error.stack,
        worker=result.workerIndex if (result.workerIndex or 0) >= 0 else None,
    )
