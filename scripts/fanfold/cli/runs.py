"""`fanfold runs`: what was run in this repository."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import click
from pydantic import ValidationError

from fanfold.agents.host_folder import HOST
from fanfold.cli.announcing import still_waiting
from fanfold.cli.config import repository_root
from fanfold.cli.options import FiniteRange, WholeRange
from fanfold.cli.streams import printable
from fanfold.engine.events import Event, is_open, read_events
from fanfold.engine.folder import FOLDER
from fanfold.engine.metrics import fold
from fanfold.engine.runs import EVENTS, LATEST, RECORD, RunEntry, find_run, list_runs, prune, read_run, runs_folder
from fanfold.errors import OutputError, TargetError
from fanfold.models import Coverage, Finding, Run, Timing, Usage
from fanfold.reports.amounts import count, duration, money
from fanfold.reports.analysed import analysis_of
from fanfold.reports.filters import severities
from fanfold.reports.tested import counted_verdicts, result_of
from fanfold.skills import MULTI_FILE_ANALYSIS, PARALLEL_TEST

_KEEP = 20
_DAY_S = 86_400.0
_SHOWN = 20
_COLUMNS = ("run", "skill", "status", "began", "took", "cost", "findings", "target")
_TARGET_WIDTH = 60
_NAMED = 8
_WITHOUT_FINDINGS = (PARALLEL_TEST.name, MULTI_FILE_ANALYSIS.name)


@click.group()
def runs() -> None:
    """List the runs of this repository, show one, prune old ones."""


@runs.command("list")
@click.option("--all", "whole", is_flag=True, help=f"Not only the newest {_SHOWN}.")
def list_command(*, whole: bool) -> None:
    """List the runs, newest first: when each began, how long it took, what it cost and found, and on what."""
    entries = list_runs(_folder())
    if not entries:
        click.echo(f"fanfold: no runs in {_folder()} yet", err=True)
        return
    shown = entries if whole else entries[:_SHOWN]
    rows = [_COLUMNS, *(tuple(map(printable, _row(entry))) for entry in shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if len(shown) < len(entries):
        click.echo(f"fanfold: {count(len(entries) - len(shown), 'older run')}: fanfold runs list --all", err=True)


@runs.command()
@click.argument("run", default=LATEST)
def show(run: str) -> None:
    """Show what became of a run: coverage, usage, time. RUN is an id, the start of one, or nothing for the latest."""
    place = chosen_run(run)
    lines = _finished(place) if (place / RECORD).exists() else _unfinished(place)
    for line in lines:
        click.echo(printable(line))


@runs.command("prune")
@click.option("--keep", type=WholeRange(0), default=_KEEP, show_default=True, help="Keep the newest N.")
@click.option("--older-than", type=FiniteRange(0), default=0.0, metavar="DAYS", help="Keep what is younger.")
def prune_command(keep: int, older_than: float) -> None:
    """Remove old runs, and the outcomes that no run that stays has used."""
    try:
        pruned = prune(_folder(), keep=keep, older_than_s=older_than * _DAY_S)
    except OSError as error:
        raise OutputError(f"{_folder()}: can't be pruned: {error.strerror or error}") from error
    click.echo(f"removed {count(len(pruned.runs), 'run')} and {count(pruned.outcomes, 'outcome')}")


def chosen_run(name: str) -> Path:
    """Return the folder of the run of this repository that `name` means. Raises TargetError."""
    folder = _folder()
    try:
        return find_run(folder, name)
    except TargetError:
        if list_runs(folder):
            raise
    raise TargetError(f"no runs in {folder} yet")


def latest_of(skill: str) -> str:
    """Return the id of the newest run of `skill` in this repository; LATEST, whatever that is, without one.

    One that did not finish may have been of `skill`: whoever asks is told of it, and not given an older one.
    """
    return next((entry.id for entry in list_runs(_folder()) if entry.skill in {skill, None}), LATEST)


def latest_prepared() -> Path | None:
    """Return the folder of the newest run whose sub-agents run in the host; None without one."""
    places = (runs_folder(_folder()) / entry.id for entry in list_runs(_folder()))
    return next((place for place in places if (place / HOST).is_dir()), None)


def _folder() -> Path:
    return repository_root(Path.cwd()) / FOLDER


def _row(entry: RunEntry) -> tuple[str, ...]:
    wall = "" if entry.wall_s is None else duration(entry.wall_s)
    known = entry.id, entry.skill or "", entry.status, _moment(entry.started), wall
    try:
        run = read_run(runs_folder(_folder()) / entry.id)
    except TargetError:
        return *known, "", "", ""
    cost = money(run.usage.cost_usd) if run.usage.requests else ""
    found = "" if run.skill in _WITHOUT_FINDINGS else str(len(run.findings))
    return *known, cost, found, _shortened(run.target.description)


def _shortened(text: str) -> str:
    return text if len(text) <= _TARGET_WIDTH else f"{text[: _TARGET_WIDTH - 1]}…"


def _moment(seconds: float) -> str:
    """Return a time as this machine's clock shows it."""
    try:
        return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return ""


def _finished(place: Path) -> list[str]:
    run = read_run(place)
    return [
        f"run        {run.id}, {run.skill}, {run.status}",
        f"target     {run.target.description}",
        f"backend    {run.backend}{f' ({run.model})' if run.model else ''}",
        _yielded(run, place),
        *_measures(run.coverage, run.usage, run.timing),
        *([f"waits for  {waiting}"] if (waiting := still_waiting(place)) else []),
        f"record     {place / RECORD}",
    ]


