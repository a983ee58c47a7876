"""The JSON report of RSpec."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, seconds
from fanfold.suites import Case, TestVerdict


class _Raised(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)
    klass: str = Field(default="", alias="class")
    message: str | None = None
    backtrace: list[str] | None = None


class _Example(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)
    id: str = ""
    full_description: str
    status: str
    file_path: str | None = None
    line_number: int | None = None
    run_time: Any = None
    pending_message: str | None = None
    exception: _Raised | None = None


class _Summary(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)
    errors_outside_of_examples_count: int = 0


class _Report(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)
    examples: list[_Example]
    messages: list[str] = Field(default_factory=list)
    summary: _Summary = Field(default_factory=_Summary)


def read_rspec(data: bytes, place: Place) -> Reading:
    """Read a report. An example that is pending and failed, as it says it would, is an expected failure."""
    try:
        report = _Report.model_validate_json(data)
    except ValidationError as error:
        return Reading(notes=(f"RSpec's report can't be read: {error.errors()[0]['msg']}",))
    outside = (
        [message.strip() for message in report.messages] if report.summary.errors_outside_of_examples_count else []
    )
    cases = tuple(_case(example, place) for example in report.examples)
    if outside and cases:
        broken = attempt(TestVerdict.ERROR, place, says=outside[0], trace="\n".join(outside))
        cases = (*cases, Case(name="an error outside of examples", attempts=(broken,)))
    first = next((line for text in outside for line in text.splitlines() if line.strip()), None)
    return Reading(cases, error=first if outside and not cases else None)


def _case(example: _Example, place: Place) -> Case:
    raised = example.exception or _Raised()
    verdict = {"passed": TestVerdict.PASSED, "failed": TestVerdict.FAILED}.get(example.status, TestVerdict.SKIPPED)
    told = attempt(
        verdict,
        place,
        duration_s=seconds(example.run_time),
        says=raised.message or example.pending_message,
        trace="\n".join([raised.message or "", *(raised.backtrace or [])]) if example.exception else None,
        error_type=raised.klass or None,
    )
    return Case(
        file=place.file(example.file_path),
        name=example.full_description,
        native=example.id,
        line=example.line_number if (example.line_number or 0) > 0 else None,
        attempts=(told,),
    )
