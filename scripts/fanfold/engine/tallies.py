"""What is counted of a run: its lanes, its units, how they ended, and the longest chain of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fanfold.models import Coverage, Status, UnitRecord, Usage

_NO_END = "it had no outcome when the run ended"


@dataclass(slots=True)
class LaneUse:
    """How one lane was used: `most` attempts were in flight at a time, its gate was closed for `paused_s` seconds."""

    attempts: int = 0
    worker_s: float = 0.0
    in_flight: int = 0
    most: int = 0
    limit: int | None = None
    cuts: int = 0
    paused_s: float = 0.0
    opens_at_s: float = 0.0

    def started(self) -> None:
        self.attempts += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)

    def ended(self, seconds: float) -> None:
        self.in_flight -= 1
        self.worker_s += seconds

    def limited(self, limit: int) -> None:
        self.cuts += self.limit is not None and limit < self.limit
        self.limit = limit

    def paused(self, at_s: float, seconds: float) -> None:
        """Count a pause; what it shares with the one before it counts once."""
        opens_at_s = at_s + seconds
        self.paused_s += max(0.0, opens_at_s - max(at_s, self.opens_at_s))
        self.opens_at_s = max(opens_at_s, self.opens_at_s)


@dataclass(slots=True)
class UnitState:
    """One unit as far as its events tell; moments in seconds from the log's start."""

    key: str
    queued_s: float
    label: str
    kind: str = "call"
    lane: str = "default"
    needs: tuple[str, ...] = ()
    prefix: str | None = None
    status: Status | None = None
    error: str | None = None
    reused: bool = False
    split: bool = False
    attempts: int = 0
    hedges: int = 0
    usage: Usage = field(default_factory=Usage)
    started_s: float | None = None
    began_s: float | None = None
    ended_s: float | None = None
    running: dict[tuple[Any, Any], float] = field(default_factory=dict)

    @property
    def took_s(self) -> float:
        """From its first attempt to its end."""
        return 0.0 if self.started_s is None or self.ended_s is None else self.ended_s - self.started_s

    def ending(self) -> tuple[Status, str | None]:
        """Return how it ended; without an end it was cancelled with the run, or never got to run."""
        if self.status is not None:
            return self.status, self.error
        return Status.NOT_RUN if self.started_s is None else Status.CANCELLED, _NO_END

    def total_usage(self) -> Usage:
        """Return what was said when it ended; until then, what its attempts said."""
        if self.status is not None:
            return self.usage
        return self.usage + Usage(retries=max(0, self.attempts - self.hedges - 1), hedges=self.hedges)

    def record(self, now_s: float) -> UnitRecord:
        status, error = self.ending()
        ended_s = now_s if self.ended_s is None else self.ended_s
        return UnitRecord(
            key=self.key,
            label=self.label,
            kind=self.kind,
            status=status,
            attempts=self.attempts,
            hedged=self.hedges > 0,
            reused=self.reused,
            queued_s=self.queued_s,
            started_s=ended_s if self.started_s is None else self.started_s,
            ended_s=ended_s,
            usage=self.total_usage(),
            error=error,
        )


class Tally:
    """Counts units into a Coverage. A unit that was split counts by the units that stand for it."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(Status, 0)
        self._reused = 0
        self._missing: list[str] = []

    def add(self, label: str, status: Status, error: str | None, *, reused: bool) -> None:
        self._counts[status] += 1
        if status is Status.OK:
            self._reused += reused
        else:
            self._missing.append(f"{label} — {error or status.value.replace('_', ' ')}")

    def coverage(self, open_units: Iterable[UnitState] = ()) -> Coverage:
        """Return the counts, with those of `open_units` as they would end now."""
        whole = Tally()
        whole._counts, whole._reused, whole._missing = dict(self._counts), self._reused, list(self._missing)
        for unit in open_units:
            whole.add(unit.label, *unit.ending(), reused=unit.reused)
        counts = {status.value: count for status, count in whole._counts.items()}
        return Coverage(planned=sum(counts.values()), reused=whole._reused, missing=tuple(whole._missing), **counts)


def longest_chain_s(ended: Sequence[UnitState]) -> float:
    """Return the longest chain of units of which each waited for the one before, in seconds.

    `ended` are the units in the order of their ends. A unit waits for those that it needs, for earlier ones of its own
    key, as in a pipeline, and for the primer of its prefix until the primer's answer began.
    """
    chains: dict[str, float] = {}
    primers = _primers(ended)
    for unit in ended:
        waited_s = max((chains.get(key, 0.0) for key in (*unit.needs, unit.key)), default=0.0)
        primer = primers.get(unit.prefix) if unit.prefix else None
        if primer and primer is not unit and (unit.started_s or 0.0) >= (primer.began_s or 0.0):
            before_s = max((chains.get(key, 0.0) for key in primer.needs), default=0.0)
            waited_s = max(waited_s, before_s + (primer.began_s or 0.0) - (primer.started_s or 0.0))
        chains[unit.key] = waited_s + unit.took_s
    return max(chains.values(), default=0.0)


def _primers(units: Iterable[UnitState]) -> dict[str, UnitState]:
    """Return the unit of each prefix whose answer began first."""
    primers: dict[str, UnitState] = {}
    for unit in units:
        if unit.prefix and unit.began_s is not None:
            first = primers.setdefault(unit.prefix, unit)
            if unit.began_s < (first.began_s or 0.0):
                primers[unit.prefix] = unit
    return primers
