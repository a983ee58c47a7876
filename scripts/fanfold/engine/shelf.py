"""What can be made again and takes time to: bytes by key in the store, many of them at once, for no unit of a run.

    with Shelf(root / ".fanfold") as shelf:
        known = shelf.get(keys)
        shelf.put({key: make(key) for key in keys if key not in known})

A value carries a seal like an outcome (see `rows`): the store comes with the repository that it lies in, and a
repository may ship one that says what it likes.
"""

from __future__ import annotations

import hmac
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Self, TypeVar

from fanfold.engine import tables
from fanfold.engine.database import Damaged, Database
from fanfold.engine.folder import user_secret

_T = TypeVar("_T")
_KEPT_S = 30 * 86_400.0
_USED_S = 86_400.0  # how exact it is known when a value was last used: noting it is a write


class Shelf:
    """Keeps bytes in `folder`/store.db, which is opened when it is first needed; what nobody used for a month goes.

    One that can't be opened or written is empty and forgets; `problems` says why, once. `secret` stands in for the
    user's. A `visit` leaves a damaged file for others to mend, who say so. Not for two threads at a time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        secret: bytes | None = None,
        now: Callable[[], float] = time.time,
        visit: bool = False,
    ) -> None:
        self.problems: list[str] = []
        self._folder = folder
        self._secret = secret
        self._now = now
        self._visit = visit
        self._database: Database | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._database:
            self._database.close()
            self._database = None

    def get(self, keys: Collection[str]) -> dict[str, bytes]:
        """Return what is kept, of those keys that are there."""
        if not keys:
            return {}
        return self._tried(lambda database, secret: self._get(database, secret, sorted(keys)), {})

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values, in the place of those that were there."""
        if values:
            self._tried(lambda database, secret: self._put(database, secret, values), None)

    def _get(self, database: Database, secret: bytes, keys: list[str]) -> dict[str, bytes]:
        with database.transaction(writes=False) as connection:
            rows = list(tables.shelved(connection, keys))
        stale = [key for key, *_, used in rows if not isinstance(used, float) or used < self._now() - _USED_S]
        if stale:
            with database.transaction(writes=True) as connection:
                tables.note_used(connection, stale, self._now())
                # No more often: when a value was used lies behind it, so that all of them are read for this.
                tables.clear_shelf(connection, self._now() - _KEPT_S)
        return {key: value for key, value, seal, _ in rows if _is_sealed(secret, key, value, seal)}

    def _put(self, database: Database, secret: bytes, values: Mapping[str, bytes]) -> None:
        now = self._now()
        with database.transaction(writes=True) as connection:
            tables.shelve(connection, ((key, value, _seal(secret, key, value), now) for key, value in values.items()))
        # Closing would do it otherwise, and wait for the disk when nobody has anything else to do.
        database.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _opened(self, secret: bytes) -> Database:
        database = Database.visit(self._folder) if self._visit else Database.open(self._folder, secret)
        # The disk is not waited for: what is lost with the machine's power can be made again, and nothing else is.
        database.connection.execute("PRAGMA synchronous = NORMAL")
        return database

    def _tried(self, work: Callable[[Database, bytes], _T], otherwise: _T) -> _T:
        try:
            if self._secret is None:
                self._secret = user_secret()
            if self._database is None:
                self._database = self._opened(self._secret)
            return work(self._database, self._secret)
        except (sqlite3.Error, OSError, Damaged) as error:
            if not self.problems:
                self.problems.append(f"nothing can be kept for the next time ({error})")
            return otherwise


def _seal(secret: bytes, key: str, value: bytes) -> bytes:
    made = hmac.new(secret, b"shelf\0%b\0" % key.encode(), "sha256")
    made.update(value)  # which may be large: it is not copied
    return made.digest()


def _is_sealed(secret: bytes, key: str, value: object, seal: object) -> bool:
    if not (isinstance(value, bytes) and isinstance(seal, bytes)):
        return False
    return hmac.compare_digest(_seal(secret, key, value), seal)
