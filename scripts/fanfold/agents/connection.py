"""The way to the API that `api` and `batch` share: one client, what each model can do, what the user should know."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fanfold.agents.api_stream import foreign_errors_mapped
from fanfold.agents.capabilities import Capabilities, ask_capabilities, fitted, worth_asking
from fanfold.agents.clients import open_client

if TYPE_CHECKING:
    import anthropic


class Connection:
    """One backend's connection; the client is opened when it is first needed."""

    def __init__(self) -> None:
        self._opened: anthropic.AsyncAnthropic | None = None
        self._asked: dict[str, asyncio.Future[Capabilities | None]] = {}
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, each thing once."""
        return tuple(self._notes)

    def note(self, notes: Iterable[str]) -> None:
        """Tell the user something, unless it was told before."""
        self._notes.update(dict.fromkeys(notes))

    def client(self) -> anthropic.AsyncAnthropic:
        """Return the client. Raises WorkerError when none can be made of the settings."""
        if self._opened is None:
            with foreign_errors_mapped():
                self._opened = open_client()
        return self._opened

    async def fit(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return `request` without what its model does not know; that, and when the model ends, is noted."""
        can = await self._capabilities(request["model"]) if worth_asking(request) else None
        if can is None:
            return request
        request, changes = fitted(request, can)
        self.note([*changes, *([can.ends] if can.ends else [])])
        return request

    async def _capabilities(self, model: str) -> Capabilities | None:
        """Ask once a run what a model can do; all who want to know wait for the same answer."""
        if model not in self._asked:
            self._asked[model] = asyncio.ensure_future(ask_capabilities(self.client(), model))
        # Who is cancelled leaves the question to the others.
        return await asyncio.shield(self._asked[model])

    async def close(self) -> None:
        """Ask nothing more, and close the client."""
        for question in self._asked.values():
            question.cancel()
        if self._opened is not None:
            await self._opened.close()
            self._opened = None
