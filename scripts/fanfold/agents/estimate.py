"""What a plan is expected to take, before anything is sent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from fanfold.agents.api_stream import foreign_errors_mapped
from fanfold.agents.clients import open_client
from fanfold.agents.layout import request_of
from fanfold.agents.prices import cost_usd, estimate_tokens
from fanfold.agents.spec import AgentSpec
from fanfold.agents.units import lookup_turn_usd
from fanfold.models import Frozen, Unit

# What sub-agents were seen to write, thinking included: for estimates only, never for the reservation.
EXPECTED_OUTPUT_TOKENS = 2_500
EXPECTED_SECONDS = 45.0
_COUNTED_AT_ONCE = 8


class Estimate(Frozen):
    """What sub-agents are expected to take: tokens, US dollars (None when the model's price is unknown), seconds.

    `alone_usd` is one agent that reads everything once and does all of it, without a cache; `parallel_uncached_usd` all
    of them side by side, each paying for the shared part in full; `parallel_usd` the same as fanfold runs them, that
    part written to the cache once and read by the others: each with one turn. `lookups_usd` comes on top each time that
    every one that can look things up does so in a further turn, 0 where none can. `worst_case_usd` is what is reserved.
    `exact` tells that the API counted the tokens. `seconds` go by what earlier runs took where there are any.
    """

    units: int
    input_tokens: int
    output_tokens: int
    alone_usd: float | None
    parallel_uncached_usd: float | None
    parallel_usd: float | None
    lookups_usd: float | None
    worst_case_usd: float | None
    seconds: float
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """The input of one sub-agent: what it shares with others, and its own."""

    shared: int
    own: int


def expected_tokens_of(units: Iterable[Unit[Any]]) -> dict[str, Tokens]:
    """Return the tokens of each unit by its key, by what texts of that kind were measured to have."""
    return {unit.key: _expected(unit.payload.spec) for unit in units}


def _expected(spec: AgentSpec[Any]) -> Tokens:
    shared = estimate_tokens("".join([spec.brief.system, str(spec.brief.tools), spec.context]))
    return Tokens(shared, estimate_tokens(spec.own))


async def counted_tokens_of(units: Sequence[Unit[Any]]) -> dict[str, Tokens]:
    """Return the tokens of each unit by its key, as the API counts them: free of charge. Raises WorkerError."""
    client = open_client()
    gate = asyncio.Semaphore(_COUNTED_AT_ONCE)

    async def count(request: dict[str, Any]) -> int:
        async with gate:
            with foreign_errors_mapped():
                told = await client.messages.count_tokens(**request)
            return told.input_tokens

    try:
        return await _counted(units, count)
    finally:
        await client.close()


async def _counted(units: Sequence[Unit[Any]], count: Callable[[dict[str, Any]], Awaitable[int]]) -> dict[str, Tokens]:
    """Count each prefix once, and each unit."""
    requests = {unit.key: _countable(request_of(unit.payload.spec)) for unit in units}
    prefixes = {unit.prefix: _shared_part(requests[unit.key]) for unit in units}
    shared = dict(zip(prefixes, await asyncio.gather(*map(count, prefixes.values())), strict=True))
    whole = dict(zip(requests, await asyncio.gather(*map(count, requests.values())), strict=True))
    return {u.key: Tokens(shared[u.prefix], max(0, whole[u.key] - shared[u.prefix])) for u in units}


def _countable(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in {"max_tokens", "output_config"}}


def _shared_part(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request up to its breakpoint."""
    first = request["messages"][0]
    return {**request, "messages": [{**first, "content": first["content"][:1]}]}


def estimate(
    units: Sequence[Unit[Any]],
    jobs: int,
    *,
    tokens: Mapping[str, Tokens] | None = None,
    history: Mapping[str, Mapping[str, float]] | None = None,
    batch: bool = False,
) -> Estimate:
    """Price a plan without sending anything; each unit's payload has its `spec`.

    `tokens` are what was counted (`counted_tokens_of`), by default what is expected. `history` are seconds that units
    took, by kind and label. `batch` prices the units as a message batch does.
    """
    counted = tokens if tokens is not None else expected_tokens_of(units)
    totals = [0.0, 0.0, 0.0]
    known = True
    for group in _by_prefix(units).values():
        prices = _group_usd(group, counted, batch=batch)
        known = known and None not in prices
        totals = [total + (price or 0.0) for total, price in zip(totals, prices, strict=True)]
    alone, uncached, parallel = totals if known else (None, None, None)
    return Estimate(
        units=len(units),
        input_tokens=sum(counted[unit.key].shared + counted[unit.key].own for unit in units),
        output_tokens=len(units) * EXPECTED_OUTPUT_TOKENS,
        alone_usd=alone,
        parallel_uncached_usd=uncached,
        parallel_usd=parallel,
        lookups_usd=_sum(lookup_turn_usd(unit.payload.spec) for unit in units if unit.payload.spec.brief.lookups),
        worst_case_usd=_sum(unit.reserve_usd for unit in units),
        seconds=_seconds(units, jobs, history or {}),
        exact=tokens is not None,
    )


def _by_prefix(units: Iterable[Unit[Any]]) -> dict[str | None, list[Unit[Any]]]:
    groups: dict[str | None, list[Unit[Any]]] = defaultdict(list)
    for unit in units:
        groups[unit.prefix].append(unit)
    return groups


def _group_usd(
    group: Sequence[Unit[Any]], counted: Mapping[str, Tokens], *, batch: bool
) -> tuple[float | None, float | None, float | None]:
    """Price units of one prefix: one agent for all of them, all without a cache, all as they are run."""
    model = group[0].payload.spec.model
    shared = counted[group[0].key].shared
    own = sum(counted[unit.key].own for unit in group)
    output = len(group) * EXPECTED_OUTPUT_TOKENS
    others = len(group) - 1
    return (
        cost_usd(model, full=shared + own, output=output, batch=batch),
        cost_usd(model, full=len(group) * shared + own, output=output, batch=batch),
        cost_usd(model, full=own, cache_write=shared, cache_read=others * shared, output=output, batch=batch),
    )


def _seconds(units: Sequence[Unit[Any]], jobs: int, history: Mapping[str, Mapping[str, float]]) -> float:
    """Return the wall time of so many at once, each as long as units of its kind (or it itself) took before."""
    if not units:
        return 0.0
    took = [_took_s(unit, history.get(unit.kind, {})) for unit in units]
    return max(sum(took) / jobs, *took)


def _took_s(unit: Unit[Any], known: Mapping[str, float]) -> float:
    return known.get(unit.label) or (fmean(known.values()) if known else EXPECTED_SECONDS)


def _sum(amounts: Iterable[float | None]) -> float | None:
    total = 0.0
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
