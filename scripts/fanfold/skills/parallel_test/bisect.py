"""Which commit broke a test: it is run alone at commits between one that is said to be good and the last one.

The files of each commit are written into a temporary folder: the working tree, the index and HEAD stay as they are,
and no worktree is registered. They are regular files alone, without `.git`. What Python imports comes from there first,
also where the project is installed in its environment. A commit at which the test can't be run, is skipped, or is not
there, is passed over, as `git bisect skip` does. Each commit is asked once: reruns have told before that the test fails
each time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fanfold.engine.fan_out import fan_out
from fanfold.errors import TargetError, UsageError
from fanfold.models import Unit, content_key
from fanfold.skills.parallel_test.blamed import Bisected, blamed, uses_of
from fanfold.skills.parallel_test.builds import Builds
from fanfold.skills.parallel_test.isolation import Seats, scratch
from fanfold.skills.parallel_test.job import Job, Settings
from fanfold.skills.parallel_test.other_work import OtherWork
from fanfold.sources.git import Git
from fanfold.sources.revisions import revision_id, short
from fanfold.sources.snapshot import Revision
from fanfold.sources.text import os_path, printable
from fanfold.suites import BAD, Cluster, ClusterClass, TestResult, TestVerdict

if TYPE_CHECKING:
    from fanfold.engine.attempt import Attempt
    from fanfold.engine.supervisor import Supervisor

MOST_CLUSTERS = 3


class Answer(StrEnum):
    """What running a test at a commit said."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


