"""The store's side in its thread: serves groups of requests, from memory while the file can't be used."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from fanfold.engine import tables
from fanfold.engine.database import Damaged, Database
from fanfold.engine.folder import user_secret
from fanfold.engine.rows import Row, decode, usage_in
from fanfold.models import Outcome, Unit, Usage

# None where the file can't be used.
Connection: TypeAlias = sqlite3.Connection | None


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked of the desk: `answer` gives it inside a transaction, which `writes` or only reads."""

    answer: Callable[[Connection], Any]
    writes: bool


@dataclass(frozen=True, slots=True)
class Bug:
    """Stands for the answer to a request that raised what no file explains; the others of its group go on."""

    error: BaseException


class Desk:
    """Serves requests in groups, each in one transaction; not for two threads at a time.

    While the file can't be used, rows stay in memory. It is tried again with the next group but 0, 1, 3, 7 and so
    on, and when the desk closes: that bounds the work, however long it lasts and however much has to be kept. Rows from
    before `since`, in seconds since 1970, are not found, and give way to new ones.
    """

    def __init__(self, folder: Path, secret: bytes | None, *, since: float | None) -> None:
        self._folder = folder
        self._secret = secret
        self._since = -math.inf if since is None else since
        self._database: Database | None = None
        self._memory: dict[str, Row] = {}
        self._spoiled: set[str] = set()
        self._failures = 0
        self._groups_to_skip = 0
        self._notes: list[str] = []
        self._said: set[str] = set()

    def serve(self, requests: Sequence[Request]) -> tuple[list[Any], list[str]]:
        """Return the answers in the order of the requests, and what a person should be told."""
        if self._groups_to_skip:
            self._groups_to_skip -= 1
            answers = self._without_writing(requests)
        else:
            answers = self._served(requests)
        notes, self._notes = self._notes, []
        return answers, notes

    def close(self) -> list[str]:
        """Write what is still in memory, if that works now, and close the file; returns what is to be told."""
        if self._memory:
            self._served([])
        if self._database:
            self._database.close()
            self._database = None
        return self._notes

    # -- what can be asked

    def get(self, unit: Unit[Any], connection: Connection) -> tuple[Outcome[Any], Usage] | None:
        """Return the outcome of `unit` and what it cost when it was made."""
        row = self._memory.get(unit.key)
        if row is None and connection:
            row = tables.find(connection, unit.key, self._the_secret())
        if row is None or row.created < self._since:
            return None
        outcome = decode(unit, row)
        if outcome is None:
            self._spoiled.add(unit.key)
            return None
        return outcome, usage_in(row)

    def spoil(self, key: str, _connection: Connection) -> None:
        """Let the next outcome of `key` take the place of the one that is there."""
        self._memory.pop(key, None)
        self._spoiled.add(key)

    def put(self, row: Row, seconds: float | None, now: float, connection: Connection) -> None:
        """Keep `row`, and the seconds that it took if they say anything."""
        if connection is None:
            self._memory.setdefault(row.key, row)
        else:
            self._insert(connection, row)
            if seconds is not None:
                tables.note_durations(connection, row.kind, {row.label: seconds}, now)

    def note_durations(self, kind: str, seconds: Mapping[str, float], now: float, connection: Connection) -> None:
        if connection:
            tables.note_durations(connection, kind, seconds, now)

    def durations(self, kind: str, connection: Connection) -> dict[str, float]:
        return tables.durations(connection, kind) if connection else {}

    # -- the file

    def _served(self, requests: Sequence[Request]) -> list[Any]:
        """Serve from the file; when that fails, from memory."""
        try:
            try:
                return self._committed(requests)
            except Damaged as damage:
                self._rebuild(str(damage))
                return self._committed(requests)
        except (sqlite3.Error, OSError, Damaged) as error:
            self._note_failure(str(error))
            return self._without_writing(requests)

    def _committed(self, requests: Sequence[Request]) -> list[Any]:
        database = self._ready()
        writes = bool(self._memory) or any(request.writes for request in requests)
        with database.transaction(writes=writes) as connection:
            for row in self._memory.values():
                self._insert(connection, row)
            answers = [_answer(request, connection) for request in requests]
        self._note_recovery()
        return answers

    def _without_writing(self, requests: Sequence[Request]) -> list[Any]:
        """Keep in memory what is to be kept; what the file has can often be read all the same."""
        if self._database:
            with suppress(sqlite3.Error, Damaged), self._database.transaction(writes=False) as connection:
                return [_answer(request, None if request.writes else connection) for request in requests]
        return [_answer(request, None) for request in requests]

    def _ready(self) -> Database:
        """Return the open file; it is opened again if somebody has removed or replaced it."""
        if self._database and not self._database.in_place():
            self._database.close()
            self._database = None
        if self._database is None:
            self._database = Database.open(self._folder, self._the_secret())
            self._note(*self._database.notes)
        return self._database

    def _rebuild(self, damage: str) -> None:
        if self._database:
            damaged, self._database = self._database, None
            self._database = damaged.rebuild(damage, self._the_secret())
            self._note(*self._database.notes)

    def _insert(self, connection: sqlite3.Connection, row: Row) -> None:
        """Keep `row` unless there is one already that counts: then that one stands."""
        there = tables.find(connection, row.key, self._the_secret())
        if there is None or there.created < self._since or row.key in self._spoiled:
            tables.put(connection, row, self._the_secret())

    def _the_secret(self) -> bytes:
        if self._secret is None:
            self._secret = user_secret()
        return self._secret

    # -- what is told

    def _note_failure(self, why: str) -> None:
        self._failures += 1
        self._groups_to_skip = 2 ** (self._failures - 1) - 1
        self._note(f"outcomes can't be stored ({why}): the run goes on, and what stays unwritten is paid for again")

    def _note_recovery(self) -> None:
        if self._failures:
            self._note(f"the store in {self._folder} works again")
        self._failures = 0
        self._memory.clear()

    def _note(self, *notes: str) -> None:
        """Keep each note for telling, once."""
        new = [note for note in notes if note not in self._said]
        self._said.update(new)
        self._notes.extend(new)


def _answer(request: Request, connection: Connection) -> Any:
    try:
        return request.answer(connection)
    except (sqlite3.Error, OSError):
        raise
    except Exception as error:  # noqa: BLE001  raised again where it was asked
        return Bug(error)
