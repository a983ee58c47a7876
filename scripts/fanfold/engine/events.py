"""What happens in a run, as it happens: one event for every change of state.

    with EventLog(folder / "events.jsonl", listeners=[progress]) as log:
        log.emit("attempt.started", unit.key, number=1, hedge=False)

An event is kept in memory, written to the file as one JSON line, and handed to the listeners, in this order. Progress,
run.json and the report are folds over events (`fanfold.engine.metrics`). Token counts have the attribute names of
OpenTelemetry's conventions for generative AI (semantic-conventions-genai 0.1.0), by which `gen_ai.usage.input_tokens`
includes what was written to and read from the cache.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeAlias

from fanfold.errors import UsageError
from fanfold.models import Usage

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

NAMES = frozenset(
    {
        "run.started",
        "run.ended",
        "unit.planned",
        "unit.queued",
        "unit.reused",
        "unit.ended",
        "attempt.started",
        "attempt.began",
        "attempt.ended",
        "hedge.started",
        "lane.limit",
        "lane.paused",
        "lane.resumed",
        "prefix.priming",
        "prefix.primed",
        "budget.refused",
        "store.failed",
        "test.slow",
    }
)

INPUT_TOKENS = "gen_ai.usage.input_tokens"
CACHE_WRITE_TOKENS = "gen_ai.usage.cache_write.input_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"

_NOTHING: Mapping[str, JSON] = MappingProxyType({})
_AS_IS = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Event:
    """One change of state, `at_s` seconds after the log's first event; `unit` is the key of whose it is, or None."""

    at_s: float
    name: str
    unit: str | None = None
    attributes: Mapping[str, JSON] = field(default_factory=lambda: _NOTHING)

    def line(self) -> str:
        """Return the event as one line of JSON."""
        said: dict[str, Any] = {"at_s": self.at_s, "name": self.name}
        if self.unit is not None:
            said["unit"] = self.unit
        if self.attributes:
            said["attributes"] = self.attributes
        return _to_json(said) + "\n"


_to_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode

Listener: TypeAlias = Callable[[Event], object]


class EventLog:
    """Takes note of events.

    `path` is the file of JSON lines, `listeners` are called with each event in turn, and `keep` holds the events in
    memory as `events`: turn it off for a run without bounds, and let listeners fold them. Time is the running loop's,
    or the monotonic clock's without one. A file that can't be written doesn't stop the run: `problems` says so, once.
    """

    def __init__(self, path: Path | None = None, listeners: Iterable[Listener] = (), *, keep: bool = True) -> None:
        self.path = path
        self.events: list[Event] = []
        self.problems: list[str] = []
        self._listeners = list(listeners)
        self._keep = keep
        self._started_at: float | None = None
        self._file: int | None = None
        if path is not None:
            self._open(path)

    def emit(self, name: str, unit: str | None = None, **attributes: object) -> Event:
        """Take note that `name` happened, to the unit with the key `unit` or to the run.

        An attribute is anything JSON can hold, or an enum of that; a number that is not finite becomes None. `usage` is
        a Usage or its dump. Raises ValueError for a name that is not in `NAMES` and TypeError for what JSON can't hold.
        """
        if name not in NAMES:
            raise ValueError(f"no event has the name {name!r}")
        if isinstance(usage := attributes.get("usage"), Usage | Mapping):
            attributes["usage"] = usage_attributes(usage)
        event = Event(self._now_s(), name, unit, {key: plain(value) for key, value in attributes.items()})
        if self._keep:
            self.events.append(event)
        if self._file is not None:
            self._write(event)
        for listener in self._listeners:
            listener(event)
        return event

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every event from now on."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Close the file; events are still kept and handed on."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _now_s(self) -> float:
        now = _clock()
        if self._started_at is None:
            self._started_at = now
        return round(now - self._started_at, 6)

    def _open(self, path: Path) -> None:
        # A link that someone else has put there is not followed, and a pipe must not block the run.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _flag("O_NOFOLLOW") | _flag("O_CLOEXEC") | _flag("O_NONBLOCK")
        try:
            self._file = os.open(path, flags, 0o666)
            _lock(self._file)
        except OSError as error:
            self._give_up(error.strerror or str(error))

    def _write(self, event: Event) -> None:
        line = event.line().encode()
        try:
            whole = os.write(self._file or 0, line) == len(line)
        except OSError as error:
            self._give_up(error.strerror or str(error))
        else:
            if not whole:
                self._give_up("no space left for a whole line")

    def _give_up(self, why: str) -> None:
        self.close()
        self.problems.append(f"{self.path} can't be written ({why}); the run goes on without it")


