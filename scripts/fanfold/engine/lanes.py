"""Slots: who may send now, lane by lane, under the limiter, the gate and the pacer of each."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fanfold.engine.limiter import Limiter
from fanfold.engine.limits import LaneLimits, RateHeaders
from fanfold.engine.pacing import Pacer
from fanfold.engine.ports import Tell
from fanfold.models import Unit

# Whoever was rejected together must not come back together: the gate opens up to this share of the pause later.
_JITTER_SHARE = 0.1
# The pause when the server names none: from the first burst of rejections to the most, doubling.
_LEAST_PAUSE_S = 1.0
_MOST_PAUSE_S = 60.0
# Rejections come at once: a request that has lived so long was let in, however long its answer takes.
_LET_IN_S = 0.5
EARLY = 0
NORMAL = 1


@dataclass(slots=True, eq=False)
class Slot:
    """The leave to send one request: `weight` slots of `lane`, and `tokens` of what its pacer counts."""

    lane: Lane
    weight: int
    tokens: int
    sent_at: float
    reported: bool = False
    let_in: bool = False


@dataclass(slots=True)
class _Waiter:
    unit: Unit[Any]
    place: asyncio.Future[Slot | None]


# Urgency, then the longest first, then the largest, then the order of coming; the last number keeps waiters apart.
_Entry: TypeAlias = tuple[int, float, int, int, int, _Waiter]


class Lane:
    """What one resource allows now, and who waits for it, first in line first."""

    def __init__(self, name: str, limits: LaneLimits, jobs: int, now: float) -> None:
        self.name = name
        self.limits = limits
        self.limiter = Limiter.starting(min(jobs, limits.limit or jobs), limits.start, limits.cooldown_s)
        self.pacer = Pacer(limits, now)
        self.in_use = 0
        self.gate_until = -math.inf
        self.paused = False
        self.bursts = 0
        self.queue: list[_Entry] = []
        self.unproven: deque[Slot] = deque()
        self.timer: asyncio.TimerHandle | None = None
        self.proof: asyncio.TimerHandle | None = None

    def weight_of(self, unit: Unit[Any]) -> int:
        """Return the slots that `unit` takes: never more than there are, so that a heavy unit can go alone."""
        return min(unit.weight, self.limiter.limit)

    def head(self) -> _Entry | None:
        """Return the first that still waits."""
        while self.queue and self.queue[0][-1].place.done():
            heapq.heappop(self.queue)
        return self.queue[0] if self.queue else None

    def has_room(self, unit: Unit[Any]) -> bool:
        return self.in_use + self.weight_of(unit) <= self.limiter.limit

    def opens_at(self, tokens: int, now: float) -> float:
        """Return when gate and pacer let a request of so many tokens go."""
        return max(self.gate_until, now + self.pacer.wait_s(tokens, now))

    def take(self, unit: Unit[Any], now: float) -> Slot:
        slot = Slot(self, self.weight_of(unit), max(0, unit.tokens), now)
        self.in_use += slot.weight
        self.pacer.sent(slot.tokens, now)
        return slot

    def give_back(self, slot: Slot) -> None:
        self.in_use -= slot.weight
        if slot.weight and not slot.reported:
            self.pacer.spared(slot.tokens)

    def send_again(self, slot: Slot, tokens: int, now: float) -> None:
        """Count a further request of a slot."""
        slot.tokens, slot.reported = max(0, tokens), False
        self.pacer.sent(slot.tokens, now)

    def report(self, slot: Slot, rate: RateHeaders, now: float) -> None:
        """The server, answering the request of this slot, says what is left."""
        if slot.weight and not slot.reported:
            self.pacer.counted(slot.tokens)
        slot.reported = True
        self.pacer.report(rate, now)

    def pause(self, seconds: float, now: float) -> bool:
        """Close the gate for `seconds`; tells whether that is later than it was to open."""
        later = now + seconds > self.gate_until
        if later:
            self.gate_until, self.paused = now + seconds, True
        return later

    def pause_s(self, now: float) -> float:
        """Return how long to pause when the server named no time: twice as long after each burst without a success."""
        if now < self.gate_until:
            return 0.0
        self.bursts += 1
        return min(_MOST_PAUSE_S, _LEAST_PAUSE_S * 2.0 ** min(self.bursts - 1, 30))

    def resume(self, now: float) -> bool:
        """Open the gate if its time has come; tells whether it was closed."""
        opened = self.paused and now >= self.gate_until
        if opened:
            self.paused = False
            self.pacer.resume(now)
        return opened

    def calm(self) -> bool:
        """Tell whether nothing was rejected of late."""
        now = asyncio.get_running_loop().time()
        return now >= self.gate_until and not self.limiter.cutting(now)


class Lanes:
    """All lanes of a run, and the most units in flight over all of them.

    A unit that waits is in the heap of its lane; whatever changes (a slot comes back, a limit grows, a gate opens)
    calls `pump`, which hands out what is free to the first in line. A step costs O(log n) in those waiting.
    """

    def __init__(self, jobs: int, limits: Mapping[str, LaneLimits], rng: random.Random, tell: Tell) -> None:
        self.jobs = jobs
        self.in_flight = 0
        self.last_moment = math.inf
        self._limits = limits
        self._rng = rng
        self._tell = tell
        self._lanes: dict[str, Lane] = {}
        self._ties = itertools.count()

    def __getitem__(self, name: str) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            family = f"{name.partition(':')[0]}:*"
            limits = self._limits.get(name) or self._limits.get(family) or LaneLimits()
            lane = self._lanes[name] = Lane(name, limits, self.jobs, asyncio.get_running_loop().time())
        return lane

    async def slot(self, unit: Unit[Any], order: int, urgency: int = NORMAL) -> Slot | None:
        """Wait for leave to send `unit`; None when its lane stays closed until the run's deadline.

        Among those of a lane the lower `urgency` goes first, then the longest, then the lower `order`. A unit of weight
        0 takes no slot and goes at once: it is one that has others do the work.
        """
        loop = asyncio.get_running_loop()
        lane = self[unit.lane]
        if unit.weight <= 0:
            return Slot(lane, 0, 0, loop.time(), let_in=True)
        place: asyncio.Future[Slot | None] = loop.create_future()
        expected_s = math.inf if unit.expected_s is None or math.isnan(unit.expected_s) else unit.expected_s
        entry = (urgency, -expected_s, -unit.tokens, order, next(self._ties), _Waiter(unit, place))
        heapq.heappush(lane.queue, entry)
        self.pump()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and (granted := place.result()):
                self.release(granted)
            raise

    def release(self, slot: Slot) -> None:
        slot.let_in = True
        slot.lane.give_back(slot)
        self.in_flight -= slot.weight > 0
        self.pump()

    def again(self, slot: Slot, tokens: int) -> float:
        """Send one more request by a slot that is held; returns the seconds to wait before asking again, 0 when sent.

        Infinite when the lane stays closed until the run's deadline. Whoever holds a slot goes before those that wait
        for one: what was begun is ended first.
        """
        if slot.weight <= 0:
            return 0.0
        lane, now = slot.lane, asyncio.get_running_loop().time()
        if not slot.reported:
            # The request before this one has ended, and the server said nothing of its limits: it did not count.
            lane.pacer.spared(slot.tokens)
            slot.reported = True
        if lane.resume(now):
            self._tell("lane.resumed", lane=lane.name)
        opens_at = lane.opens_at(tokens, now)
        if opens_at > now:
            return math.inf if opens_at >= self.last_moment else opens_at - now
        lane.send_again(slot, tokens, now)
        return 0.0

    # -- what the server does

    def let_in(self, slot: Slot) -> None:
        """A request was served, or not rejected in time: once for each."""
        if slot.let_in:
            return
        slot.let_in = True
        lane = slot.lane
        lane.bursts = 0
        self._limit(lane, lane.limiter.succeeded(asyncio.get_running_loop().time(), lane.in_use))

    def overloaded(self, slot: Slot) -> None:
        """The server failed for reasons of its own."""
        slot.let_in = True
        self._limit(slot.lane, slot.lane.limiter.overloaded(asyncio.get_running_loop().time()))

    def rate_limited(self, slot: Slot, retry_after_s: float | None) -> None:
        """A request was rejected: everybody in the lane waits, as long as the server says; fewer go after that."""
        now = asyncio.get_running_loop().time()
        slot.let_in = True
        lane = slot.lane
        lane.pacer.rejected()
        self._limit(lane, lane.limiter.rate_limited(now, lane.in_use))
        wait_s = lane.pause_s(now) if retry_after_s is None else retry_after_s
        if lane.pause(wait_s * self._rng.uniform(1, 1 + _JITTER_SHARE), now):
            self._tell("lane.paused", lane=lane.name, wait_s=round(lane.gate_until - now, 3))
        if lane.gate_until >= self.last_moment:
            self._close(lane)

    def reported(self, slot: Slot, rate: RateHeaders) -> None:
        slot.lane.report(slot, rate, asyncio.get_running_loop().time())
        self.pump()

    # -- handing out

    def pump(self) -> None:
        """Hand out what is free, to the first in line over all lanes that may go."""
        now = asyncio.get_running_loop().time()
        while self.in_flight < self.jobs:
            ready = [entry for lane in self._lanes.values() if (entry := self._ready(lane, now))]
            if not ready:
                return
            waiter = min(ready)[-1]
            lane = self._lanes[waiter.unit.lane]
            heapq.heappop(lane.queue)
            self.in_flight += 1
            slot = lane.take(waiter.unit, now)
            self._prove(slot)
            waiter.place.set_result(slot)

    def _ready(self, lane: Lane, now: float) -> _Entry | None:
        """Return the head of `lane` if it may go now; if only time is in its way, come back then."""
        entry = lane.head()
        if entry is None or not lane.has_room(entry[-1].unit):
            return None
        if lane.resume(now):
            self._tell("lane.resumed", lane=lane.name)
        opens_at = lane.opens_at(entry[-1].unit.tokens, now)
        if opens_at <= now:
            return entry
        if opens_at >= self.last_moment:
            self._close(lane)
        else:
            self._come_back(lane, opens_at)
        return None

    def _come_back(self, lane: Lane, moment: float) -> None:
        if lane.timer:
            if lane.timer.when() <= moment:
                return
            lane.timer.cancel()
        lane.timer = asyncio.get_running_loop().call_at(moment, self._reopen, lane)

    def _reopen(self, lane: Lane) -> None:
        lane.timer = None
        self.pump()

    def _close(self, lane: Lane) -> None:
        """Send everybody away who waits for a lane that opens too late."""
        queue, lane.queue = lane.queue, []
        for *_, waiter in queue:
            if not waiter.place.done():
                waiter.place.set_result(None)

    # -- the limit

    def _limit(self, lane: Lane, limiter: Limiter) -> None:
        changed = limiter.limit != lane.limiter.limit
        lane.limiter = limiter
        if changed:
            self._tell("lane.limit", lane=lane.name, limit=limiter.limit)
            self.pump()

    def _prove(self, slot: Slot) -> None:
        """While the limit can still grow, see that the request counts as let in once it has lived long enough."""
        lane = slot.lane
        if lane.limiter.limit >= lane.limiter.most:
            return
        lane.unproven.append(slot)
        if lane.proof is None:
            lane.proof = asyncio.get_running_loop().call_later(_LET_IN_S, self._proven, lane)

    def _proven(self, lane: Lane) -> None:
        loop = asyncio.get_running_loop()
        lane.proof = None
        while lane.unproven and (slot := lane.unproven[0]).sent_at + _LET_IN_S <= loop.time():
            lane.unproven.popleft()
            self.let_in(slot)
        if lane.unproven:
            lane.proof = loop.call_at(lane.unproven[0].sent_at + _LET_IN_S, self._proven, lane)
