"""Events in SQLite. One connection per process; the service runs one writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from meter.models import Event
from meter.periods import Period

_SCHEMA = """
create table if not exists events (
    id text primary key,
    customer text not null,
    feature text not null,
    quantity integer not null check (quantity >= 0),
    at text not null
);
create index if not exists events_by_customer on events (customer, at);
"""


class EventStore:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Cursor]:
        """Commit at the end of the block, roll back when it raises."""
        with self._connection:
            cursor = self._connection.cursor()
            try:
                yield cursor
            finally:
                cursor.close()

    def add(self, event: Event) -> bool:
        """Store an event; returns False when it is there already."""
        try:
            with self.transaction() as cursor:
                cursor.execute("insert into events values (?, ?, ?, ?, ?)", _row(event))
        except sqlite3.IntegrityError:
            if self._known(event.id):
                return False
            raise
        return True

    def usage(self, customer: str, period: Period) -> dict[str, int]:
        """Add up what a customer used, by feature."""
        rows = self._connection.execute(
            "select feature, sum(quantity) from events where customer = ? and at >= ? and at < ? group by feature",
            (customer, period.start.isoformat(), period.end.isoformat()),
        )
        return dict(rows.fetchall())

    def events(self, customer: str, period: Period) -> Iterator[Event]:
        """Yield a customer's events, oldest first."""
        rows = self._connection.execute(
            "select id, customer, feature, quantity, at from events"
            " where customer = ? and at >= ? and at < ? order by at, id",
            (customer, period.start.isoformat(), period.end.isoformat()),
        )
        for identity, owner, feature, quantity, at in rows:
            yield Event(identity, owner, feature, quantity, datetime.fromisoformat(at))

    def _known(self, identity: str) -> bool:
        return self._connection.execute("select 1 from events where id = ?", (identity,)).fetchone() is not None


def _row(event: Event) -> tuple[str, str, str, int, str]:
    return event.id, event.customer, event.feature, event.quantity, event.at.isoformat()