def is_open(path: Path) -> bool:
    """Tell whether a log is still being written to: its writer holds a lock, which the system frees when it ends.

    Where there are no such locks the answer is False.
    """
    try:
        file = os.open(path, os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK"))
    except OSError:
        return False
    try:
        return not _lock(file, shared=True)
    finally:
        os.close(file)


def _lock(file: int, *, shared: bool = False) -> bool:
    """Take a lock on an open file; False when somebody else has it."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks
    return True


def _flag(name: str) -> int:
    return int(getattr(os, name, 0))


def _clock() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


def plain(value: object) -> JSON:
    """Return `value` as JSON can hold it, None for a number that is not finite. Raises TypeError."""
    if type(value) in _AS_IS:
        return value  # type: ignore[return-value]  # the set of types says so, mypy can't read it
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    raise TypeError(f"an event can't hold a {type(value).__name__}: {value!r}")


def usage_attributes(usage: Usage | Mapping[str, Any]) -> dict[str, Any]:
    """Return what `usage` or its dump counts, under OpenTelemetry's names where there are any, but for what is 0."""
    counts = dict(usage if isinstance(usage, Mapping) else vars(usage))
    write, read = counts.pop("cache_write_tokens", 0), counts.pop("cache_read_tokens", 0)
    tokens = {
        INPUT_TOKENS: counts.pop("input_tokens", 0) + write + read,
        CACHE_WRITE_TOKENS: write,
        CACHE_READ_TOKENS: read,
        OUTPUT_TOKENS: counts.pop("output_tokens", 0),
    }
    return {name: count for name, count in {**tokens, **counts}.items() if count is None or count}


def usage_of(attributes: Mapping[str, JSON]) -> Usage | None:
    """Return the usage that an event's attributes hold, None when they hold none; undoes `usage_attributes`."""
    said = attributes.get("usage")
    if not isinstance(said, Mapping):
        return None
    counts: dict[str, Any] = dict(said)
    write, read = counts.pop(CACHE_WRITE_TOKENS, 0), counts.pop(CACHE_READ_TOKENS, 0)
    return Usage(
        input_tokens=counts.pop(INPUT_TOKENS, 0) - write - read,
        cache_write_tokens=write,
        cache_read_tokens=read,
        output_tokens=counts.pop(OUTPUT_TOKENS, 0),
        **counts,
    )


def read_events(path: Path) -> Iterator[Event]:
    """Read a file of events back, one by one.

    The last line may be torn, as a killed run leaves it, and is then left out. Raises UsageError for a file that can't
    be read or holds anything else that is no event.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                yield _parsed(line, f"{path}:{number}")
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class EventFile:
    """The events in a file, read whenever they are gone through; none when it is not there or holds anything else."""

    path: Path

    def __iter__(self) -> Iterator[Event]:
        try:
            events = tuple(read_events(self.path))
        except UsageError:
            return
        yield from events


def _parsed(line: bytes, place: str) -> Event:
    try:
        said = json.loads(line)
        event = Event(float(said["at_s"]), said["name"], said.get("unit"), said.get("attributes", _NOTHING))
        sound = (
            math.isfinite(event.at_s)
            and isinstance(event.name, str)
            and (event.unit is None or isinstance(event.unit, str))
        )
        if sound and isinstance(event.attributes, Mapping):
            return event
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise UsageError(f"{place}: not an event: {line[:80]!r}")
