"""One run from the command line: its folder, its machinery, its record, its exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from fanfold.agents.backends import AUTO, BATCH, NO_BACKEND, REPLAY, Backend, Choice, Premises, open_backend
from fanfold.agents.host_folder import HOST
from fanfold.cli.hosting import begin, merged_run
from fanfold.cli.outlook import Outlook, inside_claude_code
from fanfold.cli.progress import Listener, progress
from fanfold.engine.budget import Budget
from fanfold.engine.events import EventFile, EventLog
from fanfold.engine.folder import FOLDER
from fanfold.engine.hedge import HedgePolicy
from fanfold.engine.limits import LaneLimits
from fanfold.engine.metrics import RunFold, status_of
from fanfold.engine.metrics import coverage as coverage_of
from fanfold.engine.runs import EVENTS, new_run_id, run_folder, runs_folder, write_run
from fanfold.engine.store import SqliteStore
from fanfold.engine.supervisor import Supervisor
from fanfold.engine.tracing import span_listener
from fanfold.errors import UsageError
from fanfold.models import Finding, Run, Severity, Status, TargetRecord, UnitRecord, content_key
from fanfold.skills.request import Options

if TYPE_CHECKING:
    from fanfold.agents.recording import Recorder
    from fanfold.agents.tools.toolbox import Toolbox

T = TypeVar("T")

EXIT_DONE = 0
EXIT_FINDING = 1
EXIT_INCOMPLETE = 3
EXIT_NOTHING = 4
EXIT_INTERRUPTED = 130
# A stream that says nothing for so long is cut: pings come every few seconds.
_SILENCE_S = 60.0
_FIRST_EVENT_S = 120.0
# Units in flight when they wait in batches.
_BATCHED = 100_000

Work = Callable[[Supervisor, "Backend | None"], Awaitable[T]]


@dataclass(slots=True)
class Session:
    """Runs one skill's work on one target.

    `unit_limit` tells whether the option for a unit's time holds for every unit; `extra_jobs` may be in flight beside
    those that were asked for, `lanes` have limits of their own. `store` and `events` are there while the work is done.
    """

    skill: str
    options: Options
    target: TargetRecord
    choice: Choice
    toolbox: Toolbox | None = None
    quiet: bool = False
    verbose: bool = False
    id: str = field(default_factory=lambda: merged_run() or new_run_id())
    fold: RunFold = field(default_factory=RunFold)
    problems: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    stopped: str | None = None
    unit_limit: bool = True
    extra_jobs: int = 0
    lanes: Mapping[str, LaneLimits] = field(default_factory=dict)
    store: SqliteStore | None = None
    events: EventLog | None = None
    _recorder: Recorder | None = None

    @property
    def folder(self) -> Path:
        return Path(self.target.root) / FOLDER

    @property
    def recorded(self) -> EventFile:
        """What happened in the run, as its folder keeps it."""
        return EventFile(runs_folder(self.folder) / self.id / EVENTS)

    def run(self, work: Work[T]) -> T:
        """Do the work under a supervisor; SIGINT and SIGTERM fold what there is, the second one ends it at once."""
        return asyncio.run(self._run(work))

    async def _run(self, work: Work[T]) -> T:
        backend = self._backend()
        if self.options.backend == AUTO and not self.quiet:
            click.echo(f"fanfold: backend {self.choice.name}: {self.choice.reason}", err=True)
        async with AsyncExitStack() as stack:
            listen = stack.enter_context(progress(sys.stderr, quiet=self.quiet, verbose=self.verbose))
            events = stack.enter_context(self._events(listen))
            if inside_claude_code(os.environ) and not self.quiet and self.choice.name != HOST:
                jobs = None if self.choice.name == BATCH else self.options.jobs
                events.listen(stack.enter_context(Outlook(sys.stderr, self.id, jobs)))
            store = SqliteStore(self.folder, events=events, fresh=self.options.fresh or bool(self.options.record))
            # Closing may still find out, or mend, that something could not be written.
            stack.callback(lambda: self.problems.extend([*store.problems, *events.problems]))
            await stack.enter_async_context(store)
            self.store, self.events = store, events
            if backend:
                stack.push_async_callback(self._close, backend)
            # What was replayed is no outcome to reuse, nor are stored ones what the recording says.
            kept = None if self.choice.name == REPLAY else store
            supervisor = await stack.enter_async_context(self._supervisor(kept, events, backend))
            stack.enter_context(_signals(supervisor))
            try:
                return await work(supervisor, backend)
            finally:
                self.stopped = supervisor.stopped

    def _backend(self) -> Backend | None:
        """Open the backend; what is wrong with a recording ends the run before it starts."""
        replay, record = self.options.replay, self.options.record
        if self.choice.name == HOST:
            begin(self.folder, self.id)
        premises = Premises(self.toolbox, self.folder, Path(replay) if replay else None, self.id)
        backend = open_backend(self.choice.name, premises)
        if record is None:
            return backend
        if backend is None:
            raise UsageError(f"--record {record}: there is nothing to record: no sub-agent runs ({self.choice.reason})")
        from fanfold.agents.recording import Recorder

        self._recorder = Recorder(backend, Path(record))
        return self._recorder

    async def _close(self, backend: Backend) -> None:
        await backend.close()
        self.notes += backend.notes
        if self._recorder is not None:
            try:
                self._recorder.save()
            except OSError as error:
                self.problems.append(f"--record {self.options.record}: can't be written: {error.strerror or error}")

    def _events(self, listen: Listener) -> EventLog:
        """Open the run's event log; without a folder to write to, events are heard all the same."""
        spans = span_listener()
        listeners = [self.fold.see, listen, *([spans] if spans else [])]
        try:
            return EventLog(run_folder(self.folder, self.id) / EVENTS, listeners, keep=False)
        except OSError as error:
            self.problems.append(f"nothing is kept of this run: {error}")
            return EventLog(listeners=listeners, keep=False)

    def _supervisor(self, store: SqliteStore | None, events: EventLog, backend: Backend | None) -> Supervisor:
        options = self.options
        most = backend.most if backend else None
        # A batch takes all there is at once, and its time.
        waits = self.choice.name == BATCH
        jobs = jobs_at_once(self.choice, options)
        patient = LaneLimits(limit=_BATCHED, start=_BATCHED)
        model = patient if waits else LaneLimits(limit=most, first_event_s=_FIRST_EVENT_S, silence_s=_SILENCE_S)
        cores = os.cpu_count() or 2
        return Supervisor(
            jobs=jobs if waits else jobs + self.extra_jobs,
            deadline_s=options.deadline_s,
            unit_timeout_s=options.timeout_s if self.unit_limit and not waits else None,
            budget=self._budget(),
            store=store,
            events=events,
            hedge=HedgePolicy(),
            # Processes need no slow start: the machine's cores are known.
            lanes={"model:*": model, "process": LaneLimits(limit=cores + 2, start=cores + 2), **self.lanes},
        )

    def _budget(self) -> Budget | None:
        """Return the budget; what the host's own agents cost is the host's affair, and nothing is sent from here."""
        most = None if self.choice.name == HOST else self.options.max_cost_usd
        return None if most is None else Budget(most)

    def record(self, request: Mapping[str, Any], unread: Iterable[tuple[str, str]] = (), **parts: Any) -> Run:
        """Make the run's record from the events, and the skill's own `parts`.

        `unread` are files that nobody looked at, each with its reason: units that were not run.
        """
        missing = [
            UnitRecord(key=content_key("file", path), label=path, kind="file", status=Status.NOT_RUN, error=why)
            for path, why in unread
        ]
        units = (*self.fold.units, *missing)
        # The fold knows which units were split: those that stand for them count.
        coverage = self.fold.coverage + coverage_of(missing)
        return Run(
            id=self.id,
            skill=self.skill,
            status=status_of(coverage),
            request={**request, "backend_reason": self.choice.reason},
            target=self.target,
            backend=self.choice.name,
            # Which model answers in the host is the host's affair.
            model=None if self.choice.name in {NO_BACKEND, HOST} else self.options.model,
            coverage=coverage,
            units=units,
            usage=self.fold.usage,
            timing=self.fold.timing,
            **{**parts, "notes": (*parts.get("notes", ()), *self.notes)},
        )

    def save(self, run: Run) -> None:
        """Write run.json; a disk that is full or read-only costs the record, never the report."""
        try:
            write_run(self.folder, run)
        except OSError as error:
            self.problems.append(f"nothing is kept of this run: {error}")

    def complain(self, run: Run) -> None:
        """Say on stderr what went wrong, one line each, the same reason once."""
        reasons = dict.fromkeys(unit.error for unit in run.units if unit.error and unit.kind != "file")
        for line in (*dict.fromkeys((*self.notes, *self.problems)), *(reason for reason in reasons if reason)):
            click.echo(f"fanfold: {' '.join(line.split())}", err=True)

    def exit_code(self, run: Run, fail_on: str | None) -> int:
        """Return the exit code of contract: an interruption beats a finding, which beats what is missing."""
        if self.stopped and self.stopped == INTERRUPTED:
            return EXIT_INTERRUPTED
        if fail_on and any(standing(finding, Severity(fail_on)) for finding in run.findings):
            return EXIT_FINDING
        if not run.coverage.planned:
            return EXIT_NOTHING
        return EXIT_DONE if run.coverage.complete else EXIT_INCOMPLETE


