"""The SQLite file `.fanfold/store.db`: opened, checked, migrated; set aside when it is damaged.

The file may come from anybody (see `rows`), so SQLite's own advice on files of unknown origin is followed
(https://sqlite.org/security.html), and a file whose tables are not exactly those below is not used.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fanfold.engine import tables
from fanfold.engine.folder import Unusable, ensure_folder, refuse_link

NAME = "store.db"
APPLICATION_ID = 0x66616E66  # "fanf"
# One script a format; a new file goes through all of them, an older one through those that it lacks.
MIGRATIONS = (
    """
    CREATE TABLE outcomes (
        key TEXT PRIMARY KEY, kind TEXT, label TEXT, status TEXT, value TEXT, error TEXT, usage TEXT,
        created REAL, seal BLOB
    );
    CREATE TABLE durations (
        kind TEXT, label TEXT, seconds REAL, at REAL, PRIMARY KEY (kind, label)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, skill TEXT, status TEXT, started REAL, wall_s REAL, cost_usd REAL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE shelf (
        key TEXT PRIMARY KEY, value BLOB, seal BLOB, used REAL
    );
    """,
)
FORMAT = len(MIGRATIONS)
OUTCOMES = "CREATE TABLE outcomes"
BUSY_S = 10.0

# A file and what SQLite puts beside it.
_BESIDE = ("", "-wal", "-shm", "-journal")
_LOCK = ".lock"
# Looking at a file may take so many seconds, asked about after so many steps of SQLite's.
_MOST_S = 10.0
_STEPS = 100_000
_LOOK_S = 0.01
# What SQLite says of a file whose bytes are wrong, by the low byte of its result codes.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Damaged(Exception):
    """The file is no store, or its bytes are wrong."""


@dataclass(slots=True)
class Database:
    """An open store; `inode` is that of the file when it was opened, `notes` what had to be done to open it."""

    connection: sqlite3.Connection
    path: Path
    inode: int
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: Path, secret: bytes) -> Database:
        """Open the store in `folder`, making or migrating it; a damaged one is set aside and rebuilt.

        What can still be read of a damaged one and is sealed by `secret` is taken over. Raises Unusable.
        """
        path = _usable(folder)
        with _unusable_told(path), _locked(path):
            try:
                return _opened(path)
            except Damaged as damage:
                return _rebuilt(path, str(damage), secret)

    @classmethod
    def visit(cls, folder: Path) -> Database:
        """Open the store in `folder`, a damaged one excepted, which stays where it is. Raises Unusable."""
        path = _usable(folder)
        with _unusable_told(path), _locked(path):
            return _opened(path)

    def shrink(self) -> None:
        """Give the room of what was deleted back to the disk; not while somebody else uses the file."""
        with suppress(sqlite3.OperationalError):
            self.connection.execute("VACUUM")

    def rebuild(self, damage: str, secret: bytes) -> Database:
        """Close this one, which is damaged, and open a new one in its place as `open` does."""
        self.close()
        with _unusable_told(self.path), _locked(self.path):
            # Another run may have found the same and been quicker.
            return _rebuilt(self.path, damage, secret) if self.in_place() else _opened(self.path)

    def close(self) -> None:
        self.connection.close()

    def in_place(self) -> bool:
        """Tell whether the file at the path is still the one that is open."""
        try:
            return self.path.stat().st_ino == self.inode
        except OSError:
            return False

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[sqlite3.Connection]:
        """Commit what the block does, or none of it. Raises Damaged, and sqlite3.Error for all else."""
        with damage_told(), _atomic(self.connection, "IMMEDIATE" if writes else "DEFERRED"):
            yield self.connection


@contextmanager
def _unusable_told(path: Path) -> Iterator[None]:
    """Raise Unusable for whatever is wrong with the file."""
    try:
        yield
    except (OSError, sqlite3.Error, Damaged) as error:
        raise Unusable(f"{path} can't be used: {error}") from error


@contextmanager
def damage_told() -> Iterator[None]:
    """Raise Damaged for those errors of SQLite that say so."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            raise Damaged(str(error)) from error
        raise


@contextmanager
def _atomic(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk has rolled back already; and what else goes wrong now is not what was wrong.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


# -- opening


def _usable(folder: Path) -> Path:
    """Return the path of the store after a look at what lies there. Raises Unusable."""
    ensure_folder(folder)
    for suffix in (*_BESIDE, _LOCK):
        refuse_link(folder / f"{NAME}{suffix}", folder=False)
    return folder / NAME


def _opened(path: Path) -> Database:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        with damage_told(), _in_time(connection):
            _distrust(connection)
            version = _check(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            # A commit is on the disk when it returns, and a group of outcomes shares one (see benchmarks/store.py).
            connection.execute("PRAGMA synchronous = FULL")
            if version < FORMAT:
                _migrate(connection, version)
            return Database(connection, path, path.stat().st_ino)
    except BaseException:
        connection.close()
        raise


def _distrust(connection: sqlite3.Connection) -> None:
    """Take nothing that the file says for granted."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    # Bytes that are no text are damage to one row, not to the file.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")


@contextmanager
def _in_time(connection: sqlite3.Connection) -> Iterator[None]:
    """Interrupt statements on a file that was made to keep SQLite busy for ever."""
    ends_at = time.monotonic() + _MOST_S
    connection.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def _check(connection: sqlite3.Connection) -> int:
    """Look at what the file is before anything is written to it; returns its format, 0 for a new one."""
    schema, version = _schema(connection), _pragma(connection, "user_version")
    if not schema and not version:
        return 0
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise Damaged("it is no store of fanfold's")
    if version > FORMAT:
        raise Unusable(
            f"it has format {version}, and this fanfold knows up to {FORMAT}: use a newer fanfold, or remove the file"
        )
    if schema != _expected(version):
        raise Damaged(f"its tables are not those of format {version}")
    return version


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    with _atomic(connection, "IMMEDIATE"):
        for script in MIGRATIONS[version:]:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")


def _schema(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Return the kind and the text of everything that the file defines."""
    rows = connection.execute("SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return frozenset((kind, sql) for kind, sql in rows)


def _expected(version: int) -> frozenset[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("".join(MIGRATIONS[:version]))
        return _schema(connection)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


# -- setting aside


def _rebuilt(path: Path, damage: str, secret: bytes) -> Database:
    """Set the file aside and start a new one with what can still be read of it."""
    aside = _set_aside(path)
    database = _opened(path)
    try:
        saved = _salvage(aside, database, secret)
    except BaseException:
        database.close()
        raise
    database.notes = (f"{path} was damaged ({damage}): set aside as {aside.name}; {saved} outcomes saved from it",)
    return database


def _set_aside(path: Path) -> Path:
    """Rename the file and what belongs to it."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(f"{aside}{suffix}")
    return aside


def _salvage(aside: Path, database: Database, secret: bytes) -> int:
    """Take over what can be read of a store that was set aside; returns how many outcomes that is."""
    saved = 0
    with closing(sqlite3.connect(aside, isolation_level=None)) as connection, _in_time(connection):
        if _has_outcomes(connection):
            with database.transaction(writes=True) as new:
                for row in tables.readable(connection, secret):
                    tables.put(new, row, secret)
                    saved += 1
    return saved


def _has_outcomes(connection: sqlite3.Connection) -> bool:
    """Tell whether there is a table of outcomes as one of the formats defines it, and no view in its place."""
    try:
        _distrust(connection)
        ours = {entry for entry in _expected(_pragma(connection, "user_version")) if OUTCOMES in entry[1]}
        return bool(ours) and ours <= _schema(connection)
    except sqlite3.Error:
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock on opening and setting aside, so that two runs don't set each other's files aside.

    The system gives it back when a process dies. Where there are no such locks, as on Windows, nothing is held.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(f"{path}{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        ends_at = time.monotonic() + BUSY_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(_LOOK_S)
        yield
    finally:
        os.close(descriptor)
