"""Where the time of a run went: a lane for each worker, who waited for what, and the path that all of it hung on.

    timeline = timeline_of(run, events)

It is made of run.json's units alone, and of the run's events where they are there: those tell of each attempt, which of
them was a hedge, and when a primer's answer began. Pure; seconds count from the start of the run.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from fanfold.engine.events import Event
from fanfold.models import Run, Status, UnitRecord

_NO_TIME_S = 0.001
_LONGEST_S = 1e9
_OK = Status.OK.value


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of one worker's time: an attempt at a unit, or all of its attempts when no event tells them apart.

    It could have started at `since_s`, and waited until `start_s`. `began_s` is when the answer of a primer began,
    None when that is not known. `pool` is what it competed for, `needs` are the keys that it could not start without.
    `attempts` is more than 1 when the bar stands for several, `number` counts attempts from 1.
    """

    key: str
    label: str
    kind: str
    status: str
    since_s: float
    start_s: float
    end_s: float
    attempts: int = 1
    number: int = 1
    hedge: bool = False
    hedged: bool = False
    primes: bool = False
    began_s: float | None = None
    critical: bool = False
    pool: str = ""
    prefix: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def took_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def waited_s(self) -> float:
        return max(0.0, self.start_s - self.since_s)

    @property
    def ok(self) -> bool:
        return self.status == _OK


@dataclass(frozen=True, slots=True)
class Timeline:
    """The lanes of a run, each with its bars in order; `exact` when events told of each attempt.

    `bars` are those of all lanes, and `kinds` the kinds of them, in the order of their starts.

    `waiting` is how many units waited from each moment on. `reused` and `never` are units that took no worker's time:
    stored outcomes, with the moment of their reuse, and those that were never started. `critical` is the path that the
    end of the run hung on, first to last.
    """

    lanes: tuple[tuple[Bar, ...], ...] = ()
    waiting: tuple[tuple[float, int], ...] = ()
    reused: tuple[tuple[float, str], ...] = ()
    never: tuple[str, ...] = ()
    critical: tuple[Bar, ...] = ()
    end_s: float = 0.0
    exact: bool = False
    bars: tuple[Bar, ...] = ()
    kinds: tuple[str, ...] = ()

    @property
    def idle_s(self) -> float:
        """Seconds of the critical path, from the start of the run on, in which none of its bars was at work."""
        path = self.critical
        until = [min(bar.end_s, after.start_s) for bar, after in pairwise(path)] + [bar.end_s for bar in path[-1:]]
        worked_s = sum(end_s - bar.start_s for bar, end_s in zip(path, until, strict=True))
        return max(0.0, path[-1].end_s - worked_s) if path else 0.0


def timeline_of(run: Run, events: Iterable[Event] = ()) -> Timeline:
    """Return the timeline of a run."""
    attempts = _Attempts()
    for event in events:
        attempts.see(event)
    bars = attempts.bars() or _whole(run.units)
    bars.sort(key=lambda bar: (bar.start_s, bar.end_s))
    path = _critical(bars)
    marked = [replace(bar, critical=number in path) for number, bar in enumerate(bars)]
    return Timeline(
        lanes=_lanes(marked),
        waiting=_waiting(bars),
        reused=tuple(sorted((unit.ended_s, unit.label) for unit in run.units if unit.reused)),
        never=tuple(unit.label for unit in run.units if not unit.reused and not unit.attempts),
        critical=tuple(marked[number] for number in path),
        end_s=max([_sound(run.timing.wall_s), _NO_TIME_S, *(bar.end_s for bar in bars)]),
        exact=attempts.any,
        bars=tuple(marked),
        kinds=tuple(dict.fromkeys(bar.kind for bar in marked)),
    )


# -- what happened


def _whole(units: Sequence[UnitRecord]) -> list[Bar]:
    """Return a bar for each unit that a worker had, whatever happened in it."""
    worked = [unit for unit in units if unit.attempts and not unit.reused]
    primers = _first_writers(worked)
    return [
        Bar(
            key=unit.key,
            label=unit.label,
            kind=unit.kind,
            status=unit.status.value,
            since_s=_sound(unit.queued_s),
            start_s=max(map(_sound, (unit.started_s, unit.queued_s))),
            end_s=max(map(_sound, (unit.ended_s, unit.started_s, unit.queued_s))),
            attempts=unit.attempts,
            hedged=unit.hedged,
            primes=number in primers,
        )
        for number, unit in enumerate(worked)
    ]


def _sound(seconds: float) -> float:
    """Return a moment as it can be drawn: what no clock would say is the start."""
    return min(max(seconds, 0.0), _LONGEST_S) if math.isfinite(seconds) else 0.0


def _first_writers(units: Sequence[UnitRecord]) -> set[int]:
    """Return which units, the first of each kind, wrote the prompt cache: by what run.json knows, those primed it."""
    first: dict[str, int] = {}
    for number in sorted(range(len(units)), key=lambda n: units[n].started_s):
        if units[number].usage.cache_write_tokens:
            first.setdefault(units[number].kind, number)
    return set(first.values())


