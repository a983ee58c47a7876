"""JUnit XML, in the dialects of pytest, Surefire, Gradle, jest-junit, PHPUnit, ctest, bats, nextest and others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, parameters_of, seconds
from fanfold.runners.results.safe_xml import parse_xml
from fanfold.suites import Case, TestAttempt, TestVerdict

if TYPE_CHECKING:
    from junitparser.xunit2 import TestCase

_TIMED_OUT = ("timeout", "timed out", "timedout")


def read_junit(data: bytes, place: Place) -> Reading:
    """Read a report. Failed tries that the tool made again by itself are attempts of the same test."""
    document = parse_xml(data)
    if document.root is None:
        return Reading(notes=(f"a JUnit report can't be read: {document.problem}",))
    if document.root.tag not in {"testsuites", "testsuite"}:
        return Reading(notes=(f"no JUnit report: its outermost element is <{document.root.tag}>",))
    cases = tuple(_case(element, suites, place) for element, suites in _testcases(document.root))
    problem = f"a JUnit report is broken, and {len(cases)} tests were read before that: {document.problem}"
    return Reading(cases, notes=(problem,) if document.problem else ())


def _testcases(root: Element) -> Iterator[tuple[Element, tuple[Element, ...]]]:
    """Yield each test with the suites that it lies in, the innermost first."""
    waiting: list[tuple[Element, tuple[Element, ...]]] = [(root, ())]
    while waiting:
        element, suites = waiting.pop()
        if element.tag == "testcase":
            yield element, suites
        elif element.tag in {"testsuite", "testsuites"}:
            waiting += [(child, (element, *suites)) for child in reversed(element)]


def _case(element: Element, suites: tuple[Element, ...], place: Place) -> Case:
    from junitparser.xunit2 import TestCase

    case: TestCase = TestCase.fromelem(element)  # type: ignore[no-untyped-call]  # junitparser leaves it untyped
    file = next((named for one in (element, *suites) if (named := one.get("file") or one.get("filepath"))), None)
    name = _name(element, suites)
    return Case(
        file=place.file(file),
        name=name,
        parameters=parameters_of(name),
        line=_line(element.get("line")),
        attempts=tuple(_attempts(case, element, place)),
    )


def _name(element: Element, suites: tuple[Element, ...]) -> str:
    """Return the test's name behind its class, which tells tests of one name in several classes apart."""
    name = element.get("name") or ""
    owner = element.get("classname") or element.get("class") or (suites[0].get("name") if suites else "") or ""
    return f"{owner}::{name}" if owner and owner != name and not name.startswith(owner) else name


def _line(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and int(text) > 0 else None


def _attempts(case: TestCase, element: Element, place: Place) -> Iterator[TestAttempt]:
    """Yield the attempts in the order in which they were made.

    Surefire writes the first failure as `failure` and later ones as `rerun…`; when it passed in the end there are only
    `flaky…`. https://maven.apache.org/surefire/maven-surefire-plugin/examples/rerun-failing-tests.html
    """
    output = "\n".join(part for part in (case.system_out, case.system_err) if part) or None
    took = seconds(element.get("time"))
    interim = [entry._elem for entry in case.interim_result]  # noqa: SLF001  the element has what its wrapper lacks
    flaky = [entry for entry in interim if entry.tag.startswith("flaky")]
    yield from (_failed(entry, place) for entry in flaky)
    final = [entry._elem for entry in case.result]  # noqa: SLF001  as above
    bad = [entry for entry in final if entry.tag != "skipped"]
    if bad:
        worst = next((entry for entry in bad if entry.tag == "failure"), bad[0])
        yield _failed(worst, place, took, output)
    elif final:
        yield _skipped(final[0], place, took, output)
    else:
        yield attempt(TestVerdict.PASSED, place, duration_s=took, output=output)
    yield from (_failed(entry, place) for entry in interim if entry.tag.startswith("rerun"))


def _failed(entry: Element, place: Place, took: float | None = None, output: str | None = None) -> TestAttempt:
    trace = entry.findtext("stackTrace") or entry.text
    said = entry.get("message")
    kind = entry.get("type") or None
    verdict = TestVerdict.ERROR if entry.tag.lower().endswith("error") else TestVerdict.FAILED
    told = f"{kind or ''} {said or ''}".lower()
    if kind and any(word in told for word in _TIMED_OUT) and "assert" not in told:
        verdict = TestVerdict.TIMED_OUT
    return attempt(verdict, place, duration_s=took, says=said, trace=trace, output=output, error_type=kind)


def _skipped(entry: Element, place: Place, took: float | None, output: str | None) -> TestAttempt:
    """Return a skip; pytest writes an expected failure as one."""
    expected = entry.get("type") == "pytest.xfail"
    verdict = TestVerdict.XFAILED if expected else TestVerdict.SKIPPED
    return attempt(verdict, place, duration_s=took, says=entry.get("message") or entry.text, output=output)
