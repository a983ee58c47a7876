"""How many slots a lane has right now: additive increase, multiplicative decrease, as pure transitions.

After Chiu and Jain (1989) and TCP's slow start and congestion avoidance (RFC 5681), with three changes that
a rate-limited server asks for: growth needs the present limit to be in use, a burst of rejections counts
once, and the limit that was rejected is remembered and approached with care.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

BUSY_SHARE = 0.8
CUT_TO = 0.8
# Rounds without a rejection at the remembered ceiling before one slot above it is tried.
PROBE_ROUNDS = 10
# So many slots need no slow start.
USUAL_START = 64


@dataclass(frozen=True, slots=True)
class Limiter:
    """The limit and what led to it; all times are loop times in seconds, and each method returns the next state.

    `credit` counts successes towards the next slot. In slow start each success is worth one, which doubles
    the limit every round; after the first cut it takes a round of successes, and at the `ceiling` ten
    rounds.
    """

    limit: int
    most: int
    cooldown_s: float = 2.0
    slow_start: bool = True
    ceiling: int | None = None
    credit: int = 0
    cut_at: float = -math.inf
    hold_until: float = -math.inf

    @classmethod
    def starting(cls, most: int, start: int | None, cooldown_s: float) -> Limiter:
        """Return the first state: `start` of `most` slots, by default 64 at most."""
        return cls(limit=min(most, start or USUAL_START), most=most, cooldown_s=cooldown_s)

    def cutting(self, now: float) -> bool:
        """Tell whether a cut is too recent for another one, or for anything that adds load."""
        return now - self.cut_at < self.cooldown_s

    def succeeded(self, now: float, in_use: int) -> Limiter:
        """A request was served while `in_use` slots were taken, its own included."""
        if self.limit >= self.most or in_use < BUSY_SHARE * self.limit or now < self.hold_until or self.cutting(now):
            return self
        credit = self.credit + 1
        if credit < self._price():
            return replace(self, credit=credit)
        limit = self.limit + 1
        ceiling = self.ceiling if self.ceiling is None else max(self.ceiling, limit)
        return replace(self, limit=limit, ceiling=ceiling, credit=0)

    def rate_limited(self, now: float, in_use: int) -> Limiter:
        """A request was rejected as one too many: cut once a cooldown, and remember what was too much."""
        if self.cutting(now):
            return self
        return replace(
            self,
            limit=max(1, math.floor(self.limit * CUT_TO)),
            ceiling=max(1, min(self.limit, in_use)),
            slow_start=False,
            credit=0,
            cut_at=now,
        )

    def overloaded(self, now: float) -> Limiter:
        """The server failed for reasons of its own: no cut, but no growth for a cooldown either."""
        return replace(self, hold_until=now + self.cooldown_s, credit=0)

    def _price(self) -> int:
        """Return how many successes the next slot costs."""
        if self.slow_start:
            return 1
        at_ceiling = self.ceiling is not None and self.limit >= self.ceiling
        return self.limit * (PROBE_ROUNDS if at_ceiling else 1)
