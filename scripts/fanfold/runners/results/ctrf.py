"""CTRF, the Common Test Report Format: JSON, schema at https://ctrf.io."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, parameters_of, seconds
from fanfold.suites import Case, TestAttempt, TestVerdict

_STATUSES = {
    "passed": TestVerdict.PASSED,
    "failed": TestVerdict.FAILED,
    "skipped": TestVerdict.SKIPPED,
    "pending": TestVerdict.SKIPPED,
    "other": TestVerdict.ERROR,
}


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)


class _Try(_Lenient):
    status: str = "other"
    duration: Any = None
    message: str | None = None
    trace: str | None = None


class _Test(_Try):
    name: str
    suite: Any = None
    line: int | None = None
    filePath: str | None = None  # noqa: N815  the format's name
    retryAttempts: list[_Try] = Field(default_factory=list)  # noqa: N815  the format's name


class _Results(_Lenient):
    tests: list[Any]


class _Report(_Lenient):
    results: _Results


def read_ctrf(data: bytes, place: Place) -> Reading:
    """Read a report; entries that are no tests are counted in a note, and the others kept."""
    try:
        report = _Report.model_validate_json(data)
    except ValidationError as error:
        return Reading(notes=(f"a CTRF report can't be read: {_why(error)}",))
    cases: list[Case] = []
    notes: list[str] = []
    for number, entry in enumerate(report.results.tests, 1):
        try:
            cases.append(_case(_Test.model_validate(entry), place))
        except ValidationError as error:
            notes.append(f"test {number} of a CTRF report can't be read: {_why(error)}")
    return Reading(tuple(cases), notes=tuple(notes))


def _case(test: _Test, place: Place) -> Case:
    owner = " > ".join(map(str, test.suite)) if isinstance(test.suite, list) else test.suite or ""
    name = f"{owner} > {test.name}" if owner else test.name
    # A retry has the format of an attempt; the test itself is the last one.
    attempts = tuple(_attempt(one, place) for one in (*test.retryAttempts, test))
    return Case(
        file=place.file(test.filePath),
        name=name,
        parameters=parameters_of(test.name),
        line=test.line if test.line and test.line > 0 else None,
        attempts=attempts,
    )


def _attempt(one: _Try, place: Place) -> TestAttempt:
    verdict = _STATUSES.get(one.status, TestVerdict.ERROR)
    return attempt(verdict, place, duration_s=seconds(one.duration, per=1000), says=one.message, trace=one.trace)


def _why(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]
