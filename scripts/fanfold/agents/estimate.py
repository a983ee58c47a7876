"""What a plan is expected to take, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fanfold.agents.prices import cost_usd, estimate_tokens
from fanfold.agents.spec import AgentSpec
from fanfold.models import Frozen, Unit

# What sub-agents were seen to write, thinking included: for estimates only, never for the reservation.
_EXPECTED_OUTPUT_TOKENS = 2_500
_EXPECTED_SECONDS = 45.0


class Estimate(Frozen):
    """What sub-agents are expected to take: tokens, US dollars (None when the model's price is unknown), seconds.

    `alone_usd` is one call after the other without a cache, `parallel_usd` the same as fanfold runs them, the shared
    part written to the cache once and read by the others.
    """

    units: int
    input_tokens: int
    output_tokens: int
    alone_usd: float | None
    parallel_usd: float | None
    worst_case_usd: float | None
    seconds: float


def estimate(units: Sequence[Unit[Any]], jobs: int) -> Estimate:
    """Price a plan without sending anything; each unit's payload has its `spec`."""
    primed: set[str | None] = set()
    total_in, alone, parallel = 0, 0.0, 0.0
    known = True
    for unit in units:
        spec: AgentSpec[Any] = unit.payload.spec
        shared = estimate_tokens("".join([spec.brief.system, str(spec.brief.tools), spec.context]))
        own = estimate_tokens(spec.own)
        total_in += shared + own
        first = unit.prefix not in primed
        primed.add(unit.prefix)
        single = cost_usd(spec.model, full=shared + own, output=_EXPECTED_OUTPUT_TOKENS)
        cached = cost_usd(
            spec.model,
            full=own,
            cache_write=shared if first else 0,
            cache_read=0 if first else shared,
            output=_EXPECTED_OUTPUT_TOKENS,
        )
        known = known and single is not None
        alone += single or 0.0
        parallel += cached or 0.0
    waves = -(-len(units) // jobs)
    return Estimate(
        units=len(units),
        input_tokens=total_in,
        output_tokens=len(units) * _EXPECTED_OUTPUT_TOKENS,
        alone_usd=alone if known else None,
        parallel_usd=parallel if known else None,
        worst_case_usd=_sum(unit.reserve_usd for unit in units),
        seconds=waves * _EXPECTED_SECONDS,
    )


def _sum(amounts: Iterable[float | None]) -> float | None:
    total = 0.0
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
