"""A suite of any other framework as units of the engine: list its items, run its shards, rerun what failed.

What became of a test is known when its process has ended and its results are read. A process that is ended keeps what
it has written by then.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from fanfold.engine.attempt import Attempt
from fanfold.engine.watched import Watched, run_watched
from fanfold.errors import FinalError, WorkerError
from fanfold.models import Outcome, Unit, content_key
from fanfold.runners.base import Command, Ended, Item, Reading, Sharding, Task
from fanfold.runners.results.place import ITSELF, plain
from fanfold.runners.schedule import lost_cases, shared_out, told_of
from fanfold.skills.parallel_test.builds import Builds
from fanfold.skills.parallel_test.deal import Listed
from fanfold.skills.parallel_test.evidence import Rerun, rule_uncollected
from fanfold.skills.parallel_test.isolation import Seat, Seats
from fanfold.skills.parallel_test.job import Job, Settings, SuiteRun
from fanfold.skills.parallel_test.plan import PlannedShard, shards_of, start_of
from fanfold.skills.parallel_test.records import shard_status, suite_record
from fanfold.skills.parallel_test.rests import AT_ITS_LIMIT, RESUMED, Rest, can_resume, rests_of, waiting_in
from fanfold.skills.parallel_test.trials import Trials, is_bad, lost, not_run
from fanfold.suites import BAD, Case, Conditions, ShardRecord, TestAttempt, TestResult, TestVerdict

Work = Callable[[Attempt], Awaitable[object]]

_DID_NOT_LOAD = frozenset({TestVerdict.ERROR, TestVerdict.FAILED})
_TO_TELL_S = 5.0
_TAIL = 500
_LAST_LINES = 3
_ABSENT = "the plan has it, and it is not there"


@dataclass
class _Shard:
    """A shard under way; what its process came to is there when that has ended."""

    planned: PlannedShard
    items: tuple[Item, ...]
    key: str = ""
    worker: int | None = None
    command: Command | None = None
    watched: Watched | None = None
    reading: Reading = field(default_factory=Reading)
    resumed: bool = False  # what it had not got to is run again


class OtherWork:
    """One suite in one environment; `first` is the unit that adds all others to the run."""

    def __init__(self, job: Job, settings: Settings, seats: Seats, builds: Builds) -> None:
        self.job = job
        self._builds = builds
        self._settings = settings
        self._seats = seats
        self._limits = settings.limits_of(job.suite)
        self._trials = Trials(job, settings)
        self._shards: list[_Shard] = []
        self.kinds: dict[str, str] = {}
        self._cases: list[Case] = []
        self._unasked: list[Case] = []
        self._durations: dict[str, float] = {}
        self._notes: list[str] = []
        self._collected: int | None = None
        # What shards are made of that the tool makes by itself: which of them has what is known when all have ended.
        self._dealt: tuple[Item, ...] = ()
        # What is run again of shards that were ended.
        self._rests: list[Rest] = []
        # What the plan of several machines gives this one, and which is not there.
        self._absent: tuple[Case, ...] = ()
        # What the processes are told to run where that is less than all of the suite.
        self._only: tuple[str, ...] = ()

    @property
    def first(self) -> Unit[Work]:
        """The unit that lists the items."""
        return self._unit("collect", "collect", self._collect, None)

    def _unit(self, kind: str, label: str, work: Work, expected_s: float | None) -> Unit[Work]:
        key = content_key(kind, self.job.name, label)
        self.kinds[key] = kind
        return Unit(key, f"{self.job.name}: {label}", work, kind, lane=self.job.lane, expected_s=expected_s)

    async def close(self, *, politely: bool) -> None:
        """Every process has ended with its unit."""

    # -- listing

    async def _collect(self, attempt: Attempt) -> int:
        """List what the suite is made of, and add its shards; returns how many items there are."""
        every = await self._items()
        items = self._chosen_of(every)
        share = self.job.share
        if share is not None:
            mine = tuple(item for item in items if share.has(item.name))
            self._absent = share.missing(item.name for item in mine)
            items = items if share.portion.shards else mine
        self._only = tuple(item.name for item in items) if len(items) < len(every) else ()
        tests = [len(item.tests) for item in items]
        self._collected = sum(tests) if tests and all(tests) and self.job.chosen is None else None
        for one in self._planned(items):
            self._add_shard(attempt, one, items)
        return len(items)

    async def listed(self, _attempt: Attempt) -> Listed:
        """List the items and run nothing: what is dealt out to several machines."""
        items = self._chosen_of(await self._items())
        most = self.job.runner.most_shards(self.job.suite, self._settings.tools)
        return Listed(self.job, items=items, start_s=start_of(self.job.suite, self.job.durations), most=most)

    def _chosen_of(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        return items if self.job.items is None else tuple(self.job.items(items))

    def _planned(self, items: Sequence[Item]) -> Sequence[PlannedShard]:
        """Return the shards: of this machine's share, those of the tool that the plan names, or of its items."""
        job = self.job
        if job.share is not None and job.share.portion.shards:
            return [PlannedShard(shard.index, shard.count) for shard in job.share.portion.shards]
        if job.share is not None and not job.share.portion.is_whole and not items:
            return ()
        most = job.runner.most_shards(job.suite, self._settings.tools)
        workers, known = self._settings.workers, job.durations
        planned, why = shards_of(job.suite, job.runner.sharding, items, known, workers, most=most)
        self._notes += [why] if why else []
        return planned

    async def _items(self) -> tuple[Item, ...]:
        """Ask the framework, where it can be asked; else what is known from names of files."""
        job = self.job
        if not job.environment.prefix and (missing := job.runner.unavailable(job.suite, self._settings.tools)):
            raise FinalError(missing)
        with self._seat() as seat:
            task = self._task(seat)
            command = job.runner.collecting(task, self._settings.tools)
            if command is None:
                return job.runner.items(job.suite)
            try:
                listed = job.runner.collected(task, (await self._run(command, seat))[1])
            except WorkerError as error:
                # Of its files those that are broken fail alone.
                files = job.runner.items(job.suite) if job.runner.sharding is Sharding.ITEMS else ()
                how = "file by file" if files else "as a whole"
                self._notes.append(f"what it is made of can't be listed, so it is run {how}: {error}")
                return files
        self._notes += listed.notes
        return listed.items

    def _add_shard(self, attempt: Attempt, planned: PlannedShard, items: Sequence[Item]) -> None:
        dealt = planned.count > 1 and not planned.items
        # Of what other machines run of it, nothing is heard here.
        shared = self.job.share is not None and bool(self.job.share.portion.shards)
        self._dealt = tuple(items) if dealt and not shared else ()
        whole = not planned.items and not dealt
        chosen = tuple(item for item in items if whole or item.name in planned.items)
        shard = _Shard(planned, chosen)
        label = f"shard {planned.index} of {planned.count}"
        unit = self._unit("shard", label, lambda a: self._run_shard(shard, a), planned.expected_s)
        shard.key = unit.key
        self._shards.append(shard)
        attempt.add(unit)

    # -- running

    @contextmanager
    def _seat(self) -> Iterator[Seat]:
        seat = self._seats.take()
        try:
            yield seat
        finally:
            self._seats.leave(seat)

    def _task(self, seat: Seat, planned: PlannedShard | None = None, tests: tuple[str, ...] = ()) -> Task:
        scratch = seat.folder / "results"
        scratch.mkdir(exist_ok=True)
        job, one = self.job, planned or PlannedShard(1, 1)
        items = () if tests else one.items or self._only
        limit = self._limits.timeout_s
        return Task(job.suite, job.environment, self._settings.root, scratch, items, tests, one.index, one.count, limit)

    @property
    def _to_tell_s(self) -> float:
        """What a process has beyond the limit, for its tool to end the test that hangs and to name it."""
        return min(_TO_TELL_S, self._limits.timeout_s or 0.0)

    async def _run(self, command: Command, seat: Seat, more_s: float = 0.0) -> tuple[Watched, Ended]:
        """Run a command in a worker's place, under the limits, of which that of time is `more_s` longer."""
        limits = replace(self._limits, timeout_s=self._limits.timeout_s and self._limits.timeout_s + more_s)
        environ = self._settings.tools.environ
        variables = {**environ, **self._seats.variables(seat, environ), **command.variables}
        since = time.time()

        def slow(seconds: float) -> None:
            self._settings.tell(
                "test.slow", None, suite=self.job.name, test=Path(command.argv[0]).name, seconds=seconds
            )

        watched = await run_watched(
            command.argv, cwd=command.folder, env=variables, limits=limits, mark=seat.mark, slow=slow
        )
        ended = Ended(command, watched.returncode, watched.stdout, watched.stderr, watched.truncated, since)
        return watched, ended

    async def _run_shard(self, shard: _Shard, attempt: Attempt) -> int:
        """Run a shard's process and read what it left; returns how many tests it told of."""
        runner, tools = self.job.runner, self._settings.tools
        with self._seat() as seat:
            task = self._task(seat, shard.planned)
            shard.worker, shard.command = seat.number, runner.command(task, tools)
            began = time.monotonic()
            watched, ended = await self._builds.unless_broken(self.job, self._run(shard.command, seat))
            shard.watched = watched
            wall_s = time.monotonic() - began
            shard.reading = reading = runner.results(task, ended)
        if why := runner.unbuilt(reading):
            self._builds.broken(self.job, why)
        cases = [_blamed(self._placed(case, seat.number, "shard"), watched) for case in reading.cases]
        shard.resumed = can_resume(runner) and watched.why == "timed_out"
        if _ended_well(shard):
            cases += lost_cases(shard.items, cases, self.job.suite)
            start_s = start_of(self.job.suite, self.job.durations)
            its = shard.items or told_of(self._dealt, cases, self.job.suite)
            self._durations |= shared_out(its, cases, self.job.suite, wall_s=wall_s, start_s=start_s)
        elif not shard.resumed:
            cases += self._cut_off(shard, cases)
        self._notes += reading.notes
        waiting = waiting_in(cases) if self.job.runner.runs_single_tests else []
        for case in cases:
            if case not in waiting:
                self._take(case, attempt)
        if waiting:
            self._run_again(Rest(tests=tuple(case.native for case in waiting), waiting=tuple(waiting)), attempt)
        if shard.resumed:
            self._notes.append(RESUMED.format(index=shard.planned.index, count=shard.planned.count))
            self._resume(shard.items, cases, attempt)
        if self._dealt and any(one.resumed for one in self._shards) and all(one.watched for one in self._shards):
            # Which shard a tool has put a file into is not known before all of them have ended.
            self._resume(self._dealt, [*self._cases, *self._unasked], attempt)
        return len(reading.cases)

    def _resume(self, items: Sequence[Item], cases: Sequence[Case], attempt: Attempt) -> None:
        """Add units that run, in new processes, what a process that was ended had not got to."""
        for rest in rests_of(items, cases, self.job.suite, alone=self.job.runner.runs_single_tests):
            self._run_again(rest, attempt)

    def _run_again(self, rest: Rest, attempt: Attempt) -> None:
        self._rests.append(rest)
        label = f"rest {len(self._rests)} of what was ended"
        attempt.add(self._unit("shard", label, partial(self._run_rest, len(self._rests) - 1), None))

    async def _run_rest(self, number: int, attempt: Attempt) -> int:
        """Run what is left of a shard, once; returns how many tests were told of."""
        rest, runner = self._rests[number], self.job.runner
        with self._seat() as seat:
            task = replace(self._task(seat, tests=rest.tests), items=rest.names)
            watched, ended = await self._run(runner.command(task, self._settings.tools), seat, self._to_tell_s)
            reading = runner.results(task, ended)
        cases = [_blamed(self._placed(case, seat.number, "shard"), watched) for case in reading.cases]
        self._rests[number] = replace(rest, ended=True)
        self._notes += reading.notes
        for case in (*cases, *rest.untold(cases, watched, reading, self.job.suite)):
            self._take(case, attempt)
        return len(reading.cases)

    def _placed(self, case: Case, worker: int, conditions: Conditions) -> Case:
        update = {"worker": worker, "conditions": conditions}
        return case.model_copy(update={"attempts": tuple(one.model_copy(update=update) for one in case.attempts)})

    def _cut_off(self, shard: _Shard, cases: Sequence[Case]) -> list[Case]:
        """Return cases for what a process that was ended has not told of."""
        missing = lost_cases(shard.items, cases, self.job.suite)
        why = f"not run: {shard.reading.error or _how_it_ended(shard)}"
        return [case.model_copy(update={"attempts": (not_run(why),)}) for case in missing]

    def _take(self, case: Case, attempt: Attempt) -> None:
        """Keep a case, and have it rerun when it failed.

        One that nobody asked for is kept when it is bad, but where tests were named one by one only if it is none.
        """
        telling = case.verdict in BAD and not (self.job.by_name and case.native)
        if self.job.chosen is not None and not self.job.chosen(case) and not telling:
            self._unasked.append(case)
            return
        place = len(self._cases)
        self._cases.append(case)
        self._settings.listener.tested(self.job, case)
        if case.name == ITSELF and case.verdict in _DID_NOT_LOAD:
            self._trials.settle(case, rule_uncollected(case.attempts[-1]), "its file could not be run")
            return
        can = self.job.runner.runs_single_tests and bool(case.native)
        if is_bad(case) and self._trials.admit(case, can_rerun=can):
            label = f"rerun of {case.file}::{case.name} ({place})"
            # Behind every shard that has not begun, however long the test took.
            attempt.add(self._unit("rerun", label, lambda _: self._rerun(place), 0.0))

    async def _rerun(self, place: int) -> str:
        """Run a failed test again by itself, in the ways that this framework has."""

        async def again(_kind: Rerun) -> TestAttempt:
            return await self.alone(self._cases[place])

        self._cases[place] = await self._trials.play(self._cases[place], again)
        return self._cases[place].verdict

    async def alone(self, test: Case | TestResult) -> TestAttempt:
        """Run one test, named as its runner does, in a process of its own; it is `not_run` when nothing came of it."""
        native = test.native
        runner = self.job.runner
        with self._seat() as seat:
            task = self._task(seat, tests=(native,))
            watched, ended = await self._run(runner.command(task, self._settings.tools), seat, self._to_tell_s)
            reading = runner.results(task, ended)
        told = [one for one in reading.cases if one.native == native and one.attempts]
        # A method with all its parameters may be the least that can be asked for.
        told = [one for one in told if (one.file, one.name) == (test.file, test.name)] or told
        if told:
            # Of several that share a name the one that failed is meant: nobody can say that it did not.
            worst = next(filter(is_bad, told), told[0])
            return _blamed(self._placed(worst, seat.number, "alone"), watched).attempts[-1]
        why = f"not run again: {reading.error or 'nothing was reported of it'}"
        return TestAttempt(outcome=TestVerdict.NOT_RUN, message=why, conditions="alone")

    # -- the end

    def folded(self, outcomes: Mapping[str, Outcome[Any]]) -> SuiteRun:
        """Fold all of it, once the run is over; `outcomes` are those of the run's units by key."""
        collecting = outcomes.get(self.first.key)
        for shard in self._shards:
            outcome = outcomes.get(shard.key)
            if shard.watched is None:
                why = (outcome.error if outcome else None) or "its shard was not run"
                missing = lost_cases(shard.items, self._cases, self.job.suite)
                self._cases += [case.model_copy(update={"attempts": (not_run(why),)}) for case in missing]
        self._cases += self._unreported()
        for rest in self._rests:
            self._cases += rest.never_run(self.job.suite)
        self._cases += [one.model_copy(update={"attempts": (lost(_ABSENT),)}) for one in self._absent]
        shards = tuple(self._record(shard, outcomes.get(shard.key)) for shard in self._shards)
        errors = [shard.error for shard in shards if shard.error]
        error = collecting.error if collecting and not collecting.ok else errors[0] if errors else None
        record = suite_record(
            self.job,
            self._cases,
            shards,
            collected=self._collected,
            error=error,
            notes=tuple(dict.fromkeys(self._notes)),
        )
        settled = self._trials.decided()
        return SuiteRun(self.job, record, tuple(self._cases), shards, settled, self._durations)

    def _unreported(self) -> list[Case]:
        """Return what no shard has told of that the tool made by itself: lost when all of them ended well."""
        if any(shard.resumed for shard in self._shards) and all(shard.watched for shard in self._shards):
            return []  # that is what is run again
        missing = lost_cases(self._dealt, [*self._cases, *self._unasked], self.job.suite)
        if all(map(_ended_well, self._shards)):
            return list(missing)
        why = "not run: the shard that may have held it did not end well"
        return [case.model_copy(update={"attempts": (not_run(why),)}) for case in missing]

    def _record(self, shard: _Shard, outcome: Outcome[Any] | None) -> ShardRecord:
        planned, watched = shard.planned, shard.watched
        record = ShardRecord(
            id=f"{self.job.name} {planned.index}/{planned.count}",
            suite=self.job.suite.name,
            environment=self.job.environment.name,
            index=planned.index,
            count=planned.count,
            expected_s=planned.expected_s,
            command=shard.command.argv if shard.command else (),
            folder=self.job.suite.folder,
            worker=shard.worker,
        )
        if outcome is None:
            return record
        broken = _how_it_ended(shard) if watched and (watched.why != "exited" or watched.returncode < 0) else None
        status = shard_status(outcome, broken)
        if watched is not None and watched.why == "timed_out":
            status = "timed_out"
        elif status == "ok" and shard.reading.error:
            status = "failed"
        return record.model_copy(
            update={
                "status": status,
                "tests": len(shard.reading.cases),
                "processes": int(watched is not None),
                "exit_code": watched.returncode if watched else None,
                "started_s": outcome.started_s,
                "ended_s": outcome.ended_s,
                "error": outcome.error or (None if shard.resumed else broken or shard.reading.error),
            }
        )


