"""What a stand-in server remembers: the requests, and the counters that benchmarks read."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fanfold.models import Frozen

_SECRET = frozenset({"authorization", "x-api-key", "cookie", "proxy-authorization"})
_FIRST_ERROR = 400


@dataclass
class Recorded:
    """One request as the server saw it; times are seconds since the server's start or reset.

    `wait_s` is the time to the first byte that was drawn for it. `status` is None when nothing was answered
    (yet). `ending` is `answered`, `cut`, `reset`, `hung`, or `abandoned` when the client left first; None
    while the request is in flight. `fault` names the fault that it was given. `usage` holds what it is
    billed for: input_tokens, cache_write_tokens, cache_write_1h_tokens (part of the former),
    cache_read_tokens, output_tokens.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    arrived_s: float
    wait_s: float = 0.0
    status: int | None = None
    began_s: float | None = None
    ended_s: float | None = None
    ending: str | None = None
    fault: str | None = None
    usage: Counter[str] = field(default_factory=Counter)

    @property
    def model(self) -> str:
        return str(self.body.get("model"))


class Bill(Frozen):
    """What one or more requests of the same size used, in tokens; `cache_write_1h_tokens` is part of the writes."""

    model: str
    times: int
    input_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0


class Stats(Frozen):
    """The counters of a server since its start or reset.

    `by_status` counts responses by HTTP status, "none" where there was no answer; `endings` and `faults`
    count what `Recorded` says. `tokens` sums what was billed, by kind, and `bills` has it by size of
    request; requests in flight are billed when they end. `accepted_by_second` and `rejected_by_second`
    count responses below 400 and from 400 on, by the second in which they began.
    """

    requests: int
    in_flight: int
    in_flight_max: int
    connections: int
    by_path: Mapping[str, int]
    by_status: Mapping[str, int]
    endings: Mapping[str, int]
    faults: Mapping[str, int]
    tokens: Mapping[str, int]
    accepted_by_second: Mapping[int, int]
    rejected_by_second: Mapping[int, int]
    bills: tuple[Bill, ...]

    @property
    def cost_usd(self) -> float | None:
        """What all of it costs by `genai-prices`, in US dollars; None when a model's price is not known."""
        costs = [_cost_usd(bill) for bill in self.bills]
        return None if None in costs else sum(cost for cost in costs if cost is not None)


class Books:
    """Keeps count. Usage is billed when a request is let in, output as it is sent."""

    def __init__(self, keep_requests: int) -> None:
        self.requests: deque[Recorded] = deque(maxlen=keep_requests)
        self._requests = self._in_flight = self._in_flight_max = self._connections = 0
        self._by_path: Counter[str] = Counter()
        self._by_status: Counter[str] = Counter()
        self._endings: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._accepted: Counter[int] = Counter()
        self._rejected: Counter[int] = Counter()
        self._bills: Counter[tuple[str, tuple[int, ...]]] = Counter()

    def connect(self) -> None:
        self._connections += 1

    def open(self, record: Recorded) -> None:
        self.requests.append(record)
        self._requests += 1
        self._by_path[record.path] += 1
        self._in_flight += 1
        self._in_flight_max = max(self._in_flight_max, self._in_flight)

    def begin(self, record: Recorded, status: int, now_s: float) -> None:
        """The first byte of an answer goes out."""
        record.status, record.began_s = status, now_s
        (self._accepted if status < _FIRST_ERROR else self._rejected)[int(now_s)] += 1

    def close(self, record: Recorded, ending: str, now_s: float) -> None:
        """Nothing more is going out; only the first call counts."""
        if record.ending is not None:
            return
        record.ending, record.ended_s = ending, now_s
        self._in_flight -= 1
        self._by_status[str(record.status or "none")] += 1
        self._endings[ending] += 1
        if record.fault:
            self._faults[record.fault] += 1
        self._bills[record.model, tuple(record.usage[kind] for kind in _KINDS)] += 1

    def stats(self) -> Stats:
        """Return the counters."""
        bills = tuple(
            Bill(model=model, times=times, **dict(zip(_KINDS, amounts, strict=True)))
            for (model, amounts), times in self._bills.items()
            if any(amounts)
        )
        return Stats(
            requests=self._requests,
            in_flight=self._in_flight,
            in_flight_max=self._in_flight_max,
            connections=self._connections,
            by_path=dict(self._by_path),
            by_status=dict(self._by_status),
            endings=dict(self._endings),
            faults=dict(self._faults),
            tokens={kind: sum(getattr(bill, kind) * bill.times for bill in bills) for kind in _KINDS},
            accepted_by_second=dict(self._accepted),
            rejected_by_second=dict(self._rejected),
            bills=bills,
        )


_KINDS = (
    "input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "output_tokens",
)


def _cost_usd(bill: Bill) -> float | None:
    """Price each request by itself, as prices depend on a prompt's length."""
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=bill.input_tokens + bill.cache_write_tokens + bill.cache_read_tokens,
        cache_write_tokens=bill.cache_write_tokens,
        cache_write_1h_tokens=bill.cache_write_1h_tokens,
        cache_read_tokens=bill.cache_read_tokens,
        output_tokens=bill.output_tokens,
    )
    try:
        return bill.times * float(calc_price(usage, model_ref=bill.model, provider_id="anthropic").total_price)
    except LookupError:
        return None


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers without their secrets."""
    return {name: "***" if name in _SECRET else value for name, value in headers.items()}
