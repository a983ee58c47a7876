"""The records of runs: `runs/<id>/run.json`, written last and atomically; listed, found, pruned.

The folders are the truth. The store's table of runs is an index that spares a list the reading of every record.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fanfold.engine import tables
from fanfold.engine.database import NAME, Damaged, Database
from fanfold.engine.events import plain, read_events
from fanfold.engine.folder import Unusable, ensure_folder, refuse_link
from fanfold.engine.metrics import coverage, status_of
from fanfold.engine.migrations import UnknownFormat, migrated
from fanfold.errors import FanfoldError, TargetError
from fanfold.models import Outcome, Run, TargetRecord, Timing, UnitRecord, Usage

RECORD = "run.json"
EVENTS = "events.jsonl"
UNFINISHED = "unfinished"
UNREADABLE = "unreadable"
LATEST = "latest"

# A run that is under way says something within so many seconds.
_QUIET_S = 3600.0
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One line in the list of runs; `started` is in seconds since 1970.

    `status` is the run's, or `unfinished` without a record, or `unreadable`. What is not known is None.
    """

    id: str
    skill: str | None
    status: str
    started: float
    wall_s: float | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed: the ids of runs, and how many outcomes."""

    runs: tuple[str, ...]
    outcomes: int


def run_of(
    skill: str,
    outcomes: Iterable[Outcome[Any]],
    *,
    description: str = "",
    root: str = ".",
    run_id: str | None = None,
    result: Mapping[str, Any] | None = None,
) -> Run:
    """Fold outcomes into the record of a run, for a skill of one's own: what reports are rendered from.

    `result` is what JSON can hold; by default it is the value of each unit that has one, by its label. The id tells the
    time by default. Tokens and costs add up; the critical path is the longest unit's time, for outcomes don't tell what
    waited for what.
    """
    held = tuple(outcomes)
    units = tuple(map(UnitRecord.of, held))
    covered = coverage(units)
    took_s = [unit.ended_s - unit.started_s for unit in units if not unit.reused]
    wall_s = max((unit.ended_s for unit in units), default=0.0)
    timing = Timing(
        wall_s=wall_s,
        worker_s=sum(took_s),
        speedup=sum(took_s) / wall_s if wall_s else None,
        critical_path_s=max(took_s, default=0.0),
    )
    return Run(
        id=run_id or new_run_id(),
        skill=skill,
        status=status_of(covered),
        request={},
        target=TargetRecord(root=root, description=description),
        backend="none",
        coverage=covered,
        units=units,
        usage=sum((unit.usage for unit in units), Usage()),
        timing=timing,
        result={one.label: plain(one.value) for one in held if one.ok} if result is None else result,
    )


def new_run_id() -> str:
    """Return an id that sorts by time: `20261123-224501-1f3a`."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def runs_folder(folder: Path) -> Path:
    """Return where the runs of the store in `folder` lie."""
    return folder / "runs"


def write_run(folder: Path, run: Run, *, started: float | None = None) -> Path:
    """Write `run` to `folder`/runs/<id>/run.json; it is there whole or not at all. Returns its path.

    `started` is in seconds since 1970; by default it is now less the run's wall time. Raises OSError, and ValueError
    for an id that is no name of a folder.
    """
    place = run_folder(folder, run.id)
    write_whole(place / RECORD, _text(run))
    _index(folder, _entry(run, time.time() - run.timing.wall_s if started is None else started))
    return place / RECORD


def _text(run: Run) -> str:
    """Return the record; pydantic writes it ten times faster, but nothing that UTF-8 can't hold."""
    try:
        return run.model_dump_json(indent=1)
    except ValueError:
        return json.dumps(plain(run.model_dump(mode="json")), indent=1)


def run_folder(folder: Path, run_id: str) -> Path:
    """Make the folder of a run and return it.

    Raises OSError, also where somebody has put a link in its place, and ValueError for an id that is no plain name.
    """
    if not _ID.fullmatch(run_id):
        raise ValueError(f"not the id of a run: {run_id!r}")
    ensure_folder(folder)
    refuse_link(runs_folder(folder))
    place = runs_folder(folder) / run_id
    refuse_link(place)
    place.mkdir(parents=True, exist_ok=True)
    return place


def kept_folder(folder: Path, run_id: str) -> Path | None:
    """Return the folder in which a run is kept; None when it is in none, or its id is no plain name."""
    place = runs_folder(folder) / run_id
    linked = any(part.is_symlink() for part in (folder, runs_folder(folder), place))
    return place if _ID.fullmatch(run_id) and not linked and place.is_dir() else None


def read_run(path: Path) -> Run:
    """Read a run from its record or from the folder that holds it. Raises TargetError."""
    path = path / RECORD if path.is_dir() else path
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise TargetError(f"{path}: can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{path}: not a run: {error}") from error
    try:
        # What it holds beyond the models is from a newer fanfold that has added to the format.
        return Run.model_validate(migrated(document) if isinstance(document, dict) else document, extra="ignore")
    except UnknownFormat as error:
        raise TargetError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TargetError(f"{path}: not a run: {where or 'the document'}: {first['msg']}") from error


