"""TRX, what `dotnet test` writes without a package of its own: Visual Studio's XML."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place
from fanfold.runners.results.safe_xml import parse_xml
from fanfold.suites import Case, TestVerdict

_OUTCOMES = {
    "Passed": TestVerdict.PASSED,
    "Failed": TestVerdict.FAILED,
    "Error": TestVerdict.ERROR,
    "Timeout": TestVerdict.TIMED_OUT,
    "Aborted": TestVerdict.CRASHED,
    "NotExecuted": TestVerdict.SKIPPED,
    "Inconclusive": TestVerdict.SKIPPED,
}


def read_trx(data: bytes, place: Place) -> Reading:
    """Read the results; a test's class is in its definition, and stands before its name where it isn't in it."""
    document = parse_xml(data)
    if document.root is None or document.root.tag != "TestRun":
        return Reading(notes=(f"a TRX report can't be read: {document.problem or 'it is something else'}",))
    classes = {
        test.get("id"): method.get("className", "")
        for test in document.root.iter("UnitTest")
        for method in test.iter("TestMethod")
    }
    cases = tuple(_case(result, classes, place) for result in document.root.iter("UnitTestResult"))
    return Reading(cases, notes=(f"a TRX report is broken: {document.problem}",) if document.problem else ())


def _case(result: Element, classes: dict[str | None, str], place: Place) -> Case:
    name = result.get("testName", "")
    owner = classes.get(result.get("testId"), "")
    full = f"{owner}.{name}" if owner and not name.startswith(owner) else name
    head, opened, rest = full.partition("(")
    error = result.find("Output/ErrorInfo")
    told = attempt(
        _OUTCOMES.get(result.get("outcome", ""), TestVerdict.ERROR),
        place,
        duration_s=_clock(result.get("duration")),
        says=error.findtext("Message") if error is not None else None,
        trace=error.findtext("StackTrace") if error is not None else None,
        output=result.findtext("Output/StdOut"),
    )
    parameters = rest[:-1] if opened and rest.endswith(")") else ""
    return Case(name=full, parameters=parameters, native=head, attempts=(told,))


def _clock(text: str | None) -> float | None:
    """Return the seconds of `00:00:01.5`."""
    try:
        hours, minutes, secs = (text or "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(secs)
    except ValueError:
        return None
