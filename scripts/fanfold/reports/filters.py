"""The filters of report templates. Text from a model or a repository goes through `inline` or `fenced`, always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from fanfold.models import Dropped, Finding, Occurrence, Run, Severity, Status
from fanfold.reports.amounts import count, duration, money
from fanfold.reports.analysed import Place, analysis_of, filled, none_found, sections
from fanfold.reports.answers import answer_markdown
from fanfold.reports.escape import (
    cell,
    code,
    csv,
    fenced,
    html_text,
    inline,
    one_line,
    prose,
    shorten,
)
from fanfold.reports.tested import (
    captured,
    causes,
    counted_verdicts,
    flaky,
    heading,
    of_cluster,
    result_of,
    slowest,
    suite_notes,
    telling,
    times_failed,
    tried,
    unknown,
)
from fanfold.sources.edits import plain
from fanfold.sources.text import visible
from fanfold.suites import TestAttempt

_BADGES = {
    Severity.CRITICAL: "🟥 critical",
    Severity.HIGH: "🟧 high",
    Severity.MEDIUM: "🟨 medium",
    Severity.LOW: "🟦 low",
    Severity.INFO: "⬜ info",
}
_NAMED_UNITS = 8
_TESTS = "parallel-test"
_MOST_LABELS = 12


def plain_diff(diff: object) -> str:
    """Return a diff without the lines that only git knows: what a person reads, and what `patch` needs."""
    return plain(str(diff))


def place(finding: Finding | Occurrence | Place) -> str:
    """Return `path:line` or `path:line-end`; what can't be printed in a name is shown as U+FFFD."""
    end = f"-{finding.end_line}" if finding.end_line != finding.line else ""
    return f"{visible(finding.path)}:{finding.line}{end}"


def link(what: Finding | Occurrence | Place, base: str = "") -> str:
    """Return a markdown link to a file and its lines: relative, or below `base`."""
    last = f"-L{what.end_line}" if what.end_line != what.line else ""
    # Neither a scheme nor a host can stand at the start of a path, nor a bracket end it.
    address = f"{quote(what.path.lstrip('/'), safe='/', errors='replace')}#L{what.line}{last}"
    return f"[{code(place(what))}]({base}{address})"


def also_in(finding: Finding, most: int = 8) -> str:
    """Return the further places of a finding as markdown: the first of them, and how many more there are."""
    more = len(finding.also) - most
    told = ", ".join(code(place(other)) for other in finding.also[:most])
    return f"{told} and {count(more, 'more place')}" if more > 0 else told


def badge(severity: Severity) -> str:
    """Return a severity as a coloured square and its word."""
    return _BADGES[severity]


def severities(findings: Iterable[Finding]) -> str:
    """Return how many findings there are of each severity, worst first: `1 high, 2 low`."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{counts[s]:,} {s.value}" for s in Severity if counts[s])


def introduced(run: Run) -> list[Finding]:
    """Return the findings that the change under review brought and that are worth a look, worst first."""
    return [finding for finding in run.findings if finding.stands]


def older(run: Run) -> list[Finding]:
    """Return the findings that stood there before the change."""
    return [finding for finding in run.findings if not finding.introduced and finding.suppressed is None]


def suppressed(run: Run) -> dict[str, int]:
    """Return how many findings are not shown, by reason, the most frequent first."""
    return dict(Counter(f.suppressed for f in run.findings if f.suppressed is not None).most_common())


def unplaced(run: Run) -> list[Dropped]:
    """Return what was dropped for another reason than being told twice, each title and place once."""
    lost = (dropped for dropped in run.dropped if not dropped.reason.startswith("duplicate-of:"))
    return list({(dropped.title, dropped.path, dropped.reason): dropped for dropped in lost}.values())


def missing(run: Run) -> list[str]:
    """Return what coverage misses, one line a reason: `security — why`, or `12 units — why` where many share one."""
    labels: dict[str, list[str]] = {}
    for unit in run.units:
        if unit.status is not Status.OK:
            labels.setdefault(unit.error or unit.status.value, []).append(unit.label)
    lost = result_of(run).totals.unfinished if run.skill == _TESTS else 0
    return [
        *(
            f"{', '.join(names) if len(names) <= _NAMED_UNITS else count(len(names), 'unit')} — {why}"
            for why, names in labels.items()
        ),
        *(
            [f"{count(lost, 'test')} — lost or not run: nobody knows about {'it' if lost == 1 else 'them'}"]
            if lost
            else []
        ),
    ]


def planned(run: Run, part: bool = False) -> str:
    """Return how much there was to do: `12 units`, or as a person counts tests: `2 suites, 8 shards, 40 tests`.

    With `part` it is how much of that was done: `11 of 12 units`, `39 of 40 tests`.
    """
    coverage = run.coverage
    if run.skill != _TESTS:
        return f"{coverage.ok:,} of {count(coverage.planned, 'unit')}" if part else count(coverage.planned, "unit")
    result = result_of(run)
    reruns = sum(unit.kind == "rerun" and unit.status is Status.OK for unit in run.units)
    tests, lost = result.totals.tests, result.totals.unfinished
    ran = [suite for suite in result.suites if not suite.error]
    if part:
        suites = f"{len(ran):,} of {count(len(result.suites), 'suite')}"
        return f"{suites}, {tests - lost:,} of {count(tests, 'test')}" if tests else suites
    told = ((len(ran), "suite"), (sum(suite.shards for suite in ran), "shard"), (tests, "test"), (reruns, "rerun"))
    return ", ".join(count(number, noun) for number, noun in told if number)


def covered(run: Run) -> str:
    """Return what was done, in a line: the units by name while they are few, else how many there are of each kind.

    Files are left out, which a reader counts better than reads; of tests `planned` says it all.
    """
    done = [unit for unit in run.units if unit.status is Status.OK and unit.kind != "file"]
    if run.skill == _TESTS:
        return ""
    if len(done) <= _MOST_LABELS:
        return ", ".join(unit.label for unit in done)
    kinds = sorted(Counter(unit.kind for unit in done).items())
    return ", ".join(f"{kind} × {number:,}" if number > 1 else kind for kind, number in kinds)


def tail(text: object, lines: int) -> str:
    """Return the last lines of a text, and how many stand before them."""
    held = str(text).strip("\n").split("\n")
    more = [f"… {count(len(held) - lines, 'line')} before"] if len(held) > lines > 1 else []
    return "\n".join([*more, *held[-lines:]])


def excerpt(attempt: TestAttempt, lines: int) -> str:
    """Return the telling lines of a failure: the first ones where its message stands on top, else the last ones."""
    text = (attempt.trace or attempt.message or "").strip("\r\n")
    held = text.split("\n")
    said = (attempt.message or "").strip().split("\n", 1)[0]
    if len(held) > lines and said and any(said in line for line in held[:_ON_TOP]):
        return "\n".join([*held[:lines], f"… {count(len(held) - lines, 'line')} more"])
    return tail(text, lines)


_ON_TOP = 3

FILTERS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        also_in,
        analysis_of,
        answer_markdown,
        badge,
        captured,
        causes,
        cell,
        code,
        count,
        counted_verdicts,
        covered,
        csv,
        duration,
        excerpt,
        flaky,
        fenced,
        filled,
        heading,
        html_text,
        inline,
        introduced,
        link,
        missing,
        money,
        none_found,
        of_cluster,
        older,
        one_line,
        place,
        plain_diff,
        planned,
        prose,
        result_of,
        sections,
        severities,
        shorten,
        slowest,
        suite_notes,
        suppressed,
        tail,
        telling,
        times_failed,
        tried,
        unknown,
        unplaced,
    )
}
