"""Run suites: each in its environment, in shards, all under one supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

from fanfold.engine.attempt import Attempt
from fanfold.engine.supervise import supervise
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Unit
from fanfold.runners.pytest.launch import can_inject
from fanfold.skills.parallel_test.builds import Builds
from fanfold.skills.parallel_test.deal import Listed
from fanfold.skills.parallel_test.isolation import Seats, scratch
from fanfold.skills.parallel_test.job import Job, Settings, SuiteRun
from fanfold.skills.parallel_test.other_work import OtherWork
from fanfold.skills.parallel_test.pytest_work import PytestWork
from fanfold.skills.parallel_test.spans import spans_of

Work = Callable[[Attempt], Awaitable[object]]


class JobWork(Protocol):
    """What is done for one job: a first unit, which adds the others; then all is folded. Or it is only listed.

    `kinds` has the kinds of the units that it has made, by their keys.
    """

    job: Job
    kinds: dict[str, str]

    @property
    def first(self) -> Unit[Work]: ...

    async def listed(self, attempt: Attempt) -> Listed: ...

    async def close(self, *, politely: bool) -> None: ...

    def folded(self, outcomes: Mapping[str, Outcome[Any]]) -> SuiteRun: ...


@asynccontextmanager
async def running(
    jobs: Sequence[Job], settings: Settings, supervisor: Supervisor
) -> AsyncIterator[tuple[tuple[SuiteRun, ...], tuple[Outcome[Any], ...]]]:
    """Run all jobs at once; yields what became of each, in their order, and the outcomes of all units.

    A job's first unit collects its tests and adds its shards, which start the longest first, those of unknown length
    before all others; a shard adds a rerun for each failure, so that reruns overlap with the shards that are left.
    No unit is ever taken from the store: a test that is not run says nothing. All tests have ended, and what they leave
    to be torn down with them; the processes that have collected them end while whoever asked makes something of it.
    Whatever was started has ended, and its folders are gone, when the context is left.
    """
    with ExitStack() as stack:
        seats = Seats(stack.enter_context(scratch()), settings.workers)
        builds = Builds()
        works = [_work_on(job, settings, seats, builds) for job in jobs]
        try:
            outcomes = await supervise([work.first for work in works], _do, supervisor=supervisor)
            by_key = {outcome.key: outcome for outcome in outcomes}
            spans = (spans_of(outcomes, work.kinds, work.first.key) for work in works)
            runs = tuple(replace(work.folded(by_key), spans=its) for work, its in zip(works, spans, strict=True))
            yield runs, tuple(outcomes)
        finally:
            await asyncio.gather(*(work.close(politely=supervisor.stopped is None) for work in works))


async def list_suites(jobs: Sequence[Job], settings: Settings, supervisor: Supervisor) -> tuple[Listed, ...]:
    """Ask each job's framework what it is made of, all at once, and run no test; returns that in their order.

    One that can't be asked says why, and can still be run as a whole.
    """
    with ExitStack() as stack:
        seats = Seats(stack.enter_context(scratch()), settings.workers)
        builds = Builds()
        works = [_work_on(job, settings, seats, builds) for job in jobs]
        units: list[Unit[Callable[[Attempt], Awaitable[Listed]]]] = [
            Unit(work.first.key, work.first.label, work.listed, "collect", lane=work.job.lane) for work in works
        ]
        try:
            outcomes = await supervise(units, _list, supervisor=supervisor)
        finally:
            await asyncio.gather(*(work.close(politely=supervisor.stopped is None) for work in works))
    return tuple(
        outcome.value if outcome.value is not None else Listed(job, error=outcome.error or "it could not be listed")
        for job, outcome in zip(jobs, outcomes, strict=True)
    )


async def _list(unit: Unit[Callable[[Attempt], Awaitable[Listed]]], attempt: Attempt) -> Listed:
    return await unit.payload(attempt)


async def _do(unit: Unit[Work], attempt: Attempt) -> object:
    return await unit.payload(attempt)


def _work_on(job: Job, settings: Settings, seats: Seats, builds: Builds) -> JobWork:
    """Choose how a job is done: pytest tells of each test as it ends, wherever the reporter reaches it."""
    if job.suite.framework == "pytest" and can_inject(job.suite, job.environment):
        return PytestWork(job, settings, seats)
    return OtherWork(job, settings, seats, builds)


def durations_of(runs: Iterable[SuiteRun]) -> dict[str, Mapping[str, float]]:
    """Return what is to be kept for the next time, by the kind under which the store keeps it."""
    return {duration_kind(run.job): run.durations for run in runs}


def duration_kind(job: Job) -> str:
    """Return the kind under which the durations of a job's tests are kept."""
    return f"test:{job.name}"
