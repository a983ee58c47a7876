"""Which commit broke a test: it is run alone at commits between one that is said to be good and the last one.

The files of each commit are written into a temporary folder: the working tree, the index and HEAD stay as they are,
and no worktree is registered. They are regular files alone, without `.git`. What Python imports comes from there first,
also where the project is installed in its environment. A commit at which the test can't be run, or is not there, is
passed over, as `git bisect skip` does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from fanfold.engine.fan_out import fan_out
from fanfold.engine.process import ProcessTimeoutError, run_process
from fanfold.errors import TargetError, UsageError
from fanfold.models import Unit, content_key
from fanfold.runners.base import Task
from fanfold.sources.git import Git
from fanfold.sources.revisions import revision_id, short
from fanfold.sources.snapshot import Revision
from fanfold.sources.text import os_path, printable
from fanfold.suites import Cluster, ClusterClass, TestResult

if TYPE_CHECKING:
    from fanfold.engine.attempt import Attempt
    from fanfold.engine.supervisor import Supervisor
    from fanfold.runners.tools import Tools
    from fanfold.skills.parallel_test.job import Job

MOST_CLUSTERS = 3
_FRAMEWORK = "pytest"  # its exit codes tell a failed test from one that could not be run
_PASSED, _FAILED = 0, 1
_SCRATCH = Path("SCRATCH")


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


@dataclass(frozen=True, slots=True)
class Trial:
    """A test to run alone elsewhere: the words, the folder below the root in which they are run, added variables."""

    test: TestResult
    argv: tuple[str, ...]
    folder: str
    variables: Mapping[str, str]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Bisected:
    """What was found: `suspects` are lines for the cluster, `said` is a sentence for the report."""

    said: str
    suspects: tuple[str, ...] = ()


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
    tools: Tools,
    stretch: Stretch,
    *,
    timeout_s: float,
    supervisor: Supervisor,
) -> tuple[tuple[Cluster, ...], tuple[str, ...]]:
    """Bisect the representatives of regressions; returns the clusters with what was found in front, and notes."""
    by_name = {(job.suite.name, job.environment.name): job for job in jobs}
    units: list[Unit[Trial]] = []
    notes: list[str] = []
    for cluster in clusters:
        test = tests[cluster.tests[0]]
        job = by_name.get((test.suite, test.environment))
        why = _why_not(cluster, test, job, len(units))
        if why is not None or job is None:
            notes += [f"{cluster.id} was not bisected: {why}"] if why else []
            continue
        payload = _trial(test, job, tools, timeout_s)
        key = content_key("bisect", test.id, stretch.base, stretch.commits[-1])
        units.append(Unit(key=key, label=f"bisect {cluster.id}", payload=payload, kind="bisect", lane="process"))
    outcomes = await fan_out(units, _Bisection(stretch, tools), supervisor=supervisor)
    found = {outcome.label.removeprefix("bisect "): outcome.value for outcome in outcomes if outcome.value}
    notes += [f"{name}: {one.said}" for name, one in found.items()]
    return tuple(_blamed(cluster, found.get(cluster.id)) for cluster in clusters), tuple(notes)


def _blamed(cluster: Cluster, found: Bisected | None) -> Cluster:
    return cluster.model_copy(update={"suspects": (*found.suspects, *cluster.suspects)}) if found else cluster


def _why_not(cluster: Cluster, test: TestResult, job: Job | None, begun: int) -> str | None:
    """Return why a cluster is not bisected; None when it is, "" when nobody expects it."""
    if cluster.kind is not ClusterClass.REGRESSION:
        return ""
    if job is None or not test.native or not job.runner.runs_single_tests:
        return "its test can't be run alone"
    if job.suite.framework != _FRAMEWORK:
        return f"only {_FRAMEWORK} tells a failed test from one that could not be run"
    return f"only the first {MOST_CLUSTERS} regressions are" if begun == MOST_CLUSTERS else None


def _trial(test: TestResult, job: Job, tools: Tools, timeout_s: float) -> Trial:
    task = Task(job.suite, job.environment, tools.root, _SCRATCH, tests=(test.native,))
    command = job.runner.command(task, tools)
    words = tuple(word for word in command.argv if str(_SCRATCH) not in word)
    return Trial(test, words, job.suite.folder, command.variables, timeout_s)


@dataclass(frozen=True, slots=True)
class _Bisection:
    """Runs one bisection: the worker of its unit."""

    stretch: Stretch
    tools: Tools

    async def __call__(self, unit: Unit[Trial], attempt: Attempt) -> Bisected:
        trial, stretch, asked = unit.payload, self.stretch, 0

        async def ask(commit: str) -> Answer:
            nonlocal asked
            asked += 1
            left = attempt.remaining_s()
            return await self._run(trial, commit, trial.timeout_s if left is None else min(left, trial.timeout_s))

        name = printable(trial.test.id)
        if (before := await ask(stretch.base)) is not Answer.GOOD:
            how = "fails" if before is Answer.BAD else "can't be run"
            at = f"{short(stretch.base)} as well, so {stretch.good} is not a good commit for it"
            return Bisected(f"{name} {how} at {at}")
        if await ask(stretch.commits[-1]) is Answer.GOOD:
            return Bisected(f"{name} passes at HEAD: the uncommitted changes break it")
        found = await first_bad(stretch.commits, ask)
        subjects = [self._subject(commit) for commit in found]
        what = "the first bad commit is" if len(found) == 1 else f"one of {len(found)} commits broke it, the last is"
        said = f"{what} {subjects[-1]} ({name} was run at {asked} commits)"
        return Bisected(said, tuple(f"commit {subject}" for subject in subjects[:MOST_CLUSTERS]))

    def _subject(self, commit: str) -> str:
        line = self.stretch.git.run("log", "-1", "--format=%s", commit).decode("utf-8", "replace")
        return f"{short(commit)} {printable(line)[:72]}".rstrip()

    async def _run(self, trial: Trial, commit: str, timeout_s: float) -> Answer:
        """Write the commit's files out, and run the test there."""
        revision = Revision.of_commit(self.stretch.git, commit)
        with ExitStack() as stack:
            root = await asyncio.to_thread(lambda: stack.enter_context(revision.on_disk(revision.paths())))
            folder = root / os_path(trial.folder)
            if not folder.is_dir():
                return Answer.UNKNOWN
            own = {**self.tools.environ, **trial.variables}
            paths = [str(folder), str(folder / "src"), own.get("PYTHONPATH", "")]
            own |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONDONTWRITEBYTECODE": "1"}
            try:
                done = await run_process(trial.argv, cwd=folder, timeout_s=timeout_s, env=own)
            except ProcessTimeoutError:
                return Answer.BAD if timeout_s >= trial.timeout_s else Answer.UNKNOWN
        return {_PASSED: Answer.GOOD, _FAILED: Answer.BAD}.get(done.returncode, Answer.UNKNOWN)
