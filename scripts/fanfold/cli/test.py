"""`fanfold test`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fanfold.agents.backends import NO_BACKEND, Choice, choose_backend
from fanfold.cli.announcing import announced
from fanfold.cli.config import TABLES, repository_root
from fanfold.cli.options import FiniteRange, WholeRange, option, shared_of, shared_options
from fanfold.cli.parts import Asked, asked, lanes, merge, merge_read, part_text, write_plan
from fanfold.cli.parts_coverage import leave_coverage
from fanfold.cli.parts_dask import DASK, check_executor, run_on_dask
from fanfold.cli.products import STDOUT, deliver, places, template_choice
from fanfold.cli.session import EXIT_DONE, EXIT_FINDING, EXIT_INCOMPLETE, EXIT_INTERRUPTED, INTERRUPTED, Session
from fanfold.cli.streams import printable
from fanfold.engine.folder import FOLDER
from fanfold.engine.runs import list_runs, read_run, run_folder, runs_folder
from fanfold.engine.store import SqliteStore
from fanfold.engine.watched import Limits
from fanfold.errors import NothingToDo, OutputError, UsageError
from fanfold.models import Run, TargetRecord
from fanfold.reports.formats import Renderer
from fanfold.runners.tools import Tools
from fanfold.skills import PARALLEL_TEST
from fanfold.skills.parallel_test.fold import incomplete, last_known
from fanfold.skills.parallel_test.job import Job, Settings
from fanfold.skills.parallel_test.measured import data_file
from fanfold.skills.parallel_test.merged import described
from fanfold.skills.parallel_test.plan_text import plan_text
from fanfold.skills.parallel_test.request import TestRequest
from fanfold.skills.parallel_test.run import Chosen, Durations, Surroundings, choose_tests, run_tests
from fanfold.skills.parallel_test.settings import NOTHING
from fanfold.skills.parallel_test.work import durations_of
from fanfold.suites import BAD, Case, TestResult, TestRunResult

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.supervisor import Supervisor
    from fanfold.skills.parallel_test.bisect import Stretch

_MB = 1024 * 1024
# Units that are no processes, so that explanations never wait for a free worker.
_EXPLAINERS = 8
_UNCOMMITTED = "uncommitted"
# Time enough for processes to be started.
_SOON_S = 0.05
# Earlier test runs that are asked what a test came to, when none of them ran all tests.
_LOOKED_AT = 20
# Failures that are told while the run goes on; the report has all of them.
_TOLD = 20


@click.command()
@click.argument("suite_or_path", nargs=-1)
@option(
    "--last-failed",
    is_flag=True,
    help="Only tests that failed or did not run when they were last asked for, and new ones.",
)
@option(
    "--changed",
    is_flag=False,
    flag_value=_UNCOMMITTED,
    metavar="BASE",
    help="Only tests that import what changed since BASE (without one, what is uncommitted or, if nothing is, the last"
    " commit); in doubt, all of a suite.",
)
@option(
    "--retries",
    type=WholeRange(0),
    default=1,
    show_default=True,
    help="How often a failed test is rerun alone, to tell a regression from a flaky or order-dependent test.",
)
@option(
    "--bisect",
    metavar="GOOD",
    help="Then find the commit since GOOD that broke each of the first 3 regressions: a test of it is run at commits in"
    " between.",
)
@option("--fail-on-flaky", is_flag=True, help="Exit 1 when a test passed only after it had failed.")
@option("--memory", type=WholeRange(64), metavar="MB", help="The most memory of one test process and its children.")
@option(
    "--slow",
    type=FiniteRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Say that a test is slow after so long, or after half of its --timeout.",
)
@option("--coverage", is_flag=True, help="Measure pytest's suites by the project's own coverage.py, as one.")
@option("--plan", metavar="N|FILE", help="Print a plan that deals all tests out to N machines; with --shard, read it.")
@option("--shard", metavar="i/N", help="Run part i of the N that --plan FILE has.")
@option("--executor", type=click.Choice(["local", DASK]), default="local", show_default=True, help="Where parts run.")
@option("--scheduler", metavar="ADDRESS", help="With --executor dask: the cluster's scheduler, as tcp://host:8786.")
@option("--merge", is_flag=True, help="Fold the run.json of all parts, which are then the arguments, into one report.")
@shared_options
@click.pass_context
def test(ctx: click.Context, /, **given: Any) -> int:
    """Run test suites side by side, in shards, and explain what fails.

    SUITE_OR_PATH is a suite's name, a file, a folder, file::test, or a test's id; nothing is everything. Suites of
    pytest, unittest, Django, jest, vitest, playwright, mocha, node:test, go, cargo, maven, gradle, rspec, minitest,
    phpunit, dotnet, ctest and bats are found by themselves. --timeout holds for one test where its framework tells when
    each begins, else for a process; --jobs is how many run at once (the machine's cores if not given). Tests have no
    severities: one that failed is exit code 1, whatever --fail-on says.

    On several machines, without any service: fanfold test --plan N > plan.json on one, fanfold test --shard i/N
    --plan plan.json on each, fanfold test --merge out/* with the run.json of all.
    """
    root = repository_root(Path.cwd()).resolve()
    on_cluster = check_executor(given)
    parts = asked(given)
    request = _request(ctx, given, parts)
    formats = tuple(given["format"]) or ("md",)
    renderer = Renderer(PARALLEL_TEST.name, formats, template_choice(given["template"], given["templates"]))
    chosen_places = places(given["output"], formats)
    configured = ctx.meta.get(TABLES) or NOTHING
    if parts.merge is not None:
        folded = merge(parts, root, configured)
        return _delivered(folded, renderer, chosen_places, request)
    chosen = _chosen(request, root, configured)
    if not given["dry_run"]:
        chosen = asyncio.run(chosen.asked())
    if parts.count is not None:
        settings = _settings(request, root, chosen, given)
        write_plan(chosen, settings, parts.count, given["output"], quiet=given["quiet"])
        return EXIT_DONE
    if on_cluster:
        got = run_on_dask(chosen, _settings(request, root, chosen, given), request, given)
        folded = merge_read(got.runs, got.plan, root, got.absent)
        code = _delivered(folded, renderer, chosen_places, request)
        return EXIT_INTERRUPTED if got.interrupted else code
    shown = None
    if parts.plan is not None and parts.part is not None:
        chosen = chosen.of_part(parts.plan, parts.part.index)
        shown = part_text(parts.part.index, parts.plan.parts[parts.part.index - 1])
    choice = choose_backend(request.backend, os.environ, Path.home(), request.replay, sends=not given["dry_run"])
    if given["dry_run"]:
        click.echo(shown or _described(chosen, choice), nl=False)
        return EXIT_DONE
    stretch = _stretch(root, request.bisect) if request.bisect is not None else None
    surroundings = _surroundings(root, choice)
    session = _session(request, chosen, choice, surroundings, given)
    settings = _settings(request, root, chosen, given)
    run, result = _run(session, request, chosen, surroundings, settings, beside=renderer.warm_all, stretch=stretch)
    session.save(run)
    if announced(session, run):
        return EXIT_DONE
    session.complain(run)
    deliver(run, renderer, chosen_places, session.recorded)
    if parts.part is not None and request.coverage and chosen_places.get("json", STDOUT) != STDOUT:
        leave_coverage(run, chosen_places["json"])
    return _exit_code(session, run, result, request)


def _delivered(
    folded: tuple[Run, TestRunResult], renderer: Renderer, chosen_places: dict[str, Path], request: TestRequest
) -> int:
    """Say what is missing, write the report, and return the exit code."""
    run, result = folded
    for line in run.coverage.missing:
        click.echo(f"fanfold: {printable(' '.join(line.split()))}", err=True)
    deliver(run, renderer, chosen_places)
    return _code_of(result, run, request)


def _request(ctx: click.Context, given: Mapping[str, Any], parts: Asked) -> TestRequest:
    told = ctx.get_parameter_source("jobs") is not ParameterSource.DEFAULT
    workers = given["jobs"] if told else os.cpu_count() or 1
    changed = given["changed"]
    return TestRequest(
        arguments=() if parts.merge is not None else given["suite_or_path"],
        last_failed=given["last_failed"],
        changed="" if changed == _UNCOMMITTED else changed,
        retries=given["retries"],
        fail_on_flaky=given["fail_on_flaky"],
        bisect=given["bisect"],
        coverage=given["coverage"],
        part=parts.part,
        workers=workers,
        **{**shared_of(given), "jobs": workers},
    )


def _chosen(request: TestRequest, root: Path, settings: Any) -> Chosen:
    """Find and plan what is to run. Raises NothingToDo when that is nothing."""
    folder = root / FOLDER

    def known(names: Sequence[str]) -> Durations:
        return asyncio.run(_durations(folder, names)) if folder.is_dir() else {}

    previous = _previous(folder) if request.last_failed else ()
    tools = Tools.of(root, os.environ)
    chosen = choose_tests(request, root, Path.cwd(), settings, tools, known=known, previous=previous)
    if not chosen.plan.suites:
        left = "nothing that changed is imported by a test" if request.changed is not None else "no tests were found"
        raise NothingToDo(f"{left} in {root}")
    return chosen


async def _durations(folder: Path, names: Sequence[str]) -> Durations:
    async with SqliteStore(folder) as store:
        return {name: await store.durations(f"test:{name}") for name in names}


def _previous(folder: Path) -> tuple[TestResult, ...]:
    """Return what is known last of each test. Raises UsageError when no test run is known, and TargetError."""
    names = [entry.id for entry in list_runs(folder) if entry.skill == PARALLEL_TEST.name][:_LOOKED_AT]
    if not names:
        raise UsageError("--last-failed: no test run is known here; run without it first")
    return last_known(read_run(runs_folder(folder) / name) for name in names)


def _described(chosen: Chosen, choice: Choice) -> str:
    explained = "nobody" if choice.name == NO_BACKEND else choice.name
    notes = "".join(f"note: {printable(note)}\n" for note in chosen.choice.notes)
    return f"{plan_text(chosen.plan)}\nfailures explained by: {explained} ({choice.reason})\n{notes}"


def _surroundings(root: Path, choice: Choice) -> Surroundings:
    """Return what failures are held against, with tools where there are sub-agents."""
    bare = Surroundings(root)
    if choice.name == NO_BACKEND or bare.target is None:
        return bare
    from fanfold.agents.tools.toolbox import Toolbox

    return Surroundings(root, Toolbox(bare.target))


def _session(
    request: TestRequest, chosen: Chosen, choice: Choice, surroundings: Surroundings, given: Mapping[str, Any]
) -> Session:
    about = described([suite.name for suite in chosen.plan.suites])
    return Session(
        PARALLEL_TEST.name,
        request,
        TargetRecord(root=str(surroundings.root), description=about),
        choice,
        toolbox=surroundings.toolbox,
        quiet=given["quiet"],
        verbose=given["verbose"],
        unit_limit=False,
        extra_jobs=_EXPLAINERS,
        lanes=lanes(request.workers),
    )


def _settings(request: TestRequest, root: Path, chosen: Chosen, given: Mapping[str, Any]) -> Settings:
    memory = given["memory"] * _MB if given["memory"] else None
    limits = Limits(slow_s=given["slow"], timeout_s=request.timeout_s, memory_bytes=memory)
    return Settings(root, chosen.tools, request.workers, limits=limits, retries=request.retries)


def _run(
    session: Session,
    request: TestRequest,
    chosen: Chosen,
    surroundings: Surroundings,
    settings: Settings,
    *,
    beside: Callable[[], None],
    stretch: Stretch | None,
) -> tuple[Run, TestRunResult]:
    """Run the tests; `beside` is done in a thread meanwhile, once the first processes are on their way."""

    async def work(supervisor: Supervisor, backend: Backend | None) -> tuple[TestRunResult, tuple[str, ...]]:
        told = _teller(quiet=session.quiet)
        asyncio.get_running_loop().call_later(_SOON_S, asyncio.get_running_loop().run_in_executor, None, beside)
        result, runs, notes = await run_tests(
            request,
            chosen,
            replace(settings, events=session.events, coverage=_coverage(session) if request.coverage else None),
            surroundings,
            supervisor=supervisor,
            backend=backend,
            tested=told,
            stretch=stretch,
        )
        if session.store is not None:
            for kind, seconds in durations_of(runs).items():
                await session.store.note_durations(kind, seconds)
        return result, notes

    result, notes = session.run(work)
    told = {unit.error for unit in session.fold.units}
    missing = [(suite.name, suite.error) for suite in result.suites if suite.error and suite.error not in told]
    run = session.record(
        request.model_dump(mode="json"), missing, result=result.model_dump(mode="json", by_alias=True), notes=notes
    )
    if incomplete(result, run.coverage) and run.status == "complete":
        run = run.model_copy(update={"status": "partial"})
    return run, result


def _stretch(root: Path, good: str) -> Stretch:
    from fanfold.skills.parallel_test.bisect import stretch_of

    return stretch_of(root, good)


def _coverage(session: Session) -> Path:
    """Make the folder for coverage.py's data. Raises OutputError."""
    try:
        place = data_file(run_folder(session.folder, session.id))
        place.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"--coverage: its data can't be kept: {error}") from error
    return place


def _teller(*, quiet: bool) -> Callable[[Job, Case], None]:
    """Return what says of the first failures, as they come, what failed."""
    told: set[tuple[str, str, str]] = set()

    def tell(job: Job, case: Case) -> None:
        last = case.attempts[-1].outcome if case.attempts else None
        key = (job.name, case.file, case.name)
        if quiet or last not in BAD or key in told or len(told) >= _TOLD:
            return
        told.add(key)
        why = (case.attempts[-1].message or "").strip().split("\n", 1)[0][:120]
        click.echo(printable(f"{last.value.upper()} {job.name} {case.file}::{case.name} {why}").rstrip(), err=True)

    return tell


def _exit_code(session: Session, run: Run, result: TestRunResult, request: TestRequest) -> int:
    """Return the exit code: an interruption beats a failure, which beats what is not known."""
    if session.stopped == INTERRUPTED:
        return session.exit_code(run, None)
    code = _code_of(result, run, request)
    return session.exit_code(run, None) if code == EXIT_DONE else code


def _code_of(result: TestRunResult, run: Run, request: TestRequest) -> int:
    """Return the exit code of a run that came to its end. Raises NothingToDo when no test is in it."""
    totals = result.totals
    if totals.bad or (request.fail_on_flaky and totals.flaky):
        return EXIT_FINDING
    if incomplete(result, run.coverage):
        return EXIT_INCOMPLETE
    if not totals.tests:
        raise NothingToDo("; ".join(run.notes) or "no tests were found in what was run")
    return EXIT_DONE
