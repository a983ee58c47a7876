"""A pytest suite as units of the engine: collect, then shards, and a rerun for each failure."""

from __future__ import annotations

import asyncio
import math
import shlex
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from fanfold.engine.attempt import Attempt
from fanfold.errors import FinalError
from fanfold.models import Outcome, Unit, content_key
from fanfold.runners.base import Item, Task
from fanfold.runners.pytest.attempts import attempts_of
from fanfold.runners.pytest.collection import Collection, PytestTest
from fanfold.runners.pytest.launch import launch
from fanfold.runners.pytest.shards import Shard, plan_shards
from fanfold.runners.schedule import NO_TESTS_S
from fanfold.runners.sight import join
from fanfold.skills.parallel_test.deal import Listed
from fanfold.skills.parallel_test.evidence import Rerun
from fanfold.skills.parallel_test.isolation import Seats
from fanfold.skills.parallel_test.job import Job, Settings, SuiteRun
from fanfold.skills.parallel_test.leads import MOST_S, Leads, shortest
from fanfold.skills.parallel_test.portions import name_of
from fanfold.skills.parallel_test.pytest_process import Launch, PytestSuite, Worker
from fanfold.skills.parallel_test.records import suite_record
from fanfold.skills.parallel_test.shard_under_way import ShardUnderWay
from fanfold.skills.parallel_test.stretch import Stretch, Told
from fanfold.skills.parallel_test.trials import Trials, lost, not_run
from fanfold.sources.text import counted
from fanfold.suites import (
    BAD,
    Case,
    ClusterClass,
    Conditions,
    ShardRecord,
    TestAttempt,
    TestVerdict,
)

Work = Callable[[Attempt], Awaitable[object]]

_COLLECT_S = 60.0
_COLLECT_TIMES = 5
_FORKED_S = 0.02
_STARTED_S = 0.3
# A process that ends before its first test does so again, and what ends pytest once may do so for each test.
_MOST_BARREN = 2
_MOST_EXITS = 5
_MOST_WORDS = 100


