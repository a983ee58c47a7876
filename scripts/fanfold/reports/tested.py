"""A test run's result as typed values, and what its formats share."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pydantic import TypeAdapter

from fanfold.errors import UsageError
from fanfold.models import Run
from fanfold.reports.amounts import count
from fanfold.suites import BAD, Cluster, TestAttempt, TestResult, TestRunResult, TestVerdict, Totals

_RESULT = TypeAdapter(TestRunResult)
# What takes less is not worth looking at, however many tests take less still.
_MOMENT_S = 0.1
_LONGEST_HEADING = 200
_VALUES = re.compile(r"^\s*((?:Expected|Received)\b[^:\n]{0,60}: *\S.{0,100})", re.MULTILINE)


def result_of(run: Run) -> TestRunResult:
    """Return the result of a test run. Raises UsageError for the run of another skill."""
    if run.skill != "parallel-test":
        raise UsageError(f"run {run.id} is no test run: it has no tests to show")
    return _RESULT.validate_python(dict(run.result), extra="ignore")


def telling(test: TestResult) -> TestAttempt | None:
    """Return the attempt that says why a test failed; None when none did."""
    told = [attempt for attempt in test.attempts if attempt.outcome in BAD]
    return max(told, key=lambda attempt: (bool(attempt.trace), bool(attempt.message)), default=None)


def of_cluster(result: TestRunResult, cluster: Cluster) -> list[TestResult]:
    """Return the tests of a cluster, its representative first."""
    by_id = {test.id: test for test in result.tests}
    return [by_id[name] for name in cluster.tests if name in by_id]


def heading(result: TestRunResult, cluster: Cluster) -> str:
    """Return what a cluster is called: what its representative says, on one line, and where that was raised.

    Its signature, by which failures are grouped, has numbers, folders and quoted values masked.
    """
    test = next(iter(of_cluster(result, cluster)), None)
    told = telling(test) if test else None
    if test is None or told is None:
        return cluster.signature
    lines = (told.message or "").strip().splitlines()
    said = " ".join(lines[0].split()) if lines else ""
    if "expect(" in said and (values := _VALUES.findall(told.trace or told.message or "")):
        # jest's first line is the same for every assertion of a kind.
        said = f"{said.split(' // ')[0]}: {', '.join(' '.join(value.split()) for value in values[:2])}"
    kind = told.error_type or ("" if said else told.outcome.value.replace("_", " "))
    said = said if said.startswith(kind) else f"{kind}: {said}".removesuffix(": ")
    said = said if len(said) <= _LONGEST_HEADING else f"{said[: _LONGEST_HEADING - 1]}…"
    inside = [frame for frame in told.frames if frame.inside]
    where = [frame for frame in inside if frame.path != test.file] or inside
    return " in ".join([said, *(f"{frame.path} {frame.function}".strip() for frame in where[-1:])])


def counted_verdicts(totals: Totals) -> dict[str, int]:
    """Return how many tests have each verdict that occurs."""
    return {name: number for name, number in totals.model_dump().items() if number}


def slowest(result: TestRunResult, most: int = 10) -> list[TestResult]:
    """Return the tests that took longest, longest first; what is over in a moment is none of them."""
    known = [test for test in result.tests if (test.duration_s or 0.0) >= _MOMENT_S]
    return sorted(known, key=lambda test: (-(test.duration_s or 0.0), test.id))[:most]


def times_failed(test: TestResult) -> str:
    """Return in how many of its attempts a test failed: `2 of 2 attempts`."""
    bad = sum(attempt.outcome in BAD for attempt in test.attempts)
    return f"{bad} of {count(len(test.attempts), 'attempt')}"


def captured(test: TestResult, lines: int = 8) -> str:
    """Return the last lines of what a failed test wrote, of the attempt that says why it failed; "" without any."""
    told = telling(test)
    held = ((told.output if told else None) or "").strip("\n").split("\n")
    more = [f"… {count(len(held) - lines, 'line')} before"] if len(held) > lines else []
    return "\n".join([*more, *held[-lines:]])


def suite_notes(result: TestRunResult) -> list[str]:
    """Return what the plan decided about suites, and why; what is the same for several is said once."""
    said: dict[str, list[str]] = {}
    for suite in result.suites:
        for note in suite.notes:
            said.setdefault(note, []).append(suite.name)
    return [f"{', '.join(dict.fromkeys(names))}: {note}" for note, names in said.items()]


def flaky(result: TestRunResult) -> list[TestResult]:
    """Return the tests that passed after they had failed."""
    return [test for test in result.tests if test.verdict is TestVerdict.FLAKY]


def causes(result: TestRunResult) -> list[Cluster]:
    """Return the clusters of which a test failed; those of flaky tests alone are none of them, whatever their class."""
    bad = {test.id for test in result.tests if test.verdict in BAD}
    return [cluster for cluster in result.clusters if not bad.isdisjoint(cluster.tests)]


_CONDITIONS = {"shard": "in its shard", "alone": "alone", "predecessors": "after its predecessors"}


def tried(test: TestResult) -> str:
    """Return how each attempt at a test ended, and how it was run: `failed in its shard, passed alone`."""
    told = (f"{one.outcome.value.replace('_', ' ')} {_CONDITIONS[one.conditions]}" for one in test.attempts)
    return ", ".join(told)


def unknown(result: TestRunResult) -> list[TestResult]:
    """Return the tests of which nobody knows: lost or not run."""
    return [test for test in result.tests if test.verdict in {TestVerdict.LOST, TestVerdict.NOT_RUN}]


def began(run: Run) -> datetime:
    """Return when the run began, as its id tells; the epoch when it does not."""
    try:
        return datetime.strptime(run.id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
