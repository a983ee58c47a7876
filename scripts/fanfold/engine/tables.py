"""The statements on the tables of the store; each function does one thing inside the caller's transaction."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple
from typing import Any

from fanfold.engine.rows import Row

# The weight of the newest duration in the average that is kept: the last two make up half of it.
NEWEST_SHARE = 0.3

_AT_ONCE = 500  # keys in one statement: SQLite takes 999 at the least

_SELECT = "SELECT key, kind, label, status, value, error, usage, created, seal, rowid FROM outcomes"


def find(connection: sqlite3.Connection, key: str, secret: bytes) -> Row | None:
    """Return the row of a key, None when there is none that `secret` has sealed."""
    found = connection.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
    return None if found is None else _verified(found[:-1], secret)


def put(connection: sqlite3.Connection, row: Row, secret: bytes) -> None:
    """Seal a row and keep it in the place of any other of its key."""
    values = (*astuple(row), row.seal(secret))
    connection.execute("REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def readable(connection: sqlite3.Connection, secret: bytes) -> Iterator[Row]:
    """Yield the rows that can be read from a damaged file: up to the first damage from either end."""
    for beyond, order, rowid in ((">", "ASC", -1), ("<", "DESC", 2**63 - 1)):
        # One at a time: a cursor that reads on before it hands out its row would lose the one before the damage.
        following = f"{_SELECT} WHERE rowid {beyond} ? ORDER BY rowid {order} LIMIT 1"
        with suppress(sqlite3.Error):
            while found := connection.execute(following, (rowid,)).fetchone():
                *columns, rowid = found  # noqa: PLW2901  where the next one is looked for
                if row := _verified(columns, secret):
                    yield row
            return


def _verified(found: Sequence[Any], secret: bytes) -> Row | None:
    """Return the row if it is sealed; a column of a file that somebody else made may hold anything."""
    row = Row(*found[:-1])
    try:
        return row if row.sealed_by(secret, found[-1]) else None
    except TypeError:
        return None


def note_durations(connection: sqlite3.Connection, kind: str, seconds: Mapping[str, float], now: float) -> None:
    """Take seconds by label into the moving averages that are kept."""
    connection.executemany(
        "INSERT INTO durations VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE "
        "SET seconds = seconds + ?5 * (excluded.seconds - seconds), at = excluded.at",
        [(kind, label, value, now, NEWEST_SHARE) for label, value in seconds.items()],
    )


def durations(connection: sqlite3.Connection, kind: str) -> dict[str, float]:
    """Return seconds by label; what is no duration is left out."""
    rows = connection.execute("SELECT label, seconds FROM durations WHERE kind = ?", (kind,))
    return {
        label: seconds
        for label, seconds in rows
        if isinstance(label, str) and isinstance(seconds, float) and 0 <= seconds < math.inf
    }


def note_run(connection: sqlite3.Connection, run: tuple[object, ...]) -> None:
    """Put a run into the index."""
    connection.execute("REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", run)


def runs(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Return the runs of the index; a file that somebody else made may hold others than it should."""
    rows = connection.execute("SELECT id, skill, status, started, wall_s, cost_usd FROM runs")
    return [row for row in rows if _is_run(*row)]


def _is_run(*columns: object) -> bool:
    texts, started, amounts = columns[:3], columns[3], columns[4:]
    return (
        all(isinstance(text, str) for text in texts)
        and isinstance(started, float)
        and all(amount is None or isinstance(amount, float) for amount in amounts)
    )


def forget_runs(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Take runs out of the index."""
    connection.executemany("DELETE FROM runs WHERE id = ?", ((run_id,) for run_id in ids))


def shelved(connection: sqlite3.Connection, keys: Sequence[str]) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Yield key, value, seal and time of the last use; a file that somebody else made may hold anything."""
    for at in range(0, len(keys), _AT_ONCE):
        some = keys[at : at + _AT_ONCE]
        places = ", ".join("?" * len(some))
        yield from connection.execute(f"SELECT key, value, seal, used FROM shelf WHERE key IN ({places})", some)  # noqa: S608  question marks


def shelve(connection: sqlite3.Connection, rows: Iterable[tuple[str, bytes, bytes, float]]) -> None:
    """Keep values in the place of others of their keys."""
    connection.executemany("REPLACE INTO shelf VALUES (?, ?, ?, ?)", rows)


def note_used(connection: sqlite3.Connection, keys: Iterable[str], now: float) -> None:
    """Note that values were used."""
    connection.executemany("UPDATE shelf SET used = ? WHERE key = ?", ((now, key) for key in keys))


def clear_shelf(connection: sqlite3.Connection, before: float) -> None:
    """Drop the values that were last used before that time."""
    connection.execute("DELETE FROM shelf WHERE used < ?", (before,))


def prune(connection: sqlite3.Connection, before: float, keep: Iterable[str]) -> int:
    """Drop what is from before that time, outcomes with the keys in `keep` excepted; count the outcomes that went."""
    connection.execute("CREATE TEMP TABLE kept (key TEXT PRIMARY KEY) WITHOUT ROWID")
    connection.executemany("INSERT OR IGNORE INTO temp.kept VALUES (?)", ((key,) for key in keep))
    dropped = connection.execute(
        "DELETE FROM outcomes WHERE created < ? AND key NOT IN (SELECT key FROM temp.kept)", (before,)
    ).rowcount
    connection.execute("DROP TABLE temp.kept")
    clear_shelf(connection, before)
    connection.execute("DELETE FROM durations WHERE at < ?", (before,))
    return dropped
