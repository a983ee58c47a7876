"""What run.json keeps of a job and its shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fanfold.models import Outcome, Status
from fanfold.skills.parallel_test.job import Job
from fanfold.suites import Case, ShardRecord, ShardStatus, SuiteRecord, Totals

_STATUS: Mapping[Status, ShardStatus] = {
    Status.OK: "ok",
    Status.TIMED_OUT: "timed_out",
    Status.CANCELLED: "cancelled",
    Status.NOT_RUN: "not_run",
}


def shard_status(outcome: Outcome[Any], broken: str | None) -> ShardStatus:
    """Return how a shard ended; `broken` is what ended one of its processes before its time."""
    return "crashed" if outcome.ok and broken else _STATUS.get(outcome.status, "failed")


def suite_record(
    job: Job,
    cases: Iterable[Case],
    shards: Sequence[ShardRecord],
    *,
    collected: int | None,
    error: str | None,
    notes: Sequence[str],
) -> SuiteRecord:
    """Return the record of a job."""
    spans = [(s.started_s, s.ended_s) for s in shards if s.started_s is not None and s.ended_s is not None]
    expected = [shard.expected_s for shard in shards]
    return SuiteRecord(
        name=job.suite.name,
        framework=job.suite.framework,
        folder=job.suite.folder,
        environment=job.environment.name,
        found_by=job.suite.found_by,
        shards=len(shards),
        collected=collected,
        totals=Totals.of(case.verdict for case in cases),
        expected_s=None if None in expected else sum(seconds or 0.0 for seconds in expected),
        wall_s=max(end for _, end in spans) - min(start for start, _ in spans) if spans else None,
        error=error,
        notes=tuple(notes),
    )
