"""When the units of a run began and ended, and the least time in which they could have been done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fanfold.models import Outcome
from fanfold.runners.schedule import bound_s

Span: TypeAlias = tuple[float, float]
"""From when to when, in seconds since the run began."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Those of one suite: `first` collects, before which nothing else of it can begin; None when it did not run."""

    first: Span | None = None
    others: tuple[Span, ...] = ()

    @property
    def all(self) -> tuple[Span, ...]:
        """Every span of it."""
        return self.others if self.first is None else (self.first, *self.others)


def spans_of(outcomes: Sequence[Outcome[Any]], kinds: Mapping[str, str], first: str) -> Spans:
    """Return the spans of a suite's units, whose `kinds` are given by key; `first` is the key of the one before all."""
    ran = {one.key: (one.started_s, one.ended_s) for one in outcomes if one.key in kinds and one.ended_s}
    return Spans(ran.get(first), tuple(span for key, span in ran.items() if key != first))


def least_s(suites: Sequence[Spans], workers: int) -> float | None:
    """Return the least wall time in which so many workers could have run all units; None when nothing ran.

    Every unit weighs its own measured wall time: collecting, shards, reruns. No schedule is shorter than all of it
    shared evenly, where workers that are more than there are suites have nothing to do before the first has collected;
    and none is shorter than one suite's collecting and, after that, the least that the rest of it takes.
    """
    ran = [suite for suite in suites if suite.all]
    if not ran:
        return None
    waits = min(_length(suite.first) for suite in ran) * max(0, workers - len(ran))
    work = sum(_length(span) for suite in ran for span in suite.all)
    chains = (_length(suite.first) + bound_s(map(_length, suite.others), workers) for suite in ran)
    return max((work + waits) / workers, *chains)


def wall_s(suites: Sequence[Spans]) -> float:
    """Return the time from the start of the first unit to the end of the last one."""
    spans = [span for suite in suites for span in suite.all]
    return max((end for _, end in spans), default=0.0) - min((start for start, _ in spans), default=0.0)


def _length(span: Span | None) -> float:
    return span[1] - span[0] if span else 0.0