INTERRUPTED = "interrupted"


def jobs_at_once(choice: Choice, options: Options) -> int:
    """Return how many sub-agents are in flight at once: a batch takes all of them."""
    return _BATCHED if choice.name == BATCH else options.jobs


def standing(finding: Finding, at_least: Severity) -> bool:
    """Tell whether a finding of this change is at or above a severity."""
    return finding.introduced and not finding.suppressed and finding.severity.rank >= at_least.rank


def _leave() -> NoReturn:
    """End at once, and every process that was started, and what those have started: nobody else would."""
    from fanfold.engine.family import sweep_all

    try:
        sweep_all()
    finally:
        os._exit(EXIT_INTERRUPTED)


def _signals(supervisor: Supervisor) -> ExitStack:
    """Let SIGINT and SIGTERM stop the supervisor; the second one leaves at once."""
    loop = asyncio.get_running_loop()
    stack = ExitStack()

    def stop() -> None:
        if supervisor.stopped == INTERRUPTED:
            _leave()
        click.echo("fanfold: stopping; once more to leave without a report", err=True)
        supervisor.stop(INTERRUPTED)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows' event loop takes no handlers; there Ctrl-C raises KeyboardInterrupt.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
            stack.callback(loop.remove_signal_handler, number)
    return stack
