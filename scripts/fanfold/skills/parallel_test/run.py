"""A test run's whole story: plan, run, rerun, explain, fold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from fanfold.agents.roles import model_for
from fanfold.errors import NothingToDo, TargetError, UsageError
from fanfold.runners import load
from fanfold.runners.discovery import discover, listing_of
from fanfold.runners.tools import PYTHON, Tools, with_facts
from fanfold.skills.parallel_test.choosing import Choice, affected, choose, unfinished
from fanfold.skills.parallel_test.clusters import CHANGE, FAILING, Failure
from fanfold.skills.parallel_test.fold import About, fold, reproducer, told
from fanfold.skills.parallel_test.job import Job, Settings, Settled, SuiteRun, lanes_of
from fanfold.skills.parallel_test.measured import Combined, combined
from fanfold.skills.parallel_test.plan import Plan, plan_tests, suite_name
from fanfold.skills.parallel_test.portions import DealtPlan, Share
from fanfold.skills.parallel_test.request import TestRequest
from fanfold.skills.parallel_test.settings import TestSettings, configured, pairs
from fanfold.skills.parallel_test.suspects import Ages, suspects
from fanfold.skills.parallel_test.work import running
from fanfold.sources.change import FileChange, change_text
from fanfold.sources.text import listed
from fanfold.suites import Case, Environment, Explanation, Suite, SuiteRecord, TestResult, TestRunResult

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.agents.tools.toolbox import Toolbox
    from fanfold.engine.supervisor import Supervisor
    from fanfold.skills.parallel_test.bisect import Stretch
    from fanfold.skills.parallel_test.causes import Causes
    from fanfold.skills.parallel_test.triage import Triage
    from fanfold.sources.target import Target

Durations = Mapping[str, Mapping[str, float]]
# Hears of each test as it ends, and of each failure when it is known what it is.
Tested = Callable[[Job, Case], object]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to run: suites in environments, with what is chosen of each, and the project's tools.

    `shares` are, by the names of suites in environments, what of them is this machine's; without any it is all.
    """

    choice: Choice
    plan: Plan
    tools: Tools
    durations: Durations
    shares: Mapping[str, Share] = field(default_factory=dict)

    def of_part(self, plan: DealtPlan, number: int) -> Chosen:
        """Return what part `number` of a plan has of it. Raises UsageError when a suite of that is not here."""
        shares = {
            one.name: share
            for one in self.plan.suites
            if (share := plan.share(number, (one.suite.name, one.environment.name))) is not None
        }
        here = {share.portion.pair for share in shares.values()}
        lacking = next((p for p in plan.parts[number - 1].portions if p.pair not in here), None)
        if lacking is not None:
            raise UsageError(
                f"the plan has the suite {lacking.suite!r}, which is not here: is it another commit's plan?"
            )
        suites = tuple(one for one in self.plan.suites if one.name in shares)
        return replace(self, plan=Plan(suites, self.plan.workers), shares=shares)

    def jobs(self) -> list[Job]:
        """Return the jobs of all suites that can run."""
        planned = [suite for suite in self.plan.suites if suite.missing is None]
        lanes = lanes_of([one.suite for one in planned])
        return [
            Job(
                one.suite,
                one.environment,
                load(one.suite.framework),
                chosen=self.choice.test(one.suite.name, one.environment.name),
                items=partial(self.choice.items, one.suite),
                by_name=self.choice.by_name(one.suite.name),
                durations=self.durations.get(one.name, {}),
                lane=lane,
                share=self.shares.get(one.name),
            )
            for one, lane in zip(planned, lanes, strict=True)
        ]

    async def asked(self) -> Chosen:
        """Have what keeps the project's Python environments say where they are, and return what is planned with that.

        Poetry and others make an environment when they are asked for one, so a dry run does not ask.
        """
        python = (one.suite.folder for one in self.plan.suites if one.suite.framework in PYTHON)
        kept = [folder for folder in python if self.tools.found(folder).kept]
        if not kept:
            return self
        tools = await with_facts(self.tools, kept)
        pairs = ((one.suite, one.environment) for one in self.plan.suites)
        return replace(self, tools=tools, plan=plan_tests(pairs, tools, self.durations, self.plan.workers))

    @property
    def missing(self) -> tuple[SuiteRecord, ...]:
        """The suites that can't run, and why."""
        return tuple(
            SuiteRecord(
                name=one.suite.name,
                framework=one.suite.framework,
                folder=one.suite.folder,
                environment=one.environment.name,
                found_by=one.suite.found_by,
                error=one.missing,
            )
            for one in self.plan.suites
            if one.missing is not None
        )


