"""Independent calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import PurePath
from typing import Any, TypeVar

from fanfold.engine.attempt import Attempt
from fanfold.engine.fan_out import fan_out
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Unit

T = TypeVar("T")

_SHOWN = 60  # characters of an argument in the name of a call


async def gather(
    calls: Iterable[Callable[[], Awaitable[T]]],
    *,
    supervisor: Supervisor | None = None,
    jobs: int = 8,
    lane: str = "default",
) -> list[Outcome[T]]:
    """Make independent calls, `jobs` at a time, and return their outcomes in order; a failure is one of them.

        >>> async def size(name: str) -> int:
        ...     return {"a.py": 120, "b.py": 80}[name]
        >>> async def main() -> None:
        ...     outcomes = await gather([partial(size, name) for name in ("a.py", "gone.py", "b.py")])
        ...     print([outcome.value for outcome in outcomes])
        ...     print(outcomes[1].status, outcomes[1].label, outcomes[1].error)
        >>> asyncio.run(main())
        [120, None, 80]
        failed size('gone.py') KeyError: 'gone.py' (...)

    A call is anything that gives an awaitable when called without arguments. It fails as a worker does: a
    `TransientError` is asked again, every other exception is its outcome.
    """
    units = [Unit(key=f"{index}", label=_label(call), payload=call, lane=lane) for index, call in enumerate(calls)]
    return await fan_out(units, _call, supervisor=supervisor, jobs=jobs)


async def _call(unit: Unit[Callable[[], Awaitable[T]]], _attempt: Attempt) -> T:
    return await unit.payload()


def _label(call: Callable[[], Any]) -> str:
    """Name a call by its function and, for a partial, the arguments."""
    function = getattr(call, "func", call)
    name = getattr(function, "__name__", type(call).__name__)
    arguments = [_shown(argument) for argument in getattr(call, "args", ())]
    arguments += [f"{name}={_shown(value)}" for name, value in getattr(call, "keywords", {}).items()]
    return f"{name}({', '.join(arguments)})"


def _shown(argument: object) -> str:
    """Show what is short, and name the rest: what a value holds may be larger than memory when it is spelled out."""
    if isinstance(argument, str | bytes):
        return repr(argument if len(argument) <= _SHOWN else argument[:_SHOWN])
    if argument is None or isinstance(argument, bool | int | float | PurePath):
        return repr(argument)
    return getattr(argument, "__name__", f"<{type(argument).__name__}>")
