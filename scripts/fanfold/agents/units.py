"""From a spec to the unit that the engine runs: its key, its lane, its prefix, and what it may cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fanfold.agents.prices import estimate_tokens, worst_case_usd
from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.models import Unit, content_key

P = TypeVar("P")

# The first turn, and the one in which an agent that may go no further hands in its answer. What the turns between them
# may cost is what these two leave over: answers take a small part of their worst case.
_RESERVED_TURNS = 2


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
        reserve_usd=reserve_usd(spec, spec.max_tokens),
        reserve_enlarged_usd=reserve_usd(spec, spec.enlarged_tokens),
        payload=payload,
        returns=Answered.__class_getitem__(spec.answer.model),
        stands=stands,
    )


def reserve_usd(spec: AgentSpec[Any], max_tokens: int) -> float | None:
    """Bound from above what one attempt may cost, in US dollars; None when the model's price is unknown.

    An agent's loop keeps to it: it goes on looking things up only while the worst case of one more turn, and of the
    one that concludes, fits into what is left.
    """
    turns = _RESERVED_TURNS if spec.brief.lookups else 1
    worst = worst_case_usd(spec.model, "".join(spec.texts), max_tokens)
    return None if worst is None else turns * worst
