"""The vocabulary as frozen types: what a run plans, does, finds and records.

Everything that is written to run.json is here, in the shape that it has there. Seconds are floats from the start of the
run, costs are US dollars, lines count from 1. A value that is not known is None, never 0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

# A speed-up below it is no news.
_GAIN = 1.1

RUN_FORMAT = 1

P = TypeVar("P")
T = TypeVar("T")


class Frozen(BaseModel):
    """A value: immutable, and unknown fields are errors."""

    # What checks a model's values is built when it is first needed: a command starts without most of them.
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True, defer_build=True
    )


class Status(StrEnum):
    """What became of a unit."""

    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    OVER_BUDGET = "over_budget"
    CANCELLED = "cancelled"
    NOT_RUN = "not_run"


class Severity(StrEnum):
    """How bad a finding is, worst first; comparable by `rank` (critical is 4, info is 0)."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        return len(Severity) - 1 - list(Severity).index(self)


class Verdict(StrEnum):
    """What independent verification said of a finding."""

    CONFIRMED = "confirmed"
    PLAUSIBLE = "plausible"
    REFUTED = "refuted"
    UNVERIFIED = "unverified"


def content_key(*parts: object) -> str:
    """Return the key of what `parts` say: 32 hex digits, the same for the same JSON.

    Parts are anything that JSON can hold; pydantic values count by their dump.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_jsonable)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _jsonable(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"a content key can't hold a {type(value).__name__}: {value!r}")


def add_unknown(a: float | None, b: float | None) -> float | None:
    """Add two amounts of which either may be unknown; an unknown part makes the sum unknown."""
    return None if a is None or b is None else a + b


class Usage(Frozen):
    """Tokens, money and requests; adds up.

    `input_tokens` are those neither written to nor read from the cache. `cost_uncached_usd` is what the same calls
    would have cost with every input token at the full price.
    """

    input_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    cost_uncached_usd: float | None = 0.0
    requests: int = 0
    retries: int = 0
    hedges: int = 0
    errors: dict[str, int] = Field(default_factory=dict)

    def __add__(self, other: Self) -> Usage:
        errors = dict(self.errors)
        for name, count in other.errors.items():
            errors[name] = errors.get(name, 0) + count
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=add_unknown(self.cost_usd, other.cost_usd),
            cost_uncached_usd=add_unknown(self.cost_uncached_usd, other.cost_uncached_usd),
            requests=self.requests + other.requests,
            retries=self.retries + other.retries,
            hedges=self.hedges + other.hedges,
            errors=dict(sorted(errors.items())),
        )


@dataclass(frozen=True, slots=True)
class Unit(Generic[P]):
    """One independent piece of work.

    `key` is the content key: the same inputs, prompt, model and schema give the same one, and a stored outcome of
    that key stands for this unit. `returns` is the type of the worker's value as pydantic understands it; it is how
    the value gets into the store and out again, and None keeps the unit out of the store. `lane` names what the
    unit competes for ("process", "disk", or a model's bucket) and `weight` how many slots of it it takes. `prefix`
    names the shared prompt prefix behind which units are primed. `reserve_usd` is the worst case of one attempt, in
    US dollars, and `reserve_enlarged_usd` that of one after an answer that could not be used: it has more to read, and
    maybe a larger token limit (None: the same). `tokens` is about what an attempt sends, `expected_s` how many seconds
    it is expected to take; among those that wait the longest goes first, and one of which that is not known before all
    of them. `stands` is asked about a stored value before it is reused, for what the key can't know; None: the key says
    it all.
    """

    key: str
    label: str
    payload: P
    kind: str = "call"
    returns: Any = None
    lane: str = "default"
    weight: int = 1
    prefix: str | None = None
    reserve_usd: float | None = 0.0
    reserve_enlarged_usd: float | None = None
    tokens: int = 0
    timeout_s: float | None = None
    needs: tuple[str, ...] = ()
    expected_s: float | None = None
    stands: Callable[[Any], Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of a unit; `value` is there when `status` is ok, `error` says why otherwise.

    `split_into` are the keys of the units that stand for one that failed and was split.
    """

    key: str
    label: str
    kind: str
    status: Status
    value: T | None = None
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    attempts: int = 0
    hedged: bool = False
    reused: bool = False
    queued_s: float = 0.0
    started_s: float = 0.0
    ended_s: float = 0.0
    split_into: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.status is Status.OK


class UnitRecord(Frozen):
    """One unit as run.json keeps it."""

    key: str
    label: str
    kind: str
    status: Status
    attempts: int = 0
    hedged: bool = False
    reused: bool = False
    queued_s: float = 0.0
    started_s: float = 0.0
    ended_s: float = 0.0
    usage: Usage = Usage()
    error: str | None = None

    @classmethod
    def of(cls, outcome: Outcome[Any]) -> UnitRecord:
        fields = {name: getattr(outcome, name) for name in cls.model_fields}
        return cls(**fields)


class Coverage(Frozen):
    """Planned against done. `missing` names every unit without an outcome that counts, as "label — why"."""

    planned: int = 0
    ok: int = 0
    failed: int = 0
    timed_out: int = 0
    refused: int = 0
    over_budget: int = 0
    cancelled: int = 0
    not_run: int = 0
    reused: int = 0
    missing: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.ok == self.planned

    def __add__(self, other: Self) -> Coverage:
        return Coverage(**{name: getattr(self, name) + getattr(other, name) for name in Coverage.model_fields})


class Timing(Frozen):
    """Seconds. `worker_s` is the sum over workers, `speedup` is worker over wall, 0 when there was no work."""

    wall_s: float = 0.0
    worker_s: float = 0.0
    speedup: float | None = None
    critical_path_s: float = 0.0

    @property
    def gain(self) -> float | None:
        """The speed-up where one is worth a word; None where it is not known or hardly any."""
        return self.speedup if self.speedup and self.speedup >= _GAIN else None


class Occurrence(Frozen):
    """A further place of a finding that is the same mistake in several; `suggestion` is as that of the finding."""

    path: str
    line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    quote: str
    fingerprint: str = ""
    suggestion: str | None = None


class Finding(Frozen):
    """One reported thing about the code.

    `quote` is the code that it is about as it stands in the file, and `line` to `end_line` are where that is.
    `introduced` tells whether the change under review touches one of those lines. `mechanism` names the kind of fault
    the same way whoever reports it (`bandit-301`, `sql-injection`), "" when unnamed. `suggestion` is a unified diff of
    the file under review, made by git's rules (`git apply` takes it), and it parses; before the fold it is the text
    that is to stand in the place of the lines. `notes` are sentences about the finding itself, such as why it has no
    suggestion. `before` and `after` are the lines around it, as many as may be shown. `also` are further places of the
    same mistake. `digest` tells apart what a quote may not show: secrets of other values have other digests; "" for
    the rest. `caused` says that the change made it, on whatever line it shows: the base is known to have had none.
    `suppressed` says why it is not shown, counts for
    nothing, and is still here; None for the rest. `id` and `fingerprint` are set by the fold.
    """

    id: str = ""
    fingerprint: str = ""
    path: str
    line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    aspect: str
    severity: Severity
    confidence: float = Field(ge=0.0, le=1.0)
    verdict: Verdict = Verdict.UNVERIFIED
    title: str
    explanation: str = ""
    failure_scenario: str = ""
    quote: str
    suggestion: str | None = None
    introduced: bool = True
    caused: bool = False
    sources: tuple[str, ...]
    suppressed: str | None = None
    mechanism: str = ""
    digest: str = ""
    notes: tuple[str, ...] = ()
    also: tuple[Occurrence, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def stands(self) -> bool:
        """Is it this change's, and nothing speaks against showing it?"""
        return self.introduced and self.suppressed is None


class Dropped(Frozen):
    """A finding that does not reach the report: the reason in a word, and `why` in a sentence where there is one."""

    title: str
    path: str
    reason: str
    line: int | None = None
    sources: tuple[str, ...] = ()
    why: str = ""


class TargetRecord(Frozen):
    """What was looked at, as run.json keeps it; `base` and `head` are full commit ids, or None.

    `shown` are the lines of each file that its diff shows, context included, as ascending ranges (first, last); None
    when there is no diff and every line is under review.
    """

    root: str
    description: str
    base: str | None = None
    head: str | None = None
    shown: Mapping[str, tuple[tuple[int, int], ...]] | None = None


class Run(Frozen):
    """The record of one request: run.json, format 1."""

    format: int = RUN_FORMAT
    id: str
    skill: str
    status: str
    request: Mapping[str, Any]
    target: TargetRecord
    backend: str
    model: str | None = None
    coverage: Coverage
    units: tuple[UnitRecord, ...] = ()
    findings: tuple[Finding, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    usage: Usage = Usage()
    timing: Timing = Timing()
    notes: tuple[str, ...] = ()
    result: Mapping[str, Any] = Field(default_factory=dict)
