"""The filters of HTML templates; what they return as Markup is escaped here, all else is escaped by the template."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from fanfold.models import Finding, Run
from fanfold.reports.answers import answer_html
from fanfold.reports.escape import Code, Item, html_line, one_line, parts_of
from fanfold.reports.highlight import colourable, diffed, highlighted, quoted, verbatim
from fanfold.reports.module_graph import implied_links, module_graph_style, module_graph_svg, neighbours
from fanfold.reports.timeline import timeline_of
from fanfold.reports.timeline_svg import marks_of, notes_on, timeline_svg
from fanfold.suites import TestResult, TestRunResult, TestVerdict

_UNBROKEN = re.compile(r"(?:(?!/|::).){1,60}(?:/|::)*|(?:/|::)+")


def spans(text: object) -> Markup:
    """Escape text for one line of HTML; what stands between two backticks becomes `code`."""
    return Markup(_spans(text))  # noqa: S704  it is escaped


def _spans(text: object) -> str:
    return html_line(one_line(text))


def breakable(text: object) -> Markup:
    """Escape paths or names for HTML, so that they break behind a slash or two colons; what is endless, anywhere."""
    return Markup("<wbr>").join(_UNBROKEN.findall(one_line(text)))


def paragraphs(text: object) -> Markup:
    """Escape text like `spans`, but keep its paragraphs, lists and code blocks."""
    said = str(text)
    if "\n" not in said.strip():
        line = _spans(said)
        return Markup(f"<p>{line}</p>" if line else "")  # noqa: S704  its parts are escaped
    return Markup("\n").join(filter(None, map(_part, parts_of(said))))


def _part(part: Code | list[Item]) -> Markup:
    if isinstance(part, Code):
        return verbatim(part.text)
    shown = []
    for tag, items in groupby(part, key=lambda item: {"": "p", "-": "ul"}.get(item.mark, "ol")):
        lines = [(item.mark, line) for item in items if (line := _spans(item.text))]
        if tag == "p":
            shown += [f"<p>{line}</p>" for _, line in lines]
        elif lines:
            start = f' start="{int(lines[0][0])}"' if tag == "ol" and int(lines[0][0]) != 1 else ""
            shown.append(f"<{tag}{start}>{''.join(f'<li>{line}</li>' for _, line in lines)}</{tag}>")
    return Markup("\n".join(shown))  # noqa: S704  each line is escaped


def csp_hash(source: object) -> str:
    """Return what a content security policy calls the source of a style or script element: `sha256-…`."""
    return "sha256-" + b64encode(hashlib.sha256(str(source).encode()).digest()).decode()


def tally(values: Iterable[object]) -> dict[str, int]:
    """Return how often each value occurs, in the order in which they come first."""
    return dict(Counter(map(str, values)))


def shown(run: Run) -> list[Finding]:
    """Return the findings that are not suppressed: those of the change first, each part worst first."""
    return sorted((f for f in run.findings if f.suppressed is None), key=lambda finding: not finding.introduced)


@dataclass(frozen=True, slots=True)
class Differing:
    """Tests that differ between `environments`: a row is a test and its verdict in each of them, or None."""

    environments: tuple[str, ...]
    rows: tuple[tuple[str, tuple[TestVerdict | None, ...]], ...]


def differing(result: TestRunResult) -> Differing | None:
    """Return what differs between the environments of a test run; None when nothing does, or there is but one."""
    environments = tuple(tally(test.environment for test in result.tests))
    verdicts: dict[tuple[str, str, str], dict[str, TestVerdict]] = {}
    for test in result.tests:
        verdicts.setdefault((test.suite, test.file, test.name), {})[test.environment] = test.verdict
    rows = tuple(
        ("::".join(filter(None, name)), tuple(by.get(where) for where in environments))
        for name, by in verdicts.items()
        if len(set(by.values())) > 1
    )
    return Differing(environments, rows) if rows else None


_ORDER = (
    TestVerdict.CRASHED,
    TestVerdict.TIMED_OUT,
    TestVerdict.ERROR,
    TestVerdict.FAILED,
    TestVerdict.FLAKY,
    TestVerdict.LOST,
    TestVerdict.NOT_RUN,
)


def worst(result: TestRunResult, most: int) -> list[TestResult]:
    """Return at most `most` tests: those that went wrong first, then the slowest."""
    rank = {verdict: number for number, verdict in enumerate(_ORDER)}
    return sorted(result.tests, key=lambda t: (rank.get(t.verdict, len(rank)), -(t.duration_s or 0.0), t.id))[:most]


PAGE_FILTERS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        answer_html,
        breakable,
        colourable,
        csp_hash,
        differing,
        diffed,
        highlighted,
        implied_links,
        marks_of,
        module_graph_style,
        module_graph_svg,
        neighbours,
        notes_on,
        one_line,
        paragraphs,
        quoted,
        shown,
        spans,
        tally,
        timeline_of,
        timeline_svg,
        verbatim,
        worst,
    )
}
