"""What the engine asks of a store and of an event log."""

from __future__ import annotations

from typing import Any, Protocol

from fanfold.models import Outcome, Unit


class Store(Protocol):
    """Keeps outcomes by content key."""

    async def get(self, unit: Unit[Any]) -> Outcome[Any] | None:
        """Return what is known of `unit`, marked as reused and free of charge, or None."""

    async def put(self, unit: Unit[Any], outcome: Outcome[Any]) -> None:
        """Keep `outcome`; it is durable when this returns."""


class Events(Protocol):
    """Hears every change of state."""

    def emit(self, name: str, unit: str | None = None, **attributes: Any) -> object:
        """Take note of one event."""


class Tell(Protocol):
    """Passes an event on that belongs to no unit."""

    def __call__(self, name: str, **attributes: Any) -> None: ...
