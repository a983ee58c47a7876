"""What a stand-in server is told about its speed, its limits and its faults."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from fanfold.models import Frozen


class Latency(Frozen):
    """How long an answer takes, in seconds.

    The time to the first byte and the time per output token are drawn once a call: log-normal around their
    median with the given sigma, which is constant when sigma is 0. With probability `stall_rate` the first
    byte comes `stall_s` later.
    """

    first_byte_s: float = Field(default=0.0, ge=0)
    first_byte_sigma: float = Field(default=0.0, ge=0)
    per_token_s: float = Field(default=0.0, ge=0)
    per_token_sigma: float = Field(default=0.0, ge=0)
    stall_rate: float = Field(default=0.0, ge=0, le=1)
    stall_s: float = Field(default=30.0, ge=0)

    def draw(self, rng: random.Random) -> tuple[float, float]:
        """Return one call's seconds to the first byte and seconds per token."""
        first_byte_s = _log_normal(self.first_byte_s, self.first_byte_sigma, rng)
        per_token_s = _log_normal(self.per_token_s, self.per_token_sigma, rng)
        stalls = rng.random() < self.stall_rate
        return first_byte_s + self.stall_s * stalls, per_token_s


def _log_normal(median: float, sigma: float, rng: random.Random) -> float:
    return median * math.exp(rng.gauss(0, sigma))


class RateLimits(Frozen):
    """The limits of each model, per minute; None is none.

    Each is a token bucket that refills continuously and holds what `burst_s` seconds refill. Input read
    from the cache doesn't count; output counts when it is sent.
    """

    requests_per_minute: float | None = Field(default=None, gt=0)
    input_tokens_per_minute: float | None = Field(default=None, gt=0)
    output_tokens_per_minute: float | None = Field(default=None, gt=0)
    burst_s: float = Field(default=60.0, gt=0)


class FaultKind(StrEnum):
    """What can go wrong, by where it does."""

    # an error response
    RATE_LIMITED = "rate_limited"
    SPEND_LIMIT = "spend_limit"
    NO_CREDIT = "no_credit"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    STATUS = "status"
    # no answer at all
    RESET = "reset"
    HANG = "hang"
    # inside of the answer
    STALL = "stall"
    CUT = "cut"
    ERROR_EVENT = "error_event"
    EARLY_END = "early_end"
    MALFORMED_JSON = "malformed_json"
    # an answer that is none
    HTML = "html"
    REFUSAL = "refusal"
    TRUNCATION = "truncation"
    EMPTY = "empty"


class Fault(Frozen):
    """One thing that goes wrong.

    `rate_limited` is a 429 with `retry_after_s`, or without; `spend_limit` a 429 that never ends;
    `no_credit` 402, `overloaded` 529, `server_error` 500, `status` the one in `status`. `reset` and `hang`
    come before the answer: the connection is reset, or nothing is sent. `stall`, `cut` (the connection
    closes), `error_event`, `early_end` (a clean end without message_stop) and `malformed_json` come inside
    of the answer, when the share `at` of its events is sent. A hang or stall ends after `seconds`, None is
    never. `html` is a 200 with a web page; `refusal`, `truncation` and `empty` are whole answers of that
    kind.
    """

    kind: FaultKind
    at: float = Field(default=0.5, ge=0, le=1)
    retry_after_s: float | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0)
    status: int | None = Field(default=None, ge=400, le=599)

    @model_validator(mode="after")
    def _has_its_status(self) -> Self:
        if (self.kind is FaultKind.STATUS) != (self.status is not None):
            raise ValueError(f"`status` goes with the kind `status` and no other; kind is {self.kind}")
        return self


class FaultRate(Frozen):
    """A fault and the share of calls that have it."""

    fault: Fault
    rate: float = Field(ge=0, le=1)


class Faults(Frozen):
    """Which calls go wrong: `first` says it for the first ones in turn (None: well), `rates` for the rest."""

    first: tuple[Fault | None, ...] = ()
    rates: tuple[FaultRate, ...] = ()

    @model_validator(mode="after")
    def _rates_add_up(self) -> Self:
        total = sum(rate.rate for rate in self.rates)
        if total > 1:
            raise ValueError(f"the rates of the faults add up to {total}, more than 1")
        return self

    def draw(self, index: int, rng: random.Random) -> Fault | None:
        """Return the fault of call number `index`, counted from 0."""
        if index < len(self.first):
            return self.first[index]
        return _pick(self.rates, rng.random())


def _pick(rates: Sequence[FaultRate], mark: float) -> Fault | None:
    for rate in rates:
        if mark < rate.rate:
            return rate.fault
        mark -= rate.rate
    return None


class ServerOptions(Frozen):
    """Everything a stand-in server can be told, beside what it answers.

    Draws depend on `seed`, on the request's body, and on how often that body was sent before: not on the
    order in which calls arrive. `api_key` is the only key that is let in; None lets any in.
    `chars_per_token` is the ratio by which tokens are counted. A block streams in at most
    `events_per_block` pieces. The last `keep_requests` requests are remembered.
    A message batch takes `batch_s` seconds; that it was taken in is told after `batch_accept_s`.
    """

    seed: int = 0
    latency: Latency = Latency()
    limits: RateLimits = RateLimits()
    faults: Faults = Faults()
    api_key: str | None = None
    chars_per_token: float = Field(default=2.8, gt=0)
    events_per_block: int = Field(default=8, ge=1)
    keep_requests: int = Field(default=1_000, ge=0)
    batch_s: float = Field(default=0.0, ge=0)
    batch_accept_s: float = Field(default=0.0, ge=0)