@dataclass(slots=True)
class _Attempts:
    """Folds events into bars, one for each attempt."""

    any: bool = False
    _planned: dict[str, Bar] = field(default_factory=dict)
    _open: dict[tuple[str, Any, bool], Bar] = field(default_factory=dict)
    _ended: list[Bar] = field(default_factory=list)
    _priming: set[str] = field(default_factory=set)
    _now_s: float = 0.0

    def see(self, event: Event) -> None:
        self._now_s = max(self._now_s, event.at_s)
        said, unit = event.attributes, str(event.unit)
        if event.name == "prefix.priming":
            self._priming.add(str(said.get("prefix")))
        elif event.name == "unit.planned":
            self._planned[unit] = _planned(unit, said, event.at_s)
        elif event.name.startswith("attempt."):
            which = (unit, said.get("number"), bool(said.get("hedge")))
            self._attempt(event.name, which, said, event.at_s)

    def _attempt(self, name: str, which: tuple[str, Any, bool], said: Mapping[str, Any], at_s: float) -> None:
        if name == "attempt.started":
            self._open[which] = self._started(which, at_s)
        elif bar := self._open.get(which):
            if name == "attempt.began":
                self._open[which] = replace(bar, began_s=bar.began_s or at_s)
            else:
                del self._open[which]
                self._ended.append(replace(bar, end_s=at_s, status=str(said.get("status", _OK))))
                # The next attempt at it can't start before this one has ended.
                self._planned[which[0]] = replace(self._planned[which[0]], since_s=at_s)

    def _started(self, which: tuple[str, Any, bool], at_s: float) -> Bar:
        unit, number, hedge = which
        self.any = True
        planned = self._planned.setdefault(unit, _planned(unit, {}, at_s))
        primes = planned.prefix in self._priming
        self._priming.discard(str(planned.prefix))
        return replace(
            planned,
            since_s=at_s if hedge else planned.since_s,
            start_s=at_s,
            number=number if isinstance(number, int) else 1,
            hedge=hedge,
            primes=primes,
        )

    def bars(self) -> list[Bar]:
        """Return the attempts; what was still going on has ended with the last event."""
        cut = [replace(bar, end_s=self._now_s, status=Status.CANCELLED.value) for bar in self._open.values()]
        return [*self._ended, *cut]


def _planned(key: str, said: Mapping[str, Any], at_s: float) -> Bar:
    needs = said.get("needs")
    prefix = said.get("prefix")
    return Bar(
        key=key,
        label=str(said.get("label", key)),
        kind=str(said.get("kind", "call")),
        status=_OK,
        since_s=at_s,
        start_s=at_s,
        end_s=at_s,
        pool=str(said.get("lane", "")),
        prefix=None if prefix is None else str(prefix),
        needs=tuple(map(str, needs)) if isinstance(needs, list | tuple) else (),
    )


# -- what follows from it


def _lanes(bars: Sequence[Bar]) -> tuple[tuple[Bar, ...], ...]:
    """Give each bar, in the order of their starts, the first lane that is free; there are as many as worked at once."""
    lanes: list[list[Bar]] = []
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    for bar in bars:
        while busy and busy[0][0] <= bar.start_s:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            heapq.heappush(free, len(lanes))
            lanes.append([])
        lane = heapq.heappop(free)
        lanes[lane].append(bar)
        heapq.heappush(busy, (bar.end_s, lane))
    return tuple(map(tuple, lanes))


def _waiting(bars: Iterable[Bar]) -> tuple[tuple[float, int], ...]:
    """Return how many bars waited for their start, from each moment at which that changes."""
    changes: dict[float, int] = {}
    for bar in bars:
        if bar.waited_s > _NO_TIME_S:
            changes[bar.since_s] = changes.get(bar.since_s, 0) + 1
            changes[bar.start_s] = changes.get(bar.start_s, 0) - 1
    steps, now = [], 0
    for at_s in sorted(changes):
        now += changes[at_s]
        steps.append((at_s, now))
    return tuple(steps)


def _critical(bars: Sequence[Bar]) -> list[int]:
    """Return the path that the end of the run hung on, as indexes, first to last.

    It is followed back from the bar that ended last. Each bar hung on what happened last before it could start: the end
    of one that it needs, of an earlier attempt at it, of whoever held what it competed for; or its primer's first word.
    """
    by_end = sorted(range(len(bars)), key=lambda n: (bars[n].end_s, -bars[n].start_s))
    ends = [bars[n].end_s for n in by_end]
    primers = {bar.prefix: number for number, bar in reversed(list(enumerate(bars))) if bar.primes and bar.began_s}
    path: list[int] = []
    at = by_end[-1] if by_end else None
    while at is not None:
        path.append(at)
        later = bars[at]
        before = bisect_right(ends, later.start_s + _NO_TIME_S)
        at = next((n for n in reversed(by_end[:before]) if _held_up(bars[n], later)), None)
        primer = primers.get(later.prefix)
        if primer is not None and _let_in(bars[primer], later, since_s=-1.0 if at is None else bars[at].end_s):
            at = primer
    return path[::-1]


def _held_up(earlier: Bar, later: Bar) -> bool:
    """Could `later` have started sooner, had `earlier` ended sooner?"""
    if earlier.start_s >= later.start_s:
        return False
    return earlier.pool == later.pool or earlier.key == later.key or earlier.key in later.needs


def _let_in(primer: Bar, later: Bar, since_s: float) -> bool:
    """Was the primer's first word, after `since_s`, the last thing that `later` waited for?"""
    began_s = primer.began_s or 0.0
    return primer.start_s < later.start_s and since_s < began_s <= later.start_s + _NO_TIME_S
