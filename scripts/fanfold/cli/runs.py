"""`fanfold runs`: what was run in this repository."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click

from fanfold.cli.config import repository_root
from fanfold.engine.events import read_events
from fanfold.engine.folder import FOLDER
from fanfold.engine.metrics import RunFold, fold
from fanfold.engine.runs import EVENTS, RECORD, RunEntry, find_run, list_runs, prune, read_run
from fanfold.errors import OutputError, TargetError
from fanfold.models import Coverage, Timing, Usage
from fanfold.reports.filters import count, duration, money

_KEEP = 20
_DAY_S = 86_400.0
_SHOWN = 20


@click.group()
def runs() -> None:
    """List the runs of this repository, show one, prune old ones."""


@runs.command("list")
def list_command() -> None:
    """List the runs, newest first: id, skill, status, when it began, how long it took, what it cost."""
    entries = list_runs(_folder())
    if not entries:
        click.echo(f"fanfold: no runs in {_folder()}", err=True)
        return
    rows = [tuple(map(_printable, _row(entry))) for entry in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@runs.command()
@click.argument("run", default="latest")
def show(run: str) -> None:
    """Show what became of a run: coverage, usage, time. RUN is an id, the start of one, or nothing for the latest."""
    place = find_run(_folder(), run)
    lines = _finished(place) if (place / RECORD).exists() else _unfinished(place)
    for line in lines:
        click.echo(_printable(line))


@runs.command("prune")
@click.option("--keep", type=click.IntRange(min=0), default=_KEEP, show_default=True, help="Keep the newest N.")
@click.option("--older-than", type=click.FloatRange(min=0), default=0.0, metavar="DAYS", help="Keep what is younger.")
def prune_command(keep: int, older_than: float) -> None:
    """Remove old runs, and the outcomes that no run that stays has used."""
    try:
        pruned = prune(_folder(), keep=keep, older_than_s=older_than * _DAY_S)
    except OSError as error:
        raise OutputError(f"{_folder()}: can't be pruned: {error.strerror or error}") from error
    click.echo(f"removed {count(len(pruned.runs), 'run')} and {count(pruned.outcomes, 'outcome')}")


def _folder() -> Path:
    return repository_root(Path.cwd()) / FOLDER


def _row(entry: RunEntry) -> tuple[str, ...]:
    wall = "" if entry.wall_s is None else duration(entry.wall_s)
    cost = "" if entry.wall_s is None else money(entry.cost_usd)
    return entry.id, entry.skill or "", entry.status, _moment(entry.started), wall, cost


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
        *_measures(run.coverage, run.usage, run.timing),
        f"record     {place / RECORD}",
    ]


def _unfinished(place: Path) -> list[str]:
    events = _folded(place / EVENTS)
    return [
        f"run        {place.name}, unfinished",
        *_measures(events.coverage, events.usage, events.timing),
        "resume     run the same command again: what has an outcome is not paid for again",
    ]


def _folded(path: Path) -> RunFold:
    try:
        return fold(read_events(path))
    except (KeyError, TypeError, ValueError) as error:
        raise TargetError(f"{path}: not the events of a run: {error}") from error


def _measures(coverage: Coverage, usage: Usage, timing: Timing) -> list[str]:
    reused = f", {coverage.reused} of them reused" if coverage.reused else ""
    errors = ", ".join(f"{number} × {name}" for name, number in usage.errors.items())
    asked = [count(usage.requests, "request"), count(usage.retries, "retry", "retries"), count(usage.hedges, "hedge")]
    cached = f"{usage.cache_write_tokens:,} written to the cache, {usage.cache_read_tokens:,} read from it"
    worked = f"{duration(timing.wall_s)} for {duration(timing.worker_s)} of work, {_speedup(timing)}"
    return [
        f"units      {coverage.ok} of {coverage.planned} ok{reused}",
        *_missing(coverage.missing),
        f"requests   {', '.join(asked)}{f'; errors: {errors}' if errors else ''}",
        f"tokens     {usage.input_tokens:,} in, {cached}, {usage.output_tokens:,} out",
        f"cost       {money(usage.cost_usd)}; without a cache {money(usage.cost_uncached_usd)}",
        f"time       {worked}; critical path {duration(timing.critical_path_s)}",
    ]


def _missing(missing: tuple[str, ...]) -> Iterable[str]:
    yield from (f"missing    {one}" for one in missing[:_SHOWN])
    if len(missing) > _SHOWN:
        yield f"missing    and {len(missing) - _SHOWN} more"


def _speedup(timing: Timing) -> str:
    return "no speed-up known" if timing.speedup is None else f"{timing.speedup:.1f} times as fast"


def _printable(text: str) -> str:
    """Make text that may come from anybody fit for a terminal, on one line."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