def choose_tests(
    request: TestRequest,
    root: Path,
    cwd: Path,
    settings: TestSettings,
    tools: Tools,
    *,
    known: Callable[[Sequence[str]], Durations],
    previous: Iterable[TestResult] = (),
) -> Chosen:
    """Find the suites, choose among their tests, and plan them; nothing of the project is run.

    `known` gives what tests took before, by the names of suites in environments; `previous` are the tests of the last
    run, for `last_failed`. Raises UsageError and ConfigError.
    """
    listing = listing_of(root)
    suites = configured(settings, discover(listing))
    choice = choose(request.arguments, suites, root, cwd)
    if request.changed is not None:
        from fanfold.skills.parallel_test.changed import changed_paths, changed_tests

        changes = changed_paths(root, request.changed or None)
        found = changed_tests(listing, changes.paths, choice.suites)
        notes = (f"--changed: tests of what {changes.since}", *found.notes)
        choice = affected(choice, replace(found, notes=notes))
    if request.last_failed:
        choice = unfinished(choice, previous)
    matrix = _wanted(pairs(settings, choice.suites), choice)
    durations = known([suite_name(suite, environment) for suite, environment in matrix])
    return Chosen(choice, plan_tests(matrix, tools, durations, request.workers), tools, durations)


def _wanted(matrix: Sequence[tuple[Suite, Environment]], choice: Choice) -> list[tuple[Suite, Environment]]:
    """Leave out what is asked for in other environments alone. Raises UsageError for one that is not there."""
    for name, targets in choice.targets.items():
        places = [environment.name for suite, environment in matrix if suite.name == name]
        gone = next((one.environment for one in targets if one.environment not in {"", *places}), None)
        if gone is not None:
            raise UsageError(f"{name!r} is not run in {gone!r}; it is in {listed(places)}")
    return [(suite, environment) for suite, environment in matrix if choice.wants(suite.name, environment.name)]


@dataclass(frozen=True)
class Surroundings:
    """What failures are held against: the uncommitted changes or else the last commit, looked up when something failed.

    `toolbox` is what sub-agents may look things up with.
    """

    root: Path
    toolbox: Toolbox | None = None

    @cached_property
    def target(self) -> Target | None:
        from fanfold.sources.target import resolve

        try:
            return resolve((), cwd=self.root)
        except (TargetError, NothingToDo):
            return None

    @cached_property
    def changes(self) -> Mapping[str, FileChange]:
        return {change.path: change for change in self.target.changes} if self.target else {}

    @cached_property
    def causes(self) -> Causes:
        from fanfold.skills.parallel_test.causes import Causes
        from fanfold.skills.parallel_test.imports import PythonFiles

        gone = [path for path, change in self.changes.items() if change.kind == "deleted"]
        return Causes(PythonFiles(listing_of(self.root), gone), self.changes)

    @cached_property
    def ages(self) -> Ages:
        return Ages(self.root)

    def read(self, path: str) -> str | None:
        return self.target.snapshot.read(path) if self.target else None

    def suspects(self, tests: Sequence[TestResult]) -> tuple[str, ...]:
        """Return what the failures of `tests` point at, by all that can be looked up."""
        return suspects(tests, self.changes, self.ages.of, self.causes)

    def cause(self, test: TestResult) -> str | None:
        """Return the one change that a failed test uses, if it is one."""
        used = self.causes.used(test) if self.changes else ()
        if len(used) != 1 or (used[0].path == test.file and f"::{test.name}".endswith(f"::{used[0].name}")):
            return None  # a test that has changed itself says nothing of others
        return f"{CHANGE}{used[0].path}::{used[0].name}"


