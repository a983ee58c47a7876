"""Fold what suites, reruns and sub-agents said into one result."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fanfold.models import Coverage, Run
from fanfold.runners.base import Task
from fanfold.runners.schedule import Owners, bound_s
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.clusters import AFTER, Cause, Failure, Kinds, cluster
from fanfold.skills.parallel_test.evidence import says_something
from fanfold.skills.parallel_test.job import Job, SuiteRun
from fanfold.skills.parallel_test.plan import plain_words, shell_line
from fanfold.skills.parallel_test.spans import least_s, wall_s
from fanfold.suites import (
    Case,
    Cluster,
    ClusterClass,
    Explanation,
    ShardRecord,
    SuiteRecord,
    TestResult,
    TestRunResult,
    Totals,
    results_of,
)

_SCRATCH = Path("SCRATCH")
_MOST_AFTER = 3
# What of a request makes a run one of some tests.
_NARROWING = ("arguments", "last_failed", "changed", "part")

# By suite, environment, file and name, the `native` names of tests in order.
Leads = Mapping[tuple[str, str, str, str], tuple[str, ...]]

# Takes a test and the `native` names of those that run before it.
Reproduce = Callable[[TestResult, Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class About:
    """What is known of the failures of a cluster besides what they share."""

    suspect: Callable[[Sequence[TestResult]], tuple[str, ...]]
    reproduce: Reproduce
    explain: Callable[[Failure], Explanation | None]
    cause: Cause | None = None


def fold(
    runs: Iterable[SuiteRun],
    missing: Iterable[SuiteRecord],
    workers: int,
    *,
    about: About,
) -> TestRunResult:
    """Return the result of a run; `missing` are suites that could not be run at all."""
    runs = tuple(runs)
    tests, kinds = told(runs)
    by_id = {test.id: test for test in tests}
    leads = _leads(runs)
    clusters = tuple(
        _completed(one, [by_id[name] for name in one.tests], kinds, leads, about)
        for one in cluster(tests, kinds, about.cause)
    )
    shards = tuple(shard for run in runs for shard in run.shards)
    spans = [run.spans for run in runs]
    bound, wall = least_s(spans, workers), wall_s(spans)
    return TestRunResult(
        totals=Totals.of(test.verdict for test in tests),
        tests=tests,
        clusters=clusters,
        suites=(*(run.record for run in runs), *missing),
        shards=shards,
        bound_s=bound,
        efficiency=min(1.0, bound / wall) if bound is not None and wall else None,
    )


def told(runs: Iterable[SuiteRun]) -> tuple[tuple[TestResult, ...], Kinds]:
    """Return all tests, and what reruns decided of those that failed."""
    tests: list[TestResult] = []
    kinds: dict[str, ClusterClass] = {}
    for run in runs:
        results = results_of(run.cases, run.job.suite.name, run.job.environment.name)
        tests += results
        decided = {(one.case.file, one.case.name): one.kind for one in run.settled}
        kinds.update({r.id: decided[r.file, r.name] for r in results if (r.file, r.name) in decided})
    return tuple(tests), kinds


def _completed(
    one: Cluster,
    tests: Sequence[TestResult],
    kinds: Kinds,
    leads: Leads,
    about: About,
) -> Cluster:
    failures = [Failure.of(test, kinds) for test in tests]
    why = next((said for failure in failures if (said := about.explain(failure)) is not None), None)
    its_leads = [_lead_of(test, leads) for test in tests]
    # What all of them come after, where that is found out: of more than a few nobody knows which it is.
    common = frozenset(its_leads[0]).intersection(*its_leads)
    after = [name for name in its_leads[0] if name in common]
    shared = (*one.shared, *(f"{AFTER}{name}" for name in after)) if len(after) <= _MOST_AFTER else one.shared
    reproduce = about.reproduce(tests[0], its_leads[0])
    added = {"shared": shared, "suspects": about.suspect(tests), "reproduce": reproduce, "explanation": why}
    return one.model_copy(update=added)


def _leads(runs: Iterable[SuiteRun]) -> Leads:
    """Return after which tests each of those fails that pass alone."""
    found: dict[tuple[str, str, str, str], tuple[str, ...]] = {}
    for run in runs:
        where = (run.job.suite.name, run.job.environment.name)
        found |= {(*where, one.case.file, one.case.name): one.lead for one in run.settled if one.lead}
    return found


def _lead_of(test: TestResult, leads: Leads) -> tuple[str, ...]:
    return leads.get(_key(test), ())


def _key(test: TestResult) -> tuple[str, str, str, str]:
    return test.suite, test.environment, test.file, test.name


def shards_bound_s(shards: Iterable[ShardRecord], workers: int) -> float | None:
    """Return the least wall time in which so many workers could have run these shards; None when nothing ran."""
    took = [_took_s(shard) for shard in shards]
    known = [seconds for seconds in took if seconds is not None]
    return bound_s(known, workers) if known else None


def _took_s(shard: ShardRecord) -> float | None:
    if shard.started_s is None or shard.ended_s is None:
        return None
    return shard.ended_s - shard.started_s


def shards_wall_s(shards: Iterable[ShardRecord]) -> float | None:
    """Return the time from the start of the first shard to the end of the last one."""
    ran = [(s.started_s, s.ended_s) for s in shards if s.started_s is not None and s.ended_s is not None]
    return max(end for _, end in ran) - min(start for start, _ in ran) if ran else None


def reproducer(jobs: Iterable[Job], tools: Tools) -> Reproduce:
    """Return what gives the shell line that runs a test, after others or alone, as its suite was run.

    Of one that can't be run alone, or was not when that was tried, it is the line that runs its file or package.
    """
    by_name: Mapping[tuple[str, str], Job] = {(job.suite.name, job.environment.name): job for job in jobs}

    def reproduce(test: TestResult, lead: Sequence[str]) -> str:
        job = by_name.get((test.suite, test.environment))
        task = None if job is None else _reproducing(job, test, lead, tools.root)
        if job is None or task is None:
            return ""
        command = job.runner.command(task, tools)
        own = {**job.suite.variables, **job.environment.variables}
        words = [*(f"{name}={value}" for name, value in sorted(own.items())), *plain_words(command)]
        line = shell_line(words)
        return line if job.suite.folder == "." else f"cd {shlex.quote(job.suite.folder)} && {line}"

    return reproduce


def _reproducing(job: Job, test: TestResult, lead: Sequence[str], root: Path) -> Task | None:
    """Return the least that can be run in which a test is, None when nothing is known to hold it."""
    task = Task(job.suite, job.environment, root, _SCRATCH)
    alone = [attempt.outcome for attempt in test.attempts if attempt.conditions == "alone"]
    if test.native and job.runner.runs_single_tests and (not alone or says_something(alone)):
        return replace(task, tests=(*lead, test.native))
    case = Case(file=test.file, name=test.name, native=test.native)
    item = Owners(job.runner.items(job.suite), job.suite).of(case)
    return replace(task, items=(item.name,)) if item else None


def incomplete(result: TestRunResult, coverage: Coverage) -> bool:
    """Tell whether something is not known of a run: a unit without an outcome, a suite or a test without a verdict."""
    return bool(result.totals.unfinished or any(s.error for s in result.suites)) or not coverage.complete


def last_known(runs: Iterable[Run]) -> tuple[TestResult, ...]:
    """Return what the newest of earlier test runs that tells of a test says of it; `runs` are in order, newest first.

    Nothing is asked of what is older than a whole run: it could tell only of tests that are gone.
    """
    tests: list[TestResult] = []
    known: set[tuple[str, str, str, str]] = set()
    for run in runs:
        result = TestRunResult.model_validate(dict(run.result))
        new = [test for test in result.tests if _key(test) not in known]
        tests += new
        known.update(map(_key, new))
        if _was_whole(run, result):
            break
    return tuple(tests)


def _was_whole(run: Run, result: TestRunResult) -> bool:
    narrowed = any(run.request.get(name) not in (None, False, (), []) for name in _NARROWING)
    return not narrowed and run.status == "complete" and bool(result.tests)
