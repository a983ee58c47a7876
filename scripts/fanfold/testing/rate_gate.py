"""Token buckets for requests, input and output tokens, per model, and the headers that tell of them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from fanfold.testing.options import RateLimits

Headers = list[tuple[str, str]]

_MINUTE_S = 60.0
_ROUNDING = 1e-6


class Bucket:
    """A token bucket on a clock that the caller holds, in seconds; it may go into debt, which is refilled first."""

    def __init__(self, per_minute: float, burst_s: float, now_s: float) -> None:
        self._per_s = per_minute / _MINUTE_S
        self.size = max(1.0, self._per_s * burst_s)
        self._level = self.size
        self._at_s = now_s

    def level(self, now_s: float) -> float:
        return min(self.size, self._level + (now_s - self._at_s) * self._per_s)

    def take(self, amount: float, now_s: float) -> None:
        self._level = self.level(now_s) - amount
        self._at_s = now_s

    def wait_s(self, amount: float, now_s: float) -> float:
        """Seconds until `amount` can be taken; more than the bucket holds can be when it is full."""
        missing = min(amount, self.size) - self.level(now_s)
        # Who waits exactly this long must not be turned away by rounding.
        return missing / self._per_s if missing > _ROUNDING else 0.0

    def full_in_s(self, now_s: float) -> float:
        return (self.size - self.level(now_s)) / self._per_s


class RateGate:
    """The buckets of one model."""

    def __init__(self, limits: RateLimits, now_s: float) -> None:
        wanted = {
            "requests": limits.requests_per_minute,
            "input-tokens": limits.input_tokens_per_minute,
            "output-tokens": limits.output_tokens_per_minute,
        }
        self._buckets = {
            name: Bucket(per_minute, limits.burst_s, now_s) for name, per_minute in wanted.items() if per_minute
        }

    def admit(self, input_tokens: int, now_s: float) -> float | None:
        """Let a request in, or return the seconds after which it may come again."""
        amounts = {"requests": 1.0, "input-tokens": float(input_tokens), "output-tokens": 1.0}
        waits_s = [bucket.wait_s(amounts[name], now_s) for name, bucket in self._buckets.items()]
        if any(waits_s):
            return max(waits_s)
        self._take("requests", 1, now_s)
        self._take("input-tokens", input_tokens, now_s)
        return None

    def spend_output(self, tokens: int, now_s: float) -> None:
        """Count output as it is sent."""
        self._take("output-tokens", tokens, now_s)

    def headers(self, now_s: float, wall: datetime) -> Headers:
        """Return the `anthropic-ratelimit-*` headers; `wall` is now.

        The limit is what a bucket holds, the reset the moment when it is full again, in whole seconds as
        the API gives them. "tokens" repeats the scarcer of input and output.
        """
        shown = dict(self._buckets)
        tokens = [shown[name] for name in ("input-tokens", "output-tokens") if name in shown]
        if tokens:
            shown["tokens"] = min(tokens, key=lambda bucket: bucket.level(now_s) / bucket.size)
        return [header for name, bucket in shown.items() for header in _headers(name, bucket, now_s, wall)]

    def _take(self, name: str, amount: float, now_s: float) -> None:
        if name in self._buckets:
            self._buckets[name].take(amount, now_s)


def _headers(name: str, bucket: Bucket, now_s: float, wall: datetime) -> Headers:
    remaining = max(0, math.floor(bucket.level(now_s) + _ROUNDING))
    # Rounded up: who waits until the reset finds the bucket full.
    reset = wall.astimezone(UTC) + timedelta(seconds=bucket.full_in_s(now_s) + 1 - _ROUNDING)
    return [
        (f"anthropic-ratelimit-{name}-limit", f"{bucket.size:.15g}"),
        (f"anthropic-ratelimit-{name}-remaining", str(remaining)),
        (f"anthropic-ratelimit-{name}-reset", reset.strftime("%Y-%m-%dT%H:%M:%SZ")),
    ]
