"""Hedged requests: a second attempt beside one whose answer is late to begin.

After Dean and Barroso, "The Tail at Scale" (2013): only stragglers, only before the first event, and within
a share of all requests. Lateness is measured against the attempts of the same lane that have begun, those
still waiting counted as slower (Kaplan and Meier, 1958): without that the first to answer would make all
others look late.
"""

from __future__ import annotations

import asyncio
import bisect
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SAMPLES = 256


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """When a second attempt goes out.

    An attempt is late when it has waited `factor` times the time to the first event that `quantile` of its
    lane stays under; that is known from `least_samples` first events on, and until then it is `initial_s`
    seconds (None: nothing is late yet). At most `share` of all attempts are hedges, though one may always
    be. Lateness is looked at every `tick_s` seconds. Workers that never say `began` are hedged only under
    `initial_s`.
    """

    quantile: float = 0.9
    factor: float = 1.5
    least_samples: int = 10
    initial_s: float | None = None
    share: float = 0.05
    tick_s: float = 0.05

    def late_after_s(self, seen: Sequence[float], waiting: Sequence[float]) -> float | None:
        """Return the wait in seconds from which an attempt is late, None when nothing is.

        `seen` are times to the first event, sorted; `waiting` is how long the others have waited, longest
        first.
        """
        if len(seen) < self.least_samples:
            return self.initial_s
        for index in range(max(0, math.ceil(self.quantile * len(seen)) - 1), len(seen)):
            slower = bisect.bisect_right(waiting, -seen[index], key=lambda waited: -waited)
            if index + 1 >= self.quantile * (len(seen) + slower):
                return self.factor * seen[index]
        return None

    def affords(self, attempts: int, hedges: int) -> bool:
        """Tell whether one more hedge stays within the share of all attempts, itself included."""
        return hedges + 1 <= max(1.0, self.share * (attempts + 1))


class Stragglers:
    """The attempts of one lane whose answers have not begun, and how long the others took to begin."""

    def __init__(self, policy: HedgePolicy, allowed: Callable[[], bool]) -> None:
        self._policy = policy
        self._allowed = allowed
        self._seen: deque[float] = deque(maxlen=_SAMPLES)
        self._waiting: dict[asyncio.Future[None], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> asyncio.Future[None]:
        """Watch an attempt that starts now; the future gets its result when the attempt is to be hedged."""
        loop = asyncio.get_running_loop()
        late: asyncio.Future[None] = loop.create_future()
        self._waiting[late] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._policy.tick_s, self._look)
        return late

    def began(self, late: asyncio.Future[None]) -> None:
        """The answer of a watched attempt begins."""
        started = self._waiting.get(late)
        if started is not None:
            self._seen.append(asyncio.get_running_loop().time() - started)
        self.forget(late)

    def forget(self, late: asyncio.Future[None]) -> None:
        """Stop watching an attempt."""
        self._waiting.pop(late, None)
        if not self._waiting and self._timer:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._policy.tick_s, self._look)
        now = loop.time()
        late_s = self._policy.late_after_s(sorted(self._seen), [now - at for at in self._waiting.values()])
        if late_s is None:
            return
        for late, started in self._waiting.items():
            if now - started < late_s:
                return
            if not late.done() and self._allowed():
                late.set_result(None)
