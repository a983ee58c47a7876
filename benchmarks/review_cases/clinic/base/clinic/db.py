"""A thin layer over SQLite: rows are dicts, dates are dates."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from clinic.schema import SCHEMA

sqlite3.register_adapter(date, date.isoformat)
sqlite3.register_adapter(datetime, lambda moment: moment.isoformat(" "))
sqlite3.register_converter("day", lambda raw: date.fromisoformat(raw.decode()))
sqlite3.register_converter("moment", lambda raw: datetime.fromisoformat(raw.decode()))
sqlite3.register_converter("flag", lambda raw: raw == b"1")


class Database:
    """One connection. Statements outside of a transaction are their own."""

    def __init__(self, path: str = ":memory:") -> None:
        self._connection = sqlite3.connect(path, detect_types=sqlite3.PARSE_DECLTYPES, isolation_level=None)
        self._connection.row_factory = lambda cursor, row: {c[0]: v for c, v in zip(cursor.description, row)}
        self._connection.executescript(SCHEMA)
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of the block or nothing; nobody else writes meanwhile. Blocks may stand within one another."""
        if self._depth == 0:
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute("COMMIT")

    def one(self, sql: str, values: Sequence[object] = ()) -> dict[str, Any] | None:
        row: dict[str, Any] | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        return self._connection.execute(sql, values).fetchall()

    def insert(self, sql: str, values: Sequence[object]) -> int:
        return int(self._connection.execute(sql, values).lastrowid or 0)

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        return self._connection.execute(sql, values).rowcount
