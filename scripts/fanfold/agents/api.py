"""The `api` backend: the Messages API through the Anthropic SDK.

The SDK's own retries are off: only the engine knows the rate limit, the budget and the deadline.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fanfold.agents.api_stream import stream_turn
from fanfold.agents.connection import Connection
from fanfold.agents.conversation import Turn
from fanfold.agents.loop import converse
from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.engine.attempt import Attempt
from fanfold.models import Usage

if TYPE_CHECKING:
    from fanfold.agents.backends import Premises


class ApiBackend:
    """Sub-agents over HTTPS, one client for all of them."""

    name = "api"
    interactive = True
    most = None

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._connection = Connection()
        # The SDK takes a second to import: that passes while analyzers run.
        threading.Thread(target=importlib.import_module, args=("anthropic",), daemon=True).start()

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Carry the sub-agent's conversation to its answer; see `loop.converse`."""
        return await converse(spec, attempt, self._speak, self._premises.toolbox)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the models, each thing once."""
        return self._connection.notes

    async def close(self) -> None:
        await self._connection.close()

    async def _speak(self, request: dict[str, Any], attempt: Attempt, spend: Callable[[Usage], None]) -> Turn:
        notes: list[str] = []
        try:
            request = await self._connection.fit(request)
            return await stream_turn(self._connection.client(), request, attempt, spend, notes)
        finally:
            self._connection.note(notes)