def _yielded(run: Run, place: Path) -> str:
    """Say what came of a run, in its skill's terms. Raises TargetError when its result is none of that skill's."""
    try:
        if run.skill == PARALLEL_TEST.name:
            verdicts = counted_verdicts(result_of(run).totals)
            told = ", ".join(f"{number} {name}" for name, number in verdicts.items())
            return f"tests      {told.replace('_', ' ') or 'none'}"
        if run.skill == MULTI_FILE_ANALYSIS.name:
            found = analysis_of(run)
            return f"answer     {count(len(found.citations), 'citation')}, from {count(len(found.notes), 'note')}"
    except ValidationError as error:
        raise TargetError(f"{place / RECORD}: not the record of a run of {run.skill}") from error
    return f"findings   {_found(run)}"


def _found(run: Run) -> str:
    """Say how many findings the change brought, how many were there before it, and how grave they are."""
    groups: tuple[tuple[str, Sequence[Finding]], ...] = (
        ("", [finding for finding in run.findings if finding.introduced]),
        (" older than the change", [finding for finding in run.findings if not finding.introduced]),
    )
    told = [f"{len(found)}{what} ({severities(found)})" for what, found in groups if found]
    return ", ".join(told) or "none"


def _unfinished(place: Path) -> list[str]:
    try:
        events = list(read_events(place / EVENTS))
        folded = fold(events)
    except (KeyError, TypeError, ValueError) as error:
        raise TargetError(f"{place / EVENTS}: not the events of a run: {error}") from error
    running = is_open(place / EVENTS)
    how = "if it is ended, run" if running else "run"
    return [
        f"run        {place.name}, {'running' if running else 'unfinished'}",
        *([f"at work    {_at_work(events)}"] if running else []),
        *_measures(folded.coverage, folded.usage, folded.timing, in_flight=_in_flight(events), running=running),
        f"resume     {how} the same command again: what has an outcome is not paid for again",
    ]


def _at_work(events: Iterable[Event]) -> str:
    """Name the units that have begun and not ended."""
    labels: dict[str | None, str] = {}
    working: dict[str | None, None] = {}
    for event in events:
        if event.name == "unit.planned":
            labels[event.unit] = str(event.attributes.get("label", event.unit))
        elif event.name == "attempt.started":
            working[event.unit] = None
        elif event.name == "unit.ended":
            working.pop(event.unit, None)
    names = [labels.get(unit, str(unit)) for unit in working]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}" if names else "nothing has begun"


def _in_flight(events: Iterable[Event]) -> int:
    """Return how many requests to a model had begun and not ended: each may cost something, and no one knows what."""
    asking: set[str | None] = set()
    in_flight = 0
    for event in events:
        if event.name == "unit.planned" and str(event.attributes.get("lane", "")).startswith("model:"):
            asking.add(event.unit)
        elif event.unit in asking:
            in_flight += {"attempt.started": 1, "attempt.ended": -1}.get(event.name, 0)
    return max(0, in_flight)


def _measures(
    coverage: Coverage, usage: Usage, timing: Timing, *, in_flight: int = 0, running: bool = False
) -> list[str]:
    reused = f", {coverage.reused} of them reused" if coverage.reused else ""
    return [
        f"units      {coverage.ok} of {coverage.planned} ok{reused}",
        *([] if running else _missing(coverage.missing)),
        f"requests   {_requests(usage, in_flight, running=running)}",
        *(_billed(usage, in_flight) if usage.requests or in_flight else ()),
        f"time       {_time(timing)}",
    ]


def _requests(usage: Usage, in_flight: int, *, running: bool) -> str:
    asked = [count(usage.requests + in_flight, "request")]
    if in_flight:
        asked.append(f"{in_flight} of them in flight{'' if running else ' when it ended'}")
    asked += [count(usage.retries, "retry", "retries"), count(usage.hedges, "hedge")]
    errors = ", ".join(f"{number} × {name}" for name, number in usage.errors.items())
    return f"{', '.join(asked)}{f'; errors: {errors}' if errors else ''}"


def _billed(usage: Usage, in_flight: int) -> Iterable[str]:
    cached = f"{usage.cache_write_tokens:,} written to the cache, {usage.cache_read_tokens:,} read from it"
    yield f"tokens     {usage.input_tokens:,} in, {cached}, {usage.output_tokens:,} out"
    if in_flight and not usage.requests:
        yield f"cost       {money(None)}"
    elif in_flight:
        yield f"cost       {money(usage.cost_usd)}, and {money(None)} of what was in flight"
    else:
        yield f"cost       {money(usage.cost_usd)}; without a cache {money(usage.cost_uncached_usd)}"


def _time(timing: Timing) -> str:
    if not timing.worker_s:
        return duration(timing.wall_s)
    gain = f", {timing.gain:.1f} times as fast" if timing.gain else ""
    worked = f"{duration(timing.wall_s)} for {duration(timing.worker_s)} of work{gain}"
    return f"{worked}; critical path {duration(timing.critical_path_s)}"


def _missing(missing: tuple[str, ...]) -> Iterable[str]:
    yield from (f"missing    {one}" for one in missing[:_SHOWN])
    if len(missing) > _SHOWN:
        yield f"missing    and {len(missing) - _SHOWN} more"