def _blamed(case: Case, watched: Watched) -> Case:
    """Let the test in which its process was ended answer for that, and not for a crash of its own."""
    if watched.why == "exited" or not case.attempts or case.attempts[-1].outcome is not TestVerdict.CRASHED:
        return case
    last = case.attempts[-1]
    if watched.why == "timed_out":
        told = {"outcome": TestVerdict.TIMED_OUT, "message": AT_ITS_LIMIT}
    else:
        told = {"message": f"its process was ended at {watched.peak_bytes // 2**20} MB of memory while it ran"}
    return case.model_copy(update={"attempts": (*case.attempts[:-1], last.model_copy(update=told))})


def _ended_well(shard: _Shard) -> bool:
    """Tell whether a shard's process came to its own end, and what it ran could be read."""
    watched = shard.watched
    return watched is not None and watched.why == "exited" and watched.returncode >= 0 and not shard.reading.error


def _how_it_ended(shard: _Shard) -> str:
    """Say why a process ended before its time, with its last words, in a line."""
    watched = shard.watched
    if watched is None:
        return "its process did not start"
    how = {
        "timed_out": "its process was ended at its time limit",
        "out_of_memory": f"its process was ended at {watched.peak_bytes // 2**20} MB of memory",
        "exited": f"its process ended with {watched.returncode}",
    }[watched.why]
    said = plain((watched.stderr or watched.stdout)[-_TAIL:].decode("utf-8", "replace"))
    last = [line.strip() for line in said.splitlines() if line.strip()][-_LAST_LINES:]
    return f"{how}: {' / '.join(last)}" if last else how
