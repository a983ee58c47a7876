"""What the units of a run share: lanes, budget, primers, stragglers, the event log."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import Any

from fanfold.engine.budget import Budget
from fanfold.engine.hedge import HedgePolicy, Stragglers
from fanfold.engine.lanes import Lanes
from fanfold.engine.ports import Events
from fanfold.engine.priming import Primers
from fanfold.models import Unit

# So many successes of a kind tell how long the quickest takes.
_ENOUGH_SEEN = 5


@dataclass(slots=True)
class Machinery:
    """The shared parts of one run; `attempts` and `hedges` count what was sent, `abandoned` who would not end."""

    lanes: Lanes
    budget: Budget | None
    primers: Primers
    hedge: HedgePolicy | None
    events: Events | None
    grace_s: float
    attempts: int = 0
    hedges: int = 0
    abandoned: set[asyncio.Task[Any]] = field(default_factory=set)
    stragglers: dict[str, Stragglers] = field(default_factory=dict)
    quickest_s: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    def emit(self, name: str, unit: str | None = None, /, **attributes: Any) -> None:
        if self.events is not None:
            self.events.emit(name, unit, **attributes)

    def stragglers_of(self, lane: str) -> Stragglers | None:
        """Return who watches the attempts of `lane`, None without hedging."""
        if self.hedge is None:
            return None
        if lane not in self.stragglers:
            self.stragglers[lane] = Stragglers(self.hedge, lambda: self._leave_to_hedge(lane))
        return self.stragglers[lane]

    def abandon(self, task: asyncio.Task[Any]) -> None:
        """Give up on a task that ignores its cancellation; what it still raises is nobody's business."""
        self.abandoned.add(task)
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[Any]) -> None:
        self.abandoned.discard(task)
        if not task.cancelled():
            task.exception()

    def note_duration(self, unit: Unit[Any], seconds: float) -> None:
        """Remember the quickest success of the unit's lane and kind."""
        seen, least = self.quickest_s.get((unit.lane, unit.kind), (0, math.inf))
        self.quickest_s[unit.lane, unit.kind] = (seen + 1, min(least, seconds))

    def least_s(self, unit: Unit[Any]) -> float:
        """Return what the quickest such unit took, in seconds; 0 until a few are known."""
        seen, least = self.quickest_s.get((unit.lane, unit.kind), (0, 0.0))
        return least if seen >= _ENOUGH_SEEN else 0.0

    def _leave_to_hedge(self, lane: str) -> bool:
        """Tell whether one more hedge may go, and count it if so."""
        if self.hedge is None or not self.hedge.affords(self.attempts, self.hedges) or not self.lanes[lane].calm():
            return False
        self.hedges += 1
        return True
