"""How a pattern takes part in the way of a unit through the supervisor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fanfold.models import Outcome, Unit


@dataclass(frozen=True, slots=True)
class Hooks:
    """How a pattern takes part in the way of a unit.

    `ready` waits for what the unit needs and returns the outcomes of that by key, or the reason why the
    unit can't run. `judge` is asked about an outcome that is not ok: it returns the one that stands, or
    None to run the unit again. `adopt` takes the units that workers add, None where they can't.
    """

    ready: Callable[[Unit[Any]], Awaitable[Mapping[str, Outcome[Any]] | str]]
    judge: Callable[[Outcome[Any]], Outcome[Any] | None]
    adopt: Callable[[Unit[Any]], None] | None


async def _needs_nothing(unit: Unit[Any]) -> Mapping[str, Outcome[Any]] | str:
    return f"it needs {unit.needs[0]}, and only supervise knows needs" if unit.needs else {}


NO_HOOKS = Hooks(ready=_needs_nothing, judge=lambda outcome: outcome, adopt=None)
