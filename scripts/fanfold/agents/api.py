"""The `api` backend: the Messages API through the Anthropic SDK.

The SDK's own retries are off: only the engine knows the rate limit, the budget and the deadline.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fanfold.agents.api_stream import foreign_errors_mapped, stream_turn
from fanfold.agents.capabilities import Capabilities, ask_capabilities, fitted, worth_asking
from fanfold.agents.clients import open_client
from fanfold.agents.conversation import Turn
from fanfold.agents.loop import converse
from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.engine.attempt import Attempt
from fanfold.models import Usage

if TYPE_CHECKING:
    import anthropic

    from fanfold.agents.backends import Premises


class ApiBackend:
    """Sub-agents over HTTPS, one client for all of them."""

    name = "api"
    interactive = True
    most = None

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._opened: anthropic.AsyncAnthropic | None = None
        self._asked: dict[str, asyncio.Future[Capabilities | None]] = {}
        self._notes: dict[str, None] = {}
        # The SDK takes a second to import: that passes while analyzers run.
        threading.Thread(target=importlib.import_module, args=("anthropic",), daemon=True).start()

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Carry the sub-agent's conversation to its answer; see `loop.converse`."""
        return await converse(spec, attempt, self._speak, self._premises.toolbox)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the models, each thing once."""
        return tuple(self._notes)

    async def close(self) -> None:
        for question in self._asked.values():
            question.cancel()
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _speak(self, request: dict[str, Any], attempt: Attempt, spend: Callable[[Usage], None]) -> Turn:
        notes: list[str] = []
        try:
            if worth_asking(request) and (can := await self._capabilities(request["model"])):
                request, changes = fitted(request, can)
                notes += [*changes, *([can.ends] if can.ends else [])]
            return await stream_turn(self._client(), request, attempt, spend, notes)
        finally:
            self._notes.update(dict.fromkeys(notes))

    async def _capabilities(self, model: str) -> Capabilities | None:
        """Ask once a run what a model can do; all who want to know wait for the same answer."""
        if model not in self._asked:
            self._asked[model] = asyncio.ensure_future(ask_capabilities(self._client(), model))
        # Who is cancelled leaves the question to the others.
        return await asyncio.shield(self._asked[model])

    def _client(self) -> anthropic.AsyncAnthropic:
        if self._opened is None:
            with foreign_errors_mapped():
                self._opened = open_client()
        return self._opened