Ask = Callable[[str], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The commits to look at: `base` is the good one, `commits` are those behind it, oldest first, HEAD the last."""

    git: Git
    good: str
    base: str
    commits: tuple[str, ...]


def stretch_of(root: Path, good: str) -> Stretch:
    """Return the commits between `good` (or where HEAD left it) and HEAD, along first parents. Raises UsageError."""
    try:
        git = Git.at(root)
        if git is None:
            raise UsageError(f"--bisect {good}: {root} is in no git repository")
        named, head = revision_id(git, good), revision_id(git, "HEAD")
        if named is None or head is None:
            raise UsageError(f"--bisect {good}: there is no such commit")
        base = git.run("merge-base", named, head).decode().strip()
        listed = git.run("rev-list", "--reverse", "--first-parent", f"{base}..{head}").decode().split()
    except TargetError as error:
        raise UsageError(f"--bisect {good}: {error}") from error
    if not listed:
        raise UsageError(f"--bisect {good}: there is no commit between it and HEAD")
    return Stretch(git, good, base, tuple(listed))


async def first_bad(commits: Sequence[str], ask: Ask) -> tuple[str, ...]:
    """Return the first bad commit, or all that may be it where some could not be asked.

    The one before `commits` is good and the last one is bad. Asks about log2 of their number, and more where the answer
    is unknown: then the nearest one is asked.
    """
    low, high = -1, len(commits) - 1
    unknown: set[int] = set()
    while between := [at for at in range(low + 1, high) if at not in unknown]:
        at = min(between, key=lambda index: (abs(2 * index - (low + high)), index))
        answer = await ask(commits[at])
        if answer is Answer.GOOD:
            low = at
        elif answer is Answer.BAD:
            high = at
        else:
            unknown.add(at)
    return tuple(commits[low + 1 : high + 1])


async def bisected(
    clusters: Sequence[Cluster],
    tests: Mapping[str, TestResult],
    jobs: Iterable[Job],
    settings: Settings,
    stretch: Stretch,
    *,
    supervisor: Supervisor,
) -> tuple[tuple[Cluster, ...], tuple[str, ...]]:
    """Bisect the representatives of regressions; returns the clusters with what was found in front, and notes.

    Clusters that come from one changed definition of one commit are one then.
    """
    by_name = {(job.suite.name, job.environment.name): job for job in jobs}
    units: list[Unit[_Bisection]] = []
    why_not: dict[str, str] = {}
    for cluster in clusters:
        test = tests[cluster.tests[0]]
        job = by_name.get((test.suite, test.environment))
        why = _why_not(cluster, test, job, len(units))
        if why is not None or job is None:
            why_not[cluster.id] = why or ""
            continue
        key = content_key("bisect", test.id, stretch.base, stretch.commits[-1])
        payload = _Bisection(test, job, settings, stretch)
        units.append(Unit(key=key, label=f"bisect {cluster.id}", payload=payload, kind="bisect", lane=job.lane))
    outcomes = await fan_out(units, _bisect, supervisor=supervisor)
    found = {outcome.label.removeprefix("bisect "): outcome.value for outcome in outcomes if outcome.value}
    return await asyncio.to_thread(blamed, clusters, found, why_not, tests, partial(uses_of, stretch.git))


def _why_not(cluster: Cluster, test: TestResult, job: Job | None, begun: int) -> str | None:
    """Return why a cluster is not bisected; None when it is, "" when nobody expects it."""
    if cluster.kind is not ClusterClass.REGRESSION:
        return ""
    if job is None or not test.native or not job.runner.runs_single_tests:
        return "its test can't be run alone"
    if job.environment.prefix:
        return f"what stands before the command of {job.environment.name} may lead to other files"
    return (
        f"{MOST_CLUSTERS} regressions are in one run; name a test of it to have it bisected"
        if begun == MOST_CLUSTERS
        else None
    )


async def _bisect(unit: Unit[_Bisection], _attempt: Attempt) -> Bisected:
    return await unit.payload.run()


@dataclass(frozen=True, slots=True)
class _Bisection:
    """One test, and where to look for what broke it."""

    test: TestResult
    job: Job
    settings: Settings
    stretch: Stretch

    async def run(self) -> Bisected:
        """See first that the test passes at the good commit and fails at HEAD; then look in between."""
        name, stretch, asked = printable(self.test.id), self.stretch, 0

        async def ask(commit: str) -> Answer:
            nonlocal asked
            asked += 1
            return await self._ask(commit)

        good = short(stretch.base)
        match await ask(stretch.base):
            case Answer.BAD:
                said = f"{name} fails at {good} as well: --bisect {stretch.good} names no good commit for it"
                return Bisected(f"broken before {good} already: {said}", (f"broken before {good} already",))
            case Answer.UNKNOWN:
                return Bisected(f"{name} can't be run at {good}, so nothing was bisected: name a later good commit")
        match await ask(stretch.commits[-1]):
            case Answer.GOOD:
                return Bisected(f"{name} passes at HEAD: the uncommitted changes break it", ("uncommitted changes",))
            case Answer.UNKNOWN:
                return Bisected(f"{name} can't be run as HEAD's commit has it, so nothing was bisected")
        found = await first_bad(stretch.commits, ask)
        subjects = [self._subject(commit) for commit in found]
        what = "the first bad commit is" if len(found) == 1 else f"one of {len(found)} commits broke it, the last is"
        said = f"{what} {subjects[-1]} ({name} was run at {asked} commits)"
        suspects = tuple(f"commit {subject}" for subject in subjects[-MOST_CLUSTERS:])
        return Bisected(said, suspects, found[0] if len(found) == 1 else None)

    def _subject(self, commit: str) -> str:
        line = self.stretch.git.run("log", "-1", "--format=%s", commit).decode("utf-8", "replace")
        return f"{short(commit)} {printable(line)[:72]}".rstrip()

    async def _ask(self, commit: str) -> Answer:
        """Write the commit's files out and run the test there, as a rerun does; bad is what it is here."""
        revision = Revision.of_commit(self.stretch.git, commit)
        with ExitStack() as stack:
            root = await asyncio.to_thread(lambda: stack.enter_context(revision.on_disk(revision.paths())))
            if not (root / os_path(self.job.suite.folder)).is_dir():
                return Answer.UNKNOWN
            settings = replace(self.settings, root=root, coverage=None)
            seats = Seats(stack.enter_context(scratch()), settings.workers)
            done = await OtherWork(self._job_in(root), settings, seats, Builds()).alone(self.test)
        if done.outcome is TestVerdict.PASSED:
            return Answer.GOOD
        return Answer.BAD if done.outcome in self._bad else Answer.UNKNOWN

    @property
    def _bad(self) -> frozenset[TestVerdict]:
        """What the test came to here: one that fails is not bad where its fixture breaks, or it is skipped."""
        return BAD.intersection(attempt.outcome for attempt in self.test.attempts)

    def _job_in(self, root: Path) -> Job:
        """Return the job with this folder first on Python's path: an installed project leads to the working tree."""
        suite, environment = self.job.suite, self.job.environment
        own = {**self.settings.tools.environ, **suite.variables, **environment.variables}.get("PYTHONPATH", "")
        folder = root / os_path(suite.folder)
        ahead = dict.fromkeys(str(place) for place in (folder, folder / "src", root, root / "src"))
        variables = {
            **environment.variables,
            "PYTHONPATH": os.pathsep.join(filter(None, [*ahead, own])),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return replace(self.job, environment=environment.model_copy(update={"variables": variables}))
