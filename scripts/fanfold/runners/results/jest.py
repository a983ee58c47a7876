"""The JSON report of jest, and of vitest, which writes the same."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt, failed_or_timed_out
from fanfold.runners.results.place import ITSELF, Place, plain, seconds
from fanfold.suites import Case, TestAttempt, TestVerdict

_STATUSES = {
    "passed": TestVerdict.PASSED,
    "focused": TestVerdict.PASSED,
    "failed": TestVerdict.FAILED,
    "pending": TestVerdict.SKIPPED,
    "skipped": TestVerdict.SKIPPED,
    "disabled": TestVerdict.SKIPPED,
    "todo": TestVerdict.SKIPPED,
}
_OUTSIDE = "  ● Test suite failed to run\n"


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)


class _Location(_Lenient):
    line: int = 0


class _Assertion(_Lenient):
    title: str
    ancestorTitles: list[str] = Field(default_factory=list)  # noqa: N815  the format's name
    status: str
    duration: Any = None
    failureMessages: list[str] | None = None  # noqa: N815  the format's name
    retryReasons: list[str] | None = None  # noqa: N815  the format's name
    location: _Location | None = None


class _File(_Lenient):
    name: str
    status: str = ""
    message: str | None = None
    assertionResults: list[_Assertion] = Field(default_factory=list)  # noqa: N815  the format's name


class _Report(_Lenient):
    testResults: list[_File]  # noqa: N815  the format's name


def read_jest(data: bytes, place: Place) -> Reading:
    """Read a report. A file that did not load is an error of its own."""
    try:
        report = _Report.model_validate_json(data)
    except ValidationError as error:
        return Reading(notes=(f"a JSON report can't be read: {error.errors()[0]['msg']}",))
    return Reading(tuple(case for file in report.testResults for case in _cases(file, place)))


def _cases(file: _File, place: Place) -> list[Case]:
    """Return the tests of a file, and the file itself where something failed outside of them.

    With a test that failed beside it, a hook behind the last test is only in the file's message.
    """
    path = place.file(file.name)
    cases = [_case(one, path, place) for one in file.assertionResults]
    said = plain(file.message or "")
    hook = said.find(_OUTSIDE)
    alone = file.status == "failed" and not any(one.status == "failed" for one in file.assertionResults)
    if alone or hook >= 0:
        # Tests of this file may have passed; the file as a whole has not.
        why = said if alone else said[hook:].partition("\n  ● ")[0]
        broken = attempt(TestVerdict.ERROR, place, says=why.strip() or "the file could not be run", trace=why or None)
        cases.append(Case(file=path, name=ITSELF, attempts=(broken,)))
    return cases


def _case(one: _Assertion, path: str, place: Place) -> Case:
    return Case(
        file=path,
        # The file is the outermost group of older versions of vitest, and has no name.
        name=" > ".join([*filter(None, one.ancestorTitles), one.title]),
        native=f"{path}::{' '.join([*one.ancestorTitles, one.title])}",
        line=one.location.line or None if one.location else None,
        attempts=tuple(_attempts(one, place)),
    )


def _attempts(one: _Assertion, place: Place) -> list[TestAttempt]:
    """Return the failed tries before the last one, and that: jest names their reasons, vitest leaves them behind."""
    verdict = _STATUSES.get(one.status, TestVerdict.ERROR)
    messages = one.failureMessages or []
    before = one.retryReasons or (messages if verdict is TestVerdict.PASSED else messages[:-1])
    tries = [attempt(TestVerdict.FAILED, place, trace=reason) for reason in before]
    last = messages[-1] if messages and verdict is not TestVerdict.PASSED else None
    verdict = failed_or_timed_out(last) if verdict is TestVerdict.FAILED else verdict
    return [*tries, attempt(verdict, place, duration_s=seconds(one.duration, per=1000), trace=last)]
