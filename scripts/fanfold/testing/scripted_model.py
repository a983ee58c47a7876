"""A model that says what its script says, and tools that echo: a sub-agent's counterparts in tests.

model = ScriptedModel([Says([tool_call("grep", {"pattern": "x"})]), Says([tool_call("report", {"findings": []})])])
answered = await converse(spec, Attempt(), model, EchoTools())
assert model.last_told[0]["content"] == "found"
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fanfold.agents.conversation import Block, Turn
from fanfold.agents.prices import priced
from fanfold.agents.spec import Lookup
from fanfold.agents.tools.base import ToolReply
from fanfold.engine.attempt import Attempt
from fanfold.errors import WorkerError
from fanfold.models import Usage, content_key
from fanfold.testing.prompt import TokenCounter

_CHARS_PER_TOKEN = 2.8


def tool_call(name: str, given: Any, place: int = 0) -> dict[str, Any]:
    """Return a block that calls a tool; `place` makes its id."""
    return {"type": "tool_use", "id": f"toolu_{place:024d}", "name": name, "input": given}


@dataclass(frozen=True)
class Says:
    """One turn of a model, `delay_s` seconds after it was asked.

    `error` comes in place of the end of the answer, or of all of it when it never `begins`. `output` overrides the
    output tokens, `stop_reason` the one that follows from the blocks; an answer that is longer than the request's limit
    ends with `max_tokens` in any case.
    """

    blocks: Sequence[Block] = ()
    stop_reason: str | None = None
    error: WorkerError | None = None
    begins: bool = True
    output: int | None = None
    delay_s: float = 0.0


@dataclass
class ScriptedModel:
    """Says one turn after the other (see `fanfold.agents.loop.Speak`); the last one repeats.

    `billed` is what a server would bill for all of it, without a cache.
    """

    script: Sequence[Says]
    requests: list[dict[str, Any]] = field(default_factory=list)
    billed: Usage = field(default_factory=Usage)

    async def __call__(self, request: dict[str, Any], attempt: Attempt, spend: Callable[[Usage], None]) -> Turn:
        """Answer with the next turn."""
        said = self.script[min(len(self.requests), len(self.script) - 1)]
        self.requests.append(request)
        await asyncio.sleep(said.delay_s)
        if said.error and not said.begins:
            raise said.error
        attempt.began()
        attempt.alive()
        output = _count(list(said.blocks)) if said.output is None else said.output
        usage = _usage(request, output)
        spend(usage)
        self.billed += usage
        if said.error:
            raise said.error
        if output > request["max_tokens"]:
            return Turn(tuple(said.blocks), "max_tokens", usage)
        calls = any(block.get("type") == "tool_use" for block in said.blocks)
        return Turn(tuple(said.blocks), said.stop_reason or ("tool_use" if calls else "end_turn"), usage)

    @property
    def last_told(self) -> list[dict[str, Any]]:
        """The blocks of the newest message that it was sent."""
        content: list[dict[str, Any]] = self.requests[-1]["messages"][-1]["content"]
        return content


def _count(content: Any) -> int:
    return TokenCounter(_CHARS_PER_TOKEN).count(content)


def _usage(request: Mapping[str, Any], output: int) -> Usage:
    sent = _count({name: request[name] for name in ("tools", "system", "messages")})
    used = Usage(cache_write_tokens=sent, output_tokens=min(output, request["max_tokens"]), requests=1)
    return priced(request["model"], used)


@dataclass
class EchoTools:
    """Replies the same to every call, after `delay_s` seconds; remembers the calls, and how many ran at a time."""

    reply: str = "found"
    delay_s: float = 0.0
    called: list[tuple[str, object]] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    async def call(self, name: str, arguments: object) -> tuple[ToolReply, Lookup]:
        """Reply."""
        self.called.append((name, arguments))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(self.delay_s)
        self.running -= 1
        kept = arguments if isinstance(arguments, dict) else {}
        return ToolReply(text=self.reply), Lookup(tool=name, arguments=kept, digest=content_key(self.reply)[:16])
