"""Fold what suites, reruns and sub-agents said into one result."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fanfold.models import Coverage, Run
from fanfold.runners.base import Task
from fanfold.runners.schedule import bound_s
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.clusters import Failure, Kinds, cluster
from fanfold.skills.parallel_test.job import Job, SuiteRun
from fanfold.skills.parallel_test.spans import least_s, wall_s
from fanfold.suites import (
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

Reproduce = Callable[[TestResult], str]


@dataclass(frozen=True, slots=True)
class About:
    """What is known of the failures of a cluster besides what they share."""

    suspect: Callable[[Sequence[TestResult]], tuple[str, ...]]
    reproduce: Reproduce
    explain: Callable[[Failure], Explanation | None]


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
    clusters = tuple(
        _completed(one, [by_id[name] for name in one.tests], kinds, about) for one in cluster(tests, kinds)
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
    about: About,
) -> Cluster:
    failures = [Failure.of(test, kinds) for test in tests]
    why = next((said for failure in failures if (said := about.explain(failure)) is not None), None)
    added = {"suspects": about.suspect(tests), "reproduce": about.reproduce(tests[0]), "explanation": why}
    return one.model_copy(update=added)


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
    """Return what gives the shell line that runs one test alone, with the command that its suite was run with."""
    by_name: Mapping[tuple[str, str], Job] = {(job.suite.name, job.environment.name): job for job in jobs}

    def reproduce(test: TestResult) -> str:
        job = by_name.get((test.suite, test.environment))
        if job is None or not test.native or not job.runner.runs_single_tests:
            return ""
        task = Task(job.suite, job.environment, tools.root, _SCRATCH, tests=(test.native,))
        command = job.runner.command(task, tools)
        own = {**job.suite.variables, **job.environment.variables}
        words = [*(f"{name}={value}" for name, value in sorted(own.items())), *_plain(command.argv)]
        line = shlex.join(words)
        return line if job.suite.folder == "." else f"cd {shlex.quote(job.suite.folder)} && {line}"

    return reproduce


def _plain(argv: Sequence[str]) -> list[str]:
    """Leave out what only fanfold's own reading of results needs."""
    return [word for word in argv if str(_SCRATCH) not in word]


def incomplete(result: TestRunResult, coverage: Coverage) -> bool:
    """Tell whether something is not known of a run: a unit without an outcome, a suite or a test without a verdict."""
    return bool(result.totals.unfinished or any(s.error for s in result.suites)) or not coverage.complete


def previous_results(run: Run) -> tuple[TestResult, ...]:
    """Return the tests of an earlier run."""
    return TestRunResult.model_validate(dict(run.result)).tests
