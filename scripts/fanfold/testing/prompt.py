"""A request as the prompt cache and the token count see it: a chain of blocks."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fanfold.testing.rejections import Model

_LIFE_S = {"5m": 300.0, "1h": 3600.0}
_DEFAULT_LIFE = "5m"
# 2,800 characters at 2.8 a token are 1,000 tokens, not 1,001.
_ROUNDING = 1e-6


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def compact(value: Any) -> str:
    """Return JSON without spaces, its keys in the order they have: another order is another prompt."""
    return _encode(value)


@dataclass(frozen=True, slots=True)
class PromptBlock:
    """One block of a prompt.

    `digest` stands for the prompt from its start to the end of this block, and `tokens` is the length of
    that. `life_s` is how long a cache entry that ends here lives, in seconds; None when no breakpoint is
    here.
    """

    digest: bytes
    tokens: int
    life_s: float | None


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Counts tokens by a fixed ratio, rounded up for each block; JSON counts in its compact form."""

    chars_per_token: float

    def count(self, content: Any) -> int:
        """Return the tokens of a text, or of anything JSON."""
        text = content if isinstance(content, str) else compact(content)
        return math.ceil(len(text) / self.chars_per_token - _ROUNDING)

    def count_block(self, block: dict[str, Any]) -> int:
        """Return the tokens of a content block: of its text, or of all of it when it is something else."""
        return self.count(block["text"] if isinstance(block.get("text"), str) else block)

    def cut(self, text: str, tokens: int) -> str:
        """Return the longest beginning of `text` that has at most that many tokens."""
        return text[: math.floor(tokens * self.chars_per_token + _ROUNDING)]


def prompt_of(request: dict[str, Any], model: Model, counter: TokenCounter) -> list[PromptBlock]:
    """Chain the blocks of a request in cache order: tools, system, messages.

    What else decides whether a prefix is the same (model, thinking, effort, output format) goes into the
    chain's start. A top-level `cache_control` puts a breakpoint at the last block.
    """
    chain = hashlib.blake2b(compact(_identity(request, model)).encode(), digest_size=16)
    blocks: list[PromptBlock] = []
    tokens = 0
    for place, block in _blocks(request):
        life_s = _life_s(block.get("cache_control"))
        bare = {name: value for name, value in block.items() if name != "cache_control"}
        chain.update(f"\0{place}\0{compact(bare)}".encode())
        tokens += counter.count_block(bare)
        blocks.append(PromptBlock(chain.digest(), tokens, life_s))
    if blocks and request.get("cache_control"):
        last = blocks[-1]
        blocks[-1] = PromptBlock(last.digest, last.tokens, _life_s(request["cache_control"]))
    return blocks


def _identity(request: dict[str, Any], model: Model) -> list[Any]:
    config = request.get("output_config") or {}
    effort = config.get("effort") or model.effort
    return [model.id, request.get("thinking") or {"type": "adaptive"}, effort, config.get("format")]


def _blocks(request: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each block with what it belongs to; a plain string is one text block."""
    for tool in request.get("tools") or ():
        yield "tool", tool
    for block in _as_blocks(request.get("system")):
        yield "system", block
    for place, message in enumerate(request["messages"]):
        for block in _as_blocks(message["content"]):
            yield f"{place} {message['role']}", block


def _as_blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or ())


def _life_s(cache_control: Any) -> float | None:
    if not isinstance(cache_control, dict):
        return None
    return _LIFE_S.get(cache_control.get("ttl", _DEFAULT_LIFE), _LIFE_S[_DEFAULT_LIFE])
