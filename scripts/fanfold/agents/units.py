"""From a spec to the unit that the engine runs, and the worker that asks it: key, lane, prefix, what it may cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from fanfold.agents.prices import cost_usd, estimate_tokens, most_tokens, turn_usd
from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.models import Unit, content_key

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.attempt import Attempt

P = TypeVar("P")

# What the agent is told when it is to conclude, at most.
CLOSING_TOKENS = 1_000
# What a turn between the first and the last is expected to bring: replies of tools, and the calls that ask for them.
_REPLY_TOKENS = 2_000
_CALL_TOKENS = 500


class HasSpec(Protocol[A]):
    """A payload with the sub-agent to ask."""

    @property
    def spec(self) -> AgentSpec[A]: ...


@dataclass(frozen=True, slots=True)
class AgentTask(Generic[A]):
    """A payload that is the sub-agent to ask, and no more."""

    spec: AgentSpec[A]


@dataclass(frozen=True, slots=True)
class AgentWorker:
    """Asks sub-agents on a backend."""

    backend: Backend

    async def __call__(self, unit: Unit[Any], attempt: Attempt) -> Answered[Any]:
        task: HasSpec[Any] = unit.payload
        return await self.backend.ask(task.spec, attempt)


def agent_unit(
    spec: AgentSpec[A],
    payload: P,
    *,
    kind: str,
    label: str,
    stands: Callable[[Answered[A]], Awaitable[bool]] | None = None,
) -> Unit[P]:
    """Return the unit that asks `spec`; its value is an `Answered`.

    `stands` tells whether a stored answer still does (`Toolbox.stands` on its lookups).
    """
    return Unit(
        key=content_key(kind, spec.key),
        label=label,
        kind=kind,
        lane=f"model:{spec.model}",
        prefix=spec.prefix,
        tokens=estimate_tokens("".join(spec.texts)),
        reserve_usd=reserve_usd(spec),
        reserve_enlarged_usd=reserve_usd(spec, again=True),
        payload=payload,
        returns=Answered.__class_getitem__(spec.answer.model),
        stands=stands,
    )


def lookup_turn_usd(spec: AgentSpec[Any]) -> float | None:
    """Price a turn in which an agent looks things up, as it is expected; None when the model's price is unknown."""
    return cost_usd(
        spec.model,
        cache_read=estimate_tokens("".join(spec.texts)),
        cache_write=_REPLY_TOKENS,
        output=_CALL_TOKENS,
    )


def reserve_usd(spec: AgentSpec[Any], *, again: bool = False) -> float | None:
    """Bound from above what one attempt may cost, in US dollars; None when the model's price is unknown.

    `again` is an attempt after an answer that could not be used: that answer is part of what it sends, and its token
    limit may be larger. An agent with one turn looks nothing up. One that does may use the worst case of the first turn
    and of the one that concludes, and for those between them what they are expected to cost. Its loop keeps to that: it
    goes on looking things up only while the worst case of one more turn, and of the one that concludes, fits into what
    is left.
    """
    texts = "".join(spec.texts)
    output = spec.enlarged_tokens if again else spec.max_tokens
    first = most_tokens(texts)
    last = first + output + CLOSING_TOKENS
    if not spec.brief.lookups or spec.allowance.turns <= 1:
        return turn_usd(spec.model, last if again else first, output)
    # A reply is paid three times over: when it is sent, and in the worst case of both turns that may follow.
    between = cost_usd(
        spec.model, cache_read=estimate_tokens(texts), cache_write=3 * _REPLY_TOKENS, output=_CALL_TOKENS
    )
    parts = [turn_usd(spec.model, first, output), turn_usd(spec.model, last, output)]
    parts += [between] * max(0, spec.allowance.turns - len(parts))
    return None if None in parts else sum(part or 0.0 for part in parts)
