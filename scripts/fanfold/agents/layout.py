"""How a request is laid out: what is shared first, what is this agent's own after it, what grows last."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fanfold.agents.conversation import Block, Conversation
from fanfold.agents.spec import AgentSpec
from fanfold.sources.secrets import mask

_BREAKPOINT = {"type": "ephemeral"}
_NOTHING_SAID = Conversation()
# The newest message is written to the cache, the one before it was: marked as well it is found again however many
# blocks lie between, as a breakpoint looks no further back than 20 of them.
_MOVING_BREAKPOINTS = 2
# The shared parts of a run's prompts, each laid out by every agent that is told it.
_TEXTS_KEPT = 32


def request_of(
    spec: AgentSpec[Any],
    said: Conversation = _NOTHING_SAID,
    *,
    max_tokens: int | None = None,
    correction: str | None = None,
) -> dict[str, Any]:
    """Return the request that asks for the next turn.

    Tools, system prompt and shared context come first, with a cache breakpoint at their end: agents that agree on them
    share one cache entry. From the second turn on, a breakpoint moves along with the newest message, so that each turn
    reads the one before from the cache. `correction` says what was wrong with the previous answer, where that answer is
    not part of the conversation. `max_tokens` is the spec's own unless given. Nothing that looks like a secret is sent.
    """
    return {
        "model": spec.model,
        "max_tokens": max_tokens or spec.max_tokens,
        "tools": [dict(tool) for tool in spec.brief.tools],
        "system": [{"type": "text", "text": system_of(spec)}],
        "messages": list(_messages(spec, said, correction)),
        **({"output_config": {"effort": spec.brief.effort}} if spec.brief.effort else {}),
    }


def system_of(spec: AgentSpec[Any]) -> str:
    """Return the system prompt as it may be sent: aspects of a repository's own are in it."""
    return _sendable(spec.brief.system)


def context_of(spec: AgentSpec[Any]) -> str:
    """Return the shared context as it may be sent, whoever sends it."""
    return _sendable(spec.context)


def task_of(spec: AgentSpec[Any]) -> str:
    """Return what this agent alone is told as it may be sent, for those who have words of their own for the rest."""
    return _sendable(spec.task)


def correction_of(fault: str) -> str:
    """Return what is said to an agent whose previous answer had `fault`."""
    return _sendable(f"Your previous answer could not be used: {fault}. Answer again, in full.")


def _messages(spec: AgentSpec[Any], said: Conversation, correction: str | None) -> Iterator[dict[str, Any]]:
    own = "\n\n".join([_sendable(spec.own), *([correction_of(correction)] if correction else [])])
    shared = {"type": "text", "text": context_of(spec), "cache_control": _BREAKPOINT}
    first: list[Block] = [shared, {"type": "text", "text": own}]
    users = [place for place, message in enumerate(said.messages) if message.role == "user"]
    marked = set(users[-_MOVING_BREAKPOINTS:])
    rest = said.messages
    if rest and rest[0].role == "user":
        first += _content(rest[0].content, marked=0 in marked)
        rest = rest[1:]
    yield {"role": "user", "content": first}
    for place, message in enumerate(rest, len(said.messages) - len(rest)):
        yield {"role": message.role, "content": _content(message.content, marked=place in marked)}


def _content(blocks: tuple[Block, ...], *, marked: bool) -> list[Block]:
    return [*blocks[:-1], {**blocks[-1], "cache_control": _BREAKPOINT}] if marked else [*blocks]


@lru_cache(maxsize=_TEXTS_KEPT)
def _sendable(text: str) -> str:
    """Return `text` as it may be sent: secrets masked, halves of surrogate pairs replaced."""
    return mask(text).encode("utf-8", "replace").decode()
