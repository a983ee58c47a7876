"""What a run amounts to: folds over its events, one event at a time.

    fold = RunFold()
    log = EventLog(path, listeners=[fold.see])
    ...
    fold.coverage, fold.usage, fold.timing, fold.units

The functions at the end do the same for events that are there already, live or read back from a file. Folding one part
of a run and then the rest gives what folding the whole gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, cast

from fanfold.engine.events import Event, usage_of
from fanfold.engine.tallies import LaneUse, Tally, UnitState, longest_chain_s
from fanfold.models import Coverage, Outcome, Status, Timing, UnitRecord, Usage


class RunFold:
    """Folds the events of a run as they come; give `see` to an EventLog as a listener.

    A key that is planned again while it is open, or after its end, is a further unit. With `keep_units` off a unit is
    forgotten when it ends, and memory stays flat however many there are: `units` are then only those that are open, and
    the critical path is the longest of all units, whatever they need.
    """

    def __init__(self, *, keep_units: bool = True) -> None:
        self.lanes: dict[str, LaneUse] = {}
        self.queueing_s = 0.0
        self._keep = keep_units
        self._units: dict[int, UnitState] = {}
        self._open: dict[str, dict[int, UnitState]] = {}
        self._ended: list[UnitState] = []
        self._numbers = 0
        self._tally = Tally()
        self._usage = Usage()
        self._worker_s = 0.0
        self._longest_s = 0.0
        self._started_s: float | None = None
        self._ended_s: float | None = None
        self._now_s = 0.0
        self._hear: Mapping[str, Callable[[Event], None]] = {
            "run.started": self._run_started,
            "run.ended": self._run_ended,
            "unit.planned": self._unit_planned,
            "unit.ended": self._unit_ended,
            "attempt.started": self._attempt_started,
            "attempt.began": self._attempt_began,
            "attempt.ended": self._attempt_ended,
            "lane.limit": self._lane_limit,
            "lane.paused": self._lane_paused,
        }

    def see(self, event: Event) -> None:
        """Take one event in; they come in the order in which they happened."""
        self._now_s = max(self._now_s, event.at_s)
        if hear := self._hear.get(event.name):
            hear(event)

    # -- results, at any time

    @property
    def units(self) -> tuple[UnitRecord, ...]:
        """The units in the order in which they were planned, as they ended or would end now."""
        return tuple(unit.record(self._now_s) for unit in self._units.values())

    @property
    def coverage(self) -> Coverage:
        return self._tally.coverage(self._still_open())

    @property
    def usage(self) -> Usage:
        """All that was used; every attempt counts, those that failed and those that were hedges too."""
        return sum((unit.total_usage() for unit in self._still_open()), self._usage)

    @property
    def timing(self) -> Timing:
        running = chain.from_iterable(unit.running.values() for unit in self._still_open())
        worker_s = self._worker_s + sum(self._now_s - started_s for started_s in running)
        wall_s = (self._now_s if self._ended_s is None else self._ended_s) - (self._started_s or 0.0)
        return Timing(
            wall_s=wall_s,
            worker_s=worker_s,
            speedup=worker_s / wall_s if wall_s > 0 else 0.0,
            critical_path_s=longest_chain_s(self._ended) if self._keep else self._longest_s,
        )

    @property
    def error_rates(self) -> dict[str, float]:
        """The share of attempts that ended in each error, by class or HTTP status."""
        attempts = sum(lane.attempts for lane in self.lanes.values())
        return {name: count / attempts for name, count in self.usage.errors.items()} if attempts else {}

    def _still_open(self) -> list[UnitState]:
        return [unit for same in self._open.values() for unit in same.values()]

    # -- events

    def _run_started(self, event: Event) -> None:
        if self._started_s is None:
            self._started_s = event.at_s

    def _run_ended(self, event: Event) -> None:
        self._ended_s = event.at_s

    def _unit_planned(self, event: Event) -> None:
        said = event.attributes
        self._plan(
            UnitState(
                key=str(event.unit),
                queued_s=event.at_s,
                label=str(said.get("label", event.unit)),
                kind=str(said.get("kind", "call")),
                lane=str(said.get("lane", "default")),
                needs=_texts(said.get("needs")),
                prefix=cast("str | None", said.get("prefix")),
            )
        )

    def _plan(self, unit: UnitState) -> UnitState:
        self._numbers += 1
        self._units[self._numbers] = unit
        self._open.setdefault(unit.key, {})[self._numbers] = unit
        return unit

    def _unit_ended(self, event: Event) -> None:
        said = event.attributes
        attempts = said.get("attempts", 0)
        number, unit = self._unit_of(event, lambda unit: unit.attempts == attempts)
        unit.status = Status(str(said["status"]))
        unit.error = cast("str | None", said.get("error"))
        unit.attempts = cast("int", attempts)
        unit.reused = bool(said.get("reused"))
        unit.split = bool(said.get("split_into"))
        unit.ended_s = event.at_s
        usage = usage_of(said)
        unit.usage = unit.total_usage() if usage is None else usage
        self._close(number, unit)

    def _close(self, number: int, unit: UnitState) -> None:
        """Count a unit that has ended."""
        same = self._open[unit.key]
        del same[number]
        if not same:
            del self._open[unit.key]
        if self._keep:
            self._ended.append(unit)
        else:
            del self._units[number]
        self._usage += unit.usage
        self._longest_s = max(self._longest_s, unit.took_s)
        if not unit.split:
            self._tally.add(unit.label, *unit.ending(), reused=unit.reused)

    def _attempt_started(self, event: Event) -> None:
        which = _attempt(event)
        _, unit = self._unit_of(event, lambda unit: which not in unit.running)
        unit.attempts += 1
        unit.hedges += which[1]
        unit.running[which] = event.at_s
        if unit.started_s is None:
            unit.started_s = event.at_s
            self.queueing_s += event.at_s - unit.queued_s
        self._lane(unit.lane).started()

    def _attempt_began(self, event: Event) -> None:
        which = _attempt(event)
        _, unit = self._unit_of(event, lambda unit: which in unit.running)
        if unit.began_s is None:
            unit.began_s = event.at_s

    def _attempt_ended(self, event: Event) -> None:
        which = _attempt(event)
        _, unit = self._unit_of(event, lambda unit: which in unit.running)
        seconds = event.at_s - unit.running.pop(which, event.at_s)
        self._worker_s += seconds
        self._lane(unit.lane).ended(seconds)
        unit.usage += usage_of(event.attributes) or Usage()

    def _lane_limit(self, event: Event) -> None:
        self._lane(event.attributes["lane"]).limited(cast("int", event.attributes["limit"]))

    def _lane_paused(self, event: Event) -> None:
        self._lane(event.attributes["lane"]).paused(event.at_s, cast("float", event.attributes["wait_s"]))

    def _lane(self, name: object) -> LaneUse:
        return self.lanes.setdefault(str(name), LaneUse())

    def _unit_of(self, event: Event, likely: Callable[[UnitState], bool]) -> tuple[int, UnitState]:
        """Return the open unit that an event is about: of several with the same key the first that is `likely`."""
        key = str(event.unit)
        if key not in self._open:
            self._plan(UnitState(key=key, queued_s=event.at_s, label=key))
        same = self._open[key]
        return next(((number, unit) for number, unit in same.items() if likely(unit)), next(iter(same.items())))


def _attempt(event: Event) -> tuple[Any, bool]:
    return event.attributes.get("number"), bool(event.attributes.get("hedge"))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(part) for part in value) if isinstance(value, list | tuple) else ()


# -- all at once


def fold(events: Iterable[Event]) -> RunFold:
    """Fold events that are there already."""
    run = RunFold()
    for event in events:
        run.see(event)
    return run


def unit_records(events: Iterable[Event]) -> tuple[UnitRecord, ...]:
    """Return the units in the order in which they were planned."""
    return fold(events).units


def usage(events: Iterable[Event]) -> Usage:
    """Return all that was used, by every attempt."""
    return fold(events).usage


def timing(events: Iterable[Event]) -> Timing:
    """Return wall, worker seconds, speed-up and critical path."""
    return fold(events).timing


def error_rates(events: Iterable[Event]) -> dict[str, float]:
    """Return the share of attempts that ended in each error, by class or HTTP status."""
    return fold(events).error_rates


def status_of(covered: Coverage) -> str:
    """Return the status of a run by what was covered."""
    return "complete" if covered.complete else "partial" if covered.ok else "failed"


def coverage(seen: Iterable[Event] | Iterable[Outcome[Any]] | Iterable[UnitRecord]) -> Coverage:
    """Return planned against done, from events, outcomes or the units of a run."""
    run, tally = RunFold(), Tally()
    for one in seen:
        if isinstance(one, Event):
            run.see(one)
        elif not (isinstance(one, Outcome) and one.split_into):
            tally.add(one.label, one.status, one.error, reused=one.reused)
    counted, folded = tally.coverage(), run.coverage
    return counted if counted.planned else folded
