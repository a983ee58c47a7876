"""The JSON report of mocha."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt, failed_or_timed_out
from fanfold.runners.results.place import Place, seconds
from fanfold.suites import Case, TestVerdict

_HOOK = re.compile(r'^(?:(?P<above>.*) )?"(?:before|after) (?:all|each)" hook(?:: .*?)? for "(?P<test>.*)"$', re.DOTALL)


class _Error(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)
    message: Any = None
    stack: Any = None


class _Test(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)
    title: str
    fullTitle: str  # noqa: N815  the format's name
    file: str | None = None
    duration: Any = None
    currentRetry: int = 0  # noqa: N815  the format's name
    err: _Error = Field(default_factory=_Error)

    @property
    def key(self) -> tuple[str, str]:
        return self.file or "", self.fullTitle


class _Report(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)
    tests: list[_Test]
    pending: list[_Test] = Field(default_factory=list)
    failures: list[_Test] = Field(default_factory=list)
    passes: list[_Test] = Field(default_factory=list)


def read_mocha(data: bytes, place: Place) -> Reading:
    """Read a report. Its list of tests has those that ended; a hook that failed is in the failures alone."""
    try:
        report = _Report.model_validate_json(data)
    except ValidationError as error:
        return Reading(notes=(f"mocha's report can't be read: {error.errors()[0]['msg']}",))
    left = {
        verdict: Counter(test.key for test in tests)
        for verdict, tests in (
            (TestVerdict.FAILED, report.failures),
            (TestVerdict.SKIPPED, report.pending),
            (TestVerdict.PASSED, report.passes),
        )
    }
    cases = [_case(test, _took(left, test), place) for test in report.tests]
    hooks = [test for test in report.failures if left[TestVerdict.FAILED][test.key] > 0]
    return Reading((*cases, *(_case(hook, TestVerdict.ERROR, place) for hook in hooks)))


def _took(left: dict[TestVerdict, Counter[tuple[str, str]]], test: _Test) -> TestVerdict:
    """Return what became of a test, from the lists that name it; those of one name are taken in their order."""
    failed = bool(test.err.message or test.err.stack)
    order = sorted(left, key=lambda verdict: (verdict is TestVerdict.FAILED) is not failed)
    for verdict in order:
        if left[verdict][test.key] > 0:
            left[verdict][test.key] -= 1
            return verdict
    return TestVerdict.NOT_RUN


def _case(test: _Test, verdict: TestVerdict, place: Place) -> Case:
    said = [str(text) if text else None for text in (test.err.message, test.err.stack)]
    verdict = failed_or_timed_out(said[0]) if verdict is TestVerdict.FAILED else verdict
    last = attempt(verdict, place, duration_s=seconds(test.duration, per=1000), says=said[0], trace=said[1])
    tries = [attempt(TestVerdict.FAILED, place, says="failed, and was tried again by mocha")] * min(
        test.currentRetry, 50
    )
    path = place.file(test.file)
    hook = _HOOK.match(test.fullTitle)
    # A hook runs again with the test that it ran for.
    native = " ".join(filter(None, (hook["above"], hook["test"]))) if hook else test.fullTitle
    return Case(file=path, name=test.fullTitle, native=f"{path}::{native}", attempts=(*tries, last))
