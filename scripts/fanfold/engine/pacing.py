"""When the next request of a lane may go: token buckets for requests and tokens a minute."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from fanfold.engine.limits import LaneLimits, RateHeaders, Window

_MINUTE_S = 60.0
# A configured rate may be used in bursts of up to this many seconds' worth.
_BURST_S = 1.0
# A wait ends this much later: two clocks do not tick alike.
_SLACK_S = 0.001
# The tempo: the least time that it is measured over, how much of it may go at once, how often it is looked at, what it
# grows by in a second far below and near to the rate that was refused, where "near" begins, and the least share of it
# that a rejection leaves.
_LEAST_WINDOW_S = 1.0
_TEMPO_BURST_S = 0.1
_TEMPO_LOOK_S = 0.1
_FAST_GROWTH = 2.0
_SLOW_GROWTH = 1.05
_CAREFUL_SHARE = 0.8
_LEAST_SHARE = 0.5
_MOST_KEPT = 2048


@dataclass(slots=True)
class Bucket:
    """A token bucket: `level` at the loop time `at`, refilled by `rate` a second up to `capacity`."""

    rate: float
    capacity: float
    level: float
    at: float

    def level_at(self, now: float) -> float:
        return min(self.capacity, self.level + self.rate * (now - self.at))

    def take(self, amount: float, now: float) -> None:
        self.level, self.at = self.level_at(now) - amount, now

    def wait_s(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` is there; one larger than the bucket goes when the bucket is full."""
        missing = min(amount, self.capacity) - self.level_at(now)
        return 0.0 if missing <= 0 else missing / self.rate + _SLACK_S


@dataclass(slots=True)
class Meter:
    """One measure (requests, or tokens) under a configured rate and the one that the server reported.

    `unreported` is what was sent and that no report counts yet: the server's figure is lowered by it.
    """

    configured: Bucket | None = None
    reported: Bucket | None = None
    unreported: float = 0.0

    @classmethod
    def per_minute(cls, amount: float | None, now: float) -> Meter:
        """Return a meter for a configured `amount` a minute, None for no limit."""
        if amount is None:
            return cls()
        rate = amount / _MINUTE_S
        burst = max(1.0, rate * _BURST_S)
        return cls(configured=Bucket(rate, burst, burst, now))

    def wait_s(self, amount: float, now: float) -> float:
        return max((bucket.wait_s(amount, now) for bucket in self._buckets()), default=0.0)

    def take(self, amount: float, now: float) -> None:
        self.unreported += amount
        for bucket in self._buckets():
            bucket.take(amount, now)

    def counted(self, amount: float) -> None:
        """The next report includes a request that took `amount`."""
        self.unreported -= amount

    def spared(self, amount: float) -> None:
        """A request that took `amount` ended without a report: the server did not count it."""
        self.unreported -= amount
        if self.reported:
            self.reported.level += amount

    def report(self, window: Window | None, now: float) -> None:
        """Take over what the server says is left."""
        if window is None:
            return
        # The limit may be more than a server holds at once: the most that was seen to be left is what it holds.
        most = max(self.reported.capacity if self.reported else 1.0, window.remaining)
        self.reported = Bucket(window.refill_per_s, most, window.remaining - self.unreported, now)

    def _buckets(self) -> list[Bucket]:
        return [bucket for bucket in (self.configured, self.reported) if bucket is not None]


class Tempo:
    """The rate a server was found to take, whatever it says of its limits: learned when it rejects.

    What was sent and not rejected since sending last went on, the pause included, is what it took. From there the rate
    grows fast until it is near the one that was rejected, then slowly, to find out when there is more (after CUBIC, RFC
    9438).
    """

    def __init__(self) -> None:
        self._sent: deque[float] = deque(maxlen=_MOST_KEPT)
        self._rejected = 0
        self._bucket: Bucket | None = None
        self._careful_at = math.inf

    def sent(self, now: float) -> None:
        self._sent.append(now)
        if self._bucket:
            self._bucket.take(1, now)

    def rejected(self) -> None:
        self._rejected += 1

    def learn(self, now: float) -> None:
        """Take the rate from what was admitted; for the moment when sending goes on after a rejection."""
        took_s = max(_LEAST_WINDOW_S, now - self._sent[0]) if self._sent else _LEAST_WINDOW_S
        rate = max(1, len(self._sent) - self._rejected) / took_s
        if self._bucket:
            refused = self._bucket.rate
            self._careful_at = _CAREFUL_SHARE * refused
            rate = min(max(rate, _LEAST_SHARE * refused), _CAREFUL_SHARE * refused)
        self._bucket = Bucket(rate, max(1.0, rate * _TEMPO_BURST_S), 1.0, now)
        self._sent.clear()
        self._rejected = 0

    def wait_s(self, now: float) -> float:
        """Return the seconds until one may go, or until it is time to ask again: the rate grows meanwhile."""
        if self._bucket is None:
            return 0.0
        growth = _FAST_GROWTH if self._bucket.rate < self._careful_at else _SLOW_GROWTH
        rate = self._bucket.rate * growth ** (now - self._bucket.at)
        self._bucket.take(0, now)
        self._bucket.rate = rate
        return min(_TEMPO_LOOK_S, self._bucket.wait_s(1, now))


class Pacer:
    """Paces one lane by requests and by tokens."""

    def __init__(self, limits: LaneLimits, now: float) -> None:
        self._requests = Meter.per_minute(limits.requests_per_minute, now)
        self._tokens = Meter.per_minute(limits.tokens_per_minute, now)
        self._tempo = Tempo()

    def wait_s(self, tokens: int, now: float) -> float:
        """Return the seconds until a request of so many tokens may go."""
        return max(self._tempo.wait_s(now), self._requests.wait_s(1, now), self._tokens.wait_s(tokens, now))

    def sent(self, tokens: int, now: float) -> None:
        self._requests.take(1, now)
        self._tokens.take(tokens, now)
        self._tempo.sent(now)

    def counted(self, tokens: int) -> None:
        """The server has answered the request, so its next report includes it."""
        self._requests.counted(1)
        self._tokens.counted(tokens)

    def spared(self, tokens: int) -> None:
        """The server has rejected or lost the request."""
        self._requests.spared(1)
        self._tokens.spared(tokens)

    def report(self, rate: RateHeaders, now: float) -> None:
        self._requests.report(rate.requests, now)
        self._tokens.report(_tighter(rate.input_tokens, rate.tokens), now)

    def rejected(self) -> None:
        self._tempo.rejected()

    def resume(self, now: float) -> None:
        """Sending goes on after a pause, at the tempo that the server was found to take."""
        self._tempo.learn(now)


def _tighter(one: Window | None, other: Window | None) -> Window | None:
    """Return the window that has less left."""
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda window: window.remaining)
