"""What limits a lane, and what a server says about its limits."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_HEADER = re.compile(r"ratelimit-(requests|tokens|input-tokens|output-tokens)-(limit|remaining|reset)$", re.IGNORECASE)

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """The limits of one lane: a model's bucket, the processes, the disk.

    `limit` is the most slots (None: as many as the run has jobs) and `start` how many it begins with; None
    is 64 at most, and slow start finds the rest. `requests_per_minute` and
    `tokens_per_minute` pace what is sent, beside what the server's headers say. `cooldown_s` is the least
    time between two cuts. The three limits of an attempt are in seconds and None is none:
    `attempt_timeout_s` bounds all of it, `first_event_s` the wait for the first event of its answer,
    `silence_s` the wait between two; an attempt that breaks one counts as a lost connection.
    """

    limit: int | None = None
    start: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    cooldown_s: float = 2.0
    attempt_timeout_s: float | None = None
    first_event_s: float | None = None
    silence_s: float | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be above 0 and finite, or None; it is {value!r}")


@dataclass(frozen=True, slots=True)
class Window:
    """One rate limit as the server reports it: `remaining` of `limit`, and all of it in `reset_s` (None: unsaid)."""

    limit: float
    remaining: float
    reset_s: float | None = None

    @property
    def refill_per_s(self) -> float:
        """What comes back a second: a limit is for a minute, or for as long as its reset says if that is less."""
        missing = self.limit - self.remaining
        return max(self.limit / _MINUTE_S, missing / self.reset_s if self.reset_s else 0.0)


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """The rate limits that came with an answer; None where the server said nothing."""

    requests: Window | None = None
    tokens: Window | None = None
    input_tokens: Window | None = None
    output_tokens: Window | None = None

    @classmethod
    def parse(cls, headers: Mapping[str, str], now: datetime | None = None) -> RateHeaders | None:
        """Read `…ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`.

        A reset is a number of seconds or a moment (RFC 3339), seen from `now`: by default what the server's own
        clock says in `date`, or else this machine's. Returns None when no header can be used; one that can't be
        understood is as good as absent.
        """
        said: dict[str, dict[str, str]] = {}
        for name, value in headers.items():
            if found := _HEADER.search(name):
                said.setdefault(found[1].lower().replace("-", "_"), {})[found[2].lower()] = value
            elif name.lower() == "date":
                now = now or _moment(value)
        windows = {name: _window(parts, now or datetime.now(UTC)) for name, parts in said.items()}
        return cls(**windows) if any(windows.values()) else None


def _window(parts: Mapping[str, str], now: datetime) -> Window | None:
    limit, remaining = _number(parts.get("limit")), _number(parts.get("remaining"))
    if limit is None or remaining is None or limit <= 0:
        return None
    return Window(limit, min(remaining, limit), _seconds_until(parts.get("reset"), now))


def _moment(text: str) -> datetime | None:
    """Read an HTTP date."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _seconds_until(text: str | None, now: datetime) -> float | None:
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