class PytestWork:
    """One suite in one environment; `first` is the unit that adds all others to the run."""

    def __init__(self, job: Job, settings: Settings, seats: Seats) -> None:
        self.job = job
        self._settings = settings
        self._limits = settings.limits_of(job.suite)
        task = Task(job.suite, job.environment, settings.root, seats.folder)
        command = launch(task, settings.tools)
        self._command = command
        variables = {**settings.tools.environ, **command.variables}
        put_there = settings.tools.put_there(job.suite.folder, "pytest")
        how = Launch(command.argv, command.folder, settings.root, variables, settings.coverage, put_there)
        self._suite = PytestSuite(how, seats)
        self.kinds: dict[str, str] = {}
        self._tests: dict[int, PytestTest] = {}
        self._collection: Collection | None = None
        self._shards: list[ShardUnderWay] = []
        self._told: dict[int, list[TestAttempt]] = {}
        self._walls: dict[int, float] = {}
        self._before: dict[int, list[int]] = {}
        self._trials = Trials(job, settings)
        self._idle: list[Worker] = []
        self._running: list[Stretch] = []
        self._leads = Leads({}, self._told, self._walls)
        self._waiting = 0
        self._unfinished = 0
        self._no_shard = asyncio.Event()
        self._open = 1
        self._closing: asyncio.Future[None] | None = None
        self._notes: list[str] = []

    @property
    def first(self) -> Unit[Work]:
        """The unit that collects."""
        return self._unit("collect", "collect", self._collect, None)

    def _unit(self, kind: str, label: str, work: Work, expected_s: float | None) -> Unit[Work]:
        job = self.job
        key = content_key(kind, job.name, label)
        self.kinds[key] = kind
        return Unit(
            key=key,
            label=f"{job.name}: {label}",
            payload=work,
            kind=kind,
            lane=job.lane,
            expected_s=expected_s,
        )

    async def _done(self) -> None:
        """One of the suite's units has ended; the last one ends its workers, and lets the one that collected go."""
        self._open -= 1
        if not self._open:
            await self._end_idle(politely=True)
            self._closing = asyncio.ensure_future(self._suite.close(politely=True))

    async def close(self, *, politely: bool = True) -> None:
        """End every process of the suite: let it tear down, or at once."""
        await self._end_idle(politely=politely)
        if self._closing is None or not politely:
            await self._suite.close(politely=politely)
        if self._closing is not None:
            await self._closing

    async def _end_idle(self, *, politely: bool) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*(self._leave(worker) if politely else self._suite.drop(worker) for worker in idle))

    # -- collecting

    async def _collect(self, attempt: Attempt) -> int:
        """Collect, and add the shards to the run; returns how many tests there are."""
        try:
            collection = await self._collected()
            tests = list(self._tests.values())
            start_s = _FORKED_S if self._suite.can_fork else collection.took_s + _STARTED_S
            durations, workers = self.job.durations, self._settings.workers
            shards = plan_shards(tests, durations, workers, start_s=start_s, most=self.job.suite.shards)
            if len(shards) == 1 and workers > 1:
                self._notes.append("one shard: more workers would take longer to start than they save")
            # A free worker takes what is added first: unknown ones, then the longest.
            for number, shard in sorted(enumerate(shards, 1), key=lambda one: _order(one[1])):
                self._add_shard(attempt, shard, number, len(shards))
            return len(tests)
        finally:
            await self._done()

    async def _collected(self) -> Collection:
        """Have pytest collect, and keep what is chosen of it."""
        self._check()
        self._collection = collection = await self._suite.collect(self._collect_limit_s)
        self._tests = {test.index: test for test in collection.tests if self._is_chosen(test)}
        paths = {index: test.path for index, test in self._tests.items()}
        self._leads = Leads(paths, self._told, self._walls)
        return collection

    async def listed(self, _attempt: Attempt) -> Listed:
        """Collect and run nothing: what is dealt out to several machines."""
        collection = await self._collected()
        unread = tuple(case for case in collection.unread if self._keeps(case))
        start_s = collection.took_s + _STARTED_S
        return Listed(self.job, tuple(self._tests.values()), unread, start_s=start_s, by_test=True)

    def _check(self) -> None:
        """See whether there is a pytest at all; behind a prefix that is the prefix's business."""
        job = self.job
        missing = None if job.environment.prefix else job.runner.unavailable(job.suite, self._settings.tools)
        if missing:
            raise FinalError(missing)

    @property
    def _collect_limit_s(self) -> float | None:
        """The limit of a test is too little for importing all of them."""
        limit_s = self._limits.timeout_s
        return None if limit_s is None else max(_COLLECT_S, limit_s * _COLLECT_TIMES)

    def _is_chosen(self, test: PytestTest) -> bool:
        return self._is_mine(test.case) and (self.job.chosen is None or self.job.chosen(test.case))

    def _is_mine(self, case: Case) -> bool:
        return self.job.share is None or self.job.share.has_case(case)

    def _add_shard(self, attempt: Attempt, shard: Shard, number: int, count: int) -> None:
        record = ShardRecord(
            id=f"{self.job.name} {number}/{count}",
            suite=self.job.suite.name,
            environment=self.job.environment.name,
            index=number,
            count=count,
            tests=len(shard.tests),
            expected_s=shard.expected_s,
            command=self._spelled(shard.tests),
            folder=self.job.suite.folder,
        )
        under_way = ShardUnderWay(shard, record)
        unit = self._unit(
            "shard", f"shard {number} of {count}", lambda a: self._run_shard(under_way, a), shard.expected_s
        )
        under_way.key = unit.key
        self._shards.append(under_way)
        self._waiting += 1
        self._unfinished += 1
        self._open += 1
        attempt.add(unit)

    def _spelled(self, tests: Sequence[int]) -> tuple[str, ...]:
        """Return a command that runs these tests: by their files when it runs all of these, else one by one."""
        chosen = set(tests)
        files = {self._tests[index].path for index in tests}
        whole = all(test.index in chosen for test in self._tests.values() if test.path in files)
        natives = [self._tests[index].case.native for index in tests]
        if whole or len(natives) > _MOST_WORDS:
            natives = list(dict.fromkeys(native.partition("::")[0] for native in natives))
        return (*self._command.argv, *natives)

    # -- running

    async def _run_shard(self, shard: ShardUnderWay, attempt: Attempt) -> int:
        """Run a shard's tests, in as many processes as it takes; returns how many ran."""
        self._waiting -= 1
        ran = 0
        try:
            left, barren, exits = list(shard.shard.tests), 0, 0
            while left:
                stretch = await self._stretch(left, "shard", shard=shard)
                ran += len(stretch.done)
                self._consider(stretch, attempt)
                left = stretch.left
                if stretch.why is None:
                    break
                barren = 0 if stretch.done else barren + 1
                exits += stretch.ends_runs
                if barren >= _MOST_BARREN or exits >= _MOST_EXITS:
                    self._give_up(left, stretch.why)
                    break
            self._lose(left)
            return ran
        finally:
            self._unfinished -= 1
            if not self._unfinished:
                self._no_shard.set()
            await self._let_go()
            await self._done()

    async def _stretch(
        self, tests: Sequence[int], conditions: Conditions, *, shard: ShardUnderWay | None = None
    ) -> Stretch:
        """Run tests in one process: one that waits for work, or a new one; for a rerun always that."""
        worker = self._idle.pop() if shard and self._idle else await self._new_worker(tests, rerun=shard is None)
        stretch = Stretch(self._settings.root, worker, tests, conditions, self._heard if shard else _ignore)
        if shard:
            shard.stretches.append(stretch)
        self._running.append(stretch)
        try:
            await stretch.run(self._limits, self._slow)
        except BaseException:
            self._suite.stop(worker)
            raise
        finally:
            self._running.remove(stretch)
        if stretch.why is not None:
            await self._suite.drop(worker)
        elif shard and (self._suite.can_fork or worker.indices is None) and not self._is_waited_for():
            self._idle.append(worker)
        else:
            await self._leave(worker)
        return stretch

    async def _new_worker(self, tests: Sequence[int], *, rerun: bool) -> Worker:
        wanted = [(test.index, test.nodeid, test.nth, test.path) for test in map(self._tests.__getitem__, tests)]
        return await self._suite.worker(wanted, new=rerun)

    async def _let_go(self) -> None:
        """End the workers for which there is no more work, or whose ports others may be waiting for."""
        if not self._waiting or self._is_waited_for():
            idle, self._idle = self._idle, []
            await asyncio.gather(*(self._leave(worker) for worker in idle))

    def _is_waited_for(self) -> bool:
        return any(stretch.is_waiting for stretch in self._running)

    async def _leave(self, worker: Worker) -> None:
        """Let a worker go; what fails as it tears down is a failure of the test that it ran last."""
        await self._suite.leave(worker)
        if not (worker.last_tests and worker.late):
            return
        index = worker.last_tests[-1]
        late = [one for one in attempts_of(worker.late, self._settings.root) if one.outcome in BAD]
        told = self._told.get(index)
        if late and told and told[-1].outcome not in BAD:
            kept = {"worker": told[-1].worker, "duration_s": told[-1].duration_s}
            told[-1] = late[0].model_copy(update=kept)
            why = "it failed when what the whole session shares was torn down"
            self._trials.settle(self._case(index), ClusterClass.UNKNOWN, why)

    def _slow(self, index: int, seconds: float) -> None:
        self._settings.tell("test.slow", None, suite=self.job.name, test=self._tests[index].label, seconds=seconds)

    def _heard(self, index: int, told: Told) -> None:
        self._told.setdefault(index, []).extend(told.attempts)
        self._walls[index] = told.wall_s
        self._settings.listener.tested(self.job, self._case(index))

    def _case(self, index: int) -> Case:
        return self._tests[index].case.model_copy(update={"attempts": tuple(self._told.get(index, ()))})

    def _give_up(self, tests: Sequence[int], why: str) -> None:
        """These can't be run: whatever process is given them ends."""
        for index in tests:
            said = f"not run: {why.splitlines()[0]}"
            self._told[index] = [not_run(said)]

    def _lose(self, tests: Sequence[int]) -> None:
        """A process that ended well has said nothing of these."""
        for index in tests:
            if index not in self._told:
                said = "it was collected and given to a process that ended well without a word about it"
                self._told[index] = [lost(said)]

    # -- failures

    def _consider(self, stretch: Stretch, attempt: Attempt) -> None:
        """Have the failures of a stretch rerun, as many as tell something."""
        ran = stretch.worker.last_tests
        for index, told in stretch.done.items():
            if told.attempts and told.attempts[-1].outcome in BAD and self._trials.admit(self._case(index)):
                self._before[index] = ran[: ran.index(index)]
                self._open += 1
                label = f"rerun of {self._tests[index].label}"
                # Behind every shard that has not begun, however long the test took.
                attempt.add(self._unit("rerun", label, partial(self._rerun, index), 0.0))

    async def _rerun(self, index: int, _attempt: Attempt) -> str:
        """Run a failed test again, in the ways that tell what kind of failure it is."""
        before = self._leads.among(self._before[index])

        async def again(kind: Rerun) -> TestAttempt:
            first = before if kind is Rerun.AFTER_THE_SAME else []
            if kind is Rerun.IN_ORDER:
                await self._shards_have_ended()
                first = self._leads.taken(index)
            attempt = await self._again(index, first)
            self._told[index].append(attempt)
            return attempt

        async def shorten() -> tuple[str, ...]:
            return self._natives(await self._disturbing(index, before))

        try:
            natives, left_out = self._natives(before), self._leads.has_left_out(index, before)
            case = await self._trials.play(self._case(index), again, before=natives, shorten=shorten, left_out=left_out)
            return case.verdict
        finally:
            await self._done()

    async def _again(self, index: int, first: Sequence[int]) -> TestAttempt:
        """Run a test after others, in a process of its own."""
        conditions: Conditions = "predecessors" if first else "alone"
        stretch = await self._stretch([*first, index], conditions)
        told = stretch.done.get(index)
        if told and told.attempts:
            return told.attempts[-1]
        why = f"not run again: {stretch.why or 'it was lost'}"
        return TestAttempt(outcome=TestVerdict.NOT_RUN, message=why, conditions=conditions)

    def _natives(self, tests: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._tests[index].case.native for index in tests)

    async def _disturbing(self, index: int, before: Sequence[int]) -> Sequence[int]:
        """Return the part of what had run before a test that is enough for it to fail as it did, if that is quick."""
        error = self._told[index][0].error_type

        async def fails(lead: Sequence[int]) -> bool:
            attempt = await self._again(index, lead)
            return attempt.outcome in BAD and attempt.error_type == error

        return await shortest(before, fails) if self._leads.is_quick(before) else before

    async def _shards_have_ended(self) -> None:
        """Wait for tests that others may need: all shards have begun when a rerun does. One that hangs is no use."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_S):
                await self._no_shard.wait()

    # -- the end

    def folded(self, outcomes: Mapping[str, Outcome[Any]]) -> SuiteRun:
        """Fold all of it, once the run is over; `outcomes` are those of the run's units by key."""
        collecting = outcomes.get(self.first.key)
        self._account_for_silence(outcomes)
        cases = [self._case(index) for index in self._tests]
        unread = self._collection.unread if self._collection else ()
        error = collecting.error if collecting and not collecting.ok else None
        everything = (*(case for case in unread if self._keeps(case)), *cases, *self._uncollected(error))
        shards = tuple(shard.recorded(outcomes.get(shard.key)) for shard in self._in_order())
        record = suite_record(
            self.job,
            everything,
            shards,
            collected=len(self._tests) if self._collection else None,
            error=error,
            notes=self._all_notes(),
        )
        walls = {self._tests[index].label: seconds for index, seconds in self._walls.items() if self._counts(index)}
        walls |= dict.fromkeys(self._empty_files(), NO_TESTS_S)
        run = SuiteRun(self.job, record, everything, shards, self._trials.decided(), walls)
        if self._settings.coverage is None or self._collection is None:
            return run
        python, unmeasured = self._collection.python, self._collection.unmeasured
        return replace(run, python=python, unmeasured=unmeasured)

    def _in_order(self) -> list[ShardUnderWay]:
        return sorted(self._shards, key=lambda shard: shard.record.index)

    def _keeps(self, case: Case) -> bool:
        chosen = self.job.chosen is None or self.job.chosen(case)
        return self._is_mine(case) and (chosen or (case.verdict in BAD and self._may_hide(case)))

    def _may_hide(self, case: Case) -> bool:
        """Tell whether there may be chosen tests in what could not be collected."""
        return self.job.items is None or bool(self.job.items((Item(case.file),)))

    def _empty_files(self) -> Iterator[str]:
        """Yield the files in which a plan supposes tests, and in which there are none."""
        if self._collection is None or self.job.chosen is not None or self.job.share is not None:
            return
        broken = (case.file for case in self._collection.unread if case.verdict in BAD)
        held = {*(test.case.file for test in self._tests.values()), *broken}
        yield from (path for name in self.job.suite.files if (path := join(self.job.suite.folder, name)) not in held)

    def _uncollected(self, error: str | None) -> Iterator[Case]:
        """Yield the tests that the plan gives this machine and that are not there."""
        if self.job.share is None:
            return
        unread = self._collection.unread if self._collection else ()
        there = [*(test.case for test in self._tests.values()), *unread]
        for case in self.job.share.missing(map(name_of, there)):
            said = lost("the plan has it, and it was not collected here") if error is None else not_run(error)
            yield case.model_copy(update={"attempts": (said,)})

    def _counts(self, index: int) -> bool:
        """A test that was ended took what it was given, not what it takes."""
        return self._told[index][0].outcome not in {TestVerdict.TIMED_OUT, TestVerdict.CRASHED}

    def _all_notes(self) -> list[str]:
        deselected = self._collection.deselected if self._collection else 0
        return [
            *dict.fromkeys([*self._suite.notes, *self._notes]),
            *([f"{counted(deselected, 'test')} not selected by {self._selecting}"] if deselected else []),
        ]

    @property
    def _selecting(self) -> str:
        """Whoever leaves tests out: the project's own options, or what this suite is of a project's."""
        own = "the project's own options"
        return f"`{shlex.join(self.job.suite.arguments)}` or {own}" if self.job.suite.arguments else own

    def _account_for_silence(self, outcomes: Mapping[str, Outcome[Any]]) -> None:
        """Say of tests of which nothing is known why that is."""
        for shard in self._shards:
            outcome = outcomes.get(shard.key)
            why = (outcome.error if outcome else None) or "its shard was not run"
            for index in shard.shard.tests:
                self._told.setdefault(index, [not_run(why)])


def _order(shard: Shard) -> float:
    return -math.inf if shard.expected_s is None else -shard.expected_s


def _ignore(_index: int, _told: Told) -> None:
    """Hear of tests that only lead up to another."""