@dataclass(slots=True)
class _Listener:
    """Passes tests on as they end, and has each new kind of failure explained while others still run."""

    tested_by: Tested
    triage: Triage | None
    surroundings: Surroundings

    def tested(self, job: Job, case: Case) -> None:
        self.tested_by(job, case)

    def settled(self, failure: Settled) -> None:
        if self.triage is None:
            return
        test = TestResult.of(failure.case, failure.job.suite.name, failure.job.environment.name)
        found = Failure.of(test, {test.id: failure.kind})
        self.triage.begin(found, suspects([test], self.surroundings.changes) if self.triage.wants(found) else ())


async def run_tests(
    request: TestRequest,
    chosen: Chosen,
    settings: Settings,
    surroundings: Surroundings,
    *,
    supervisor: Supervisor,
    backend: Backend | None,
    tested: Tested,
    stretch: Stretch | None = None,
) -> tuple[TestRunResult, tuple[SuiteRun, ...], tuple[str, ...]]:
    """Run what is chosen and return the result, what became of each suite, and notes.

    Shards run longest first; a failure is rerun while others still run, and what it is decided by that; the first of
    each kind goes to a sub-agent at once. Everything is folded at the end, and then regressions are bisected over
    `stretch`, if there is one.
    """
    jobs = chosen.jobs()
    triage = _triage(request, surroundings, supervisor, backend)
    listener = _Listener(tested, triage, surroundings)
    async with running(jobs, replace(settings, listener=listener), supervisor) as (runs, _):
        said = await _explained(triage, runs, surroundings) if triage else {}
        result = await asyncio.to_thread(
            fold,
            runs,
            chosen.missing,
            request.workers,
            about=About(
                suspect=surroundings.suspects,
                reproduce=reproducer(jobs, chosen.tools),
                explain=lambda failure: said.get(failure.name),
                cause=surroundings.cause,
            ),
        )
    if stretch is not None:
        from fanfold.skills.parallel_test.bisect import bisected

        by_id = {test.id: test for test in result.tests}
        clusters, blamed = await bisected(result.clusters, by_id, jobs, settings, stretch, supervisor=supervisor)
        result = result.model_copy(update={"clusters": clusters})
    else:
        blamed = ()
    measured = await combined(settings.coverage.parents[1], runs, chosen.tools) if settings.coverage else Combined(())
    result = result.model_copy(update={"least_covered": measured.least})
    unmet = [said for run in runs if run.record.collected is not None for said in _unmet(chosen, run)]
    return result, runs, (*chosen.choice.notes, *unmet, *(triage.notes if triage else ()), *blamed, *measured.notes)


def _unmet(chosen: Chosen, run: SuiteRun) -> tuple[str, ...]:
    """Say which tests were asked for by name and are not there; a part of several machines has not all of them."""
    return () if run.job.share is not None else chosen.choice.unmet(run.job.suite.name, run.cases)


def _triage(
    request: TestRequest, surroundings: Surroundings, supervisor: Supervisor, backend: Backend | None
) -> Triage | None:
    if backend is None:
        return None
    from fanfold.skills.parallel_test.triage import Triage, triage_brief

    toolbox = surroundings.toolbox if backend.interactive else None
    brief = triage_brief(model_for("triager", request), request.effort, toolbox.definitions if toolbox else ())
    change = change_text(surroundings.target.changes) if surroundings.target else ""
    return Triage(supervisor, backend, brief, change, surroundings.read, request.timeout_s)


async def _explained(triage: Triage, runs: Iterable[SuiteRun], surroundings: Surroundings) -> Mapping[str, Explanation]:
    """Have explained what no rerun was made for as well, and wait for all that was asked.

    Lines are blamed in a thread: explanations that are under way go on meanwhile.
    """
    tests, kinds = told(runs)
    for failure in (Failure.of(test, kinds) for test in tests if test.verdict in FAILING):
        found = await asyncio.to_thread(surroundings.suspects, [failure.test]) if triage.wants(failure) else ()
        triage.begin(failure, found)
    return await triage.explanations()
