"""Webhooks: events go to each customer's endpoint in order, and are tried again when it is down."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

log = logging.getLogger(__name__)

Send = Callable[[str, bytes], Awaitable[int]]


@dataclass(slots=True)
class Message:
    id: str
    endpoint: str
    body: dict[str, Any]
    attempts: int = 0


class Outbox(Protocol):
    async def pending(self, endpoint: str) -> list[Message]: ...

    async def delivered(self, message: Message) -> None: ...

    async def failed(self, message: Message, why: str) -> None: ...


@dataclass
class Deliverer:
    outbox: Outbox
    send: Send
    most_attempts: int = 5
    pause_s: float = 1.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    given_up: list[str] = field(default_factory=list)

    async def deliver(self, message: Message) -> bool:
        """Try one message until it is taken or given up; returns whether it was taken."""
        payload = json.dumps(message.body, sort_keys=True).encode()
        while message.attempts < self.most_attempts:
            message.attempts += 1
            try:
                status = await self.send(message.endpoint, payload)
            except OSError as error:
                log.warning("message %s: %s", message.id, error)
            else:
                if status < 300:
                    await self.outbox.delivered(message)
                    return True
                if 400 <= status < 500 and status != 429:
                    await self.outbox.failed(message, f"the endpoint answered {status}")
                    return False
            await self.sleep(self.pause_s * 2 ** (message.attempts - 1))
        self.given_up.append(message.id)
        await self.outbox.failed(message, f"given up after {message.attempts} attempts")
        return False