def find_run(folder: Path, name: str) -> Path:
    """Return the folder of the run that `name` means: its id, the start of that if no other has it, or `latest`.

    Raises TargetError.
    """
    ids = _ids(folder)
    if name == LATEST and ids:
        return runs_folder(folder) / list_runs(folder)[0].id
    found = [run_id for run_id in ids if run_id == name] or [
        run_id for run_id in ids if name and run_id.startswith(name)
    ]
    if len(found) == 1:
        return runs_folder(folder) / found[0]
    if found:
        raise TargetError(f"{len(found)} runs begin with {name!r}: {', '.join(found[:5])}")
    raise TargetError(f"no run {name!r} in {runs_folder(folder)}; `fanfold runs list` names those that are there")


def list_runs(folder: Path) -> tuple[RunEntry, ...]:
    """Return the runs, newest first."""
    indexed = {entry.id: entry for entry in _indexed(folder)}
    entries = [_known(runs_folder(folder) / run_id, indexed.get(run_id)) for run_id in _ids(folder)]
    return tuple(sorted(entries, key=lambda entry: (entry.started, entry.id), reverse=True))


def prune(folder: Path, *, keep: int = 0, older_than_s: float = 0.0, now: float | None = None) -> Pruned:
    """Remove the runs that began more than `older_than_s` seconds ago, but for the newest `keep` of all.

    Their outcomes go with them: those that no run that stays has used, and that were made before the first of these
    began. A run that seems to be under way stays. Raises OSError.
    """
    refuse_link(folder)
    now = time.time() if now is None else now
    before = now - older_than_s
    entries = list_runs(folder)
    gone = tuple(entry.id for entry in entries[keep:] if entry.started < before and not _alive(folder, entry, now))
    stay = [entry for entry in entries if entry.id not in gone]
    for run_id in gone:
        shutil.rmtree(runs_folder(folder) / run_id)
    since = min([before, *(entry.started for entry in stay)])
    for aside in folder.glob(f"{NAME}.damaged-*"):
        if aside.stat().st_mtime < since:
            aside.unlink()
    keys = (key for entry in stay for key in _keys(runs_folder(folder) / entry.id))
    return Pruned(gone, _prune_outcomes(folder, gone, since, keys))


def _alive(folder: Path, entry: RunEntry, now: float) -> bool:
    """Tell whether a run without a record has said something lately."""
    try:
        said = (runs_folder(folder) / entry.id / EVENTS).stat().st_mtime
    except OSError:
        return False
    return entry.status == UNFINISHED and now - said < _QUIET_S


def _prune_outcomes(folder: Path, gone: Sequence[str], since: float, keys: Iterable[str]) -> int:
    """Prune the store, if there is one that works; returns how many outcomes went."""
    if not (folder / NAME).exists():
        return 0
    dropped = 0
    with _unless_it_fails(), closing(Database.visit(folder)) as database:
        with database.transaction(writes=True) as connection:
            tables.forget_runs(connection, gone)
            dropped = tables.prune(connection, since, keys)
        database.shrink()
    return dropped


def _keys(place: Path) -> Iterator[str]:
    """Yield the keys of a run's units, also of one that did not finish."""
    with suppress(FanfoldError):
        if (place / RECORD).exists():
            yield from (unit.key for unit in read_run(place).units)
        else:
            yield from {event.unit for event in read_events(place / EVENTS) if event.unit}


# -- the folders


def _ids(folder: Path) -> list[str]:
    """Return the names of the folders that can be runs."""
    try:
        refuse_link(folder)
        refuse_link(runs_folder(folder))
        places = list(os.scandir(runs_folder(folder)))
    except OSError:
        return []
    return [place.name for place in places if place.is_dir(follow_symlinks=False) and _ID.fullmatch(place.name)]


def _known(place: Path, indexed: RunEntry | None) -> RunEntry:
    """Return what is known of the run in the folder `place`."""
    record = place / RECORD
    try:
        written = record.stat().st_mtime
    except OSError:
        # Its folder changed last when the file of events was made.
        return RunEntry(place.name, None, UNFINISHED, place.stat().st_mtime, None, None)
    if indexed:
        return indexed
    try:
        run = read_run(record)
    except TargetError:
        return RunEntry(place.name, None, UNREADABLE, written, None, None)
    return _entry(run, written - run.timing.wall_s, place.name)


def _entry(run: Run, started: float, run_id: str | None = None) -> RunEntry:
    return RunEntry(run_id or run.id, run.skill, run.status, started, run.timing.wall_s, run.usage.cost_usd)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, whenever the power goes."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where folders can be opened for that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# -- the index


def _unless_it_fails() -> suppress:
    """Go on without the store: the runs stand in their folders."""
    return suppress(Unusable, Damaged, sqlite3.Error)


@contextmanager
def _visited(folder: Path, *, writes: bool) -> Iterator[sqlite3.Connection]:
    with closing(Database.visit(folder)) as database, database.transaction(writes=writes) as connection:
        yield connection


def _index(folder: Path, entry: RunEntry) -> None:
    """Put a run into the store's table; a list without it reads the record."""
    with _unless_it_fails(), _visited(folder, writes=True) as connection:
        tables.note_run(connection, astuple(entry))


def _indexed(folder: Path) -> list[RunEntry]:
    if not (folder / NAME).exists():
        return []
    with _unless_it_fails(), _visited(folder, writes=False) as connection:
        return [RunEntry(*row) for row in tables.runs(connection)]
    return []
