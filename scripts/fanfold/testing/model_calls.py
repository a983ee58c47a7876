"""What becomes of a call of the model: checked, admitted, answered by the script, spoilt by its fault."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fanfold.testing.books import Recorded
from fanfold.testing.options import Fault, FaultKind, ServerOptions
from fanfold.testing.prompt import TokenCounter, prompt_of
from fanfold.testing.prompt_cache import CacheUse, PromptCache
from fanfold.testing.rate_gate import RateGate
from fanfold.testing.rejections import Model, Rejection, model_of, parse_body, rejection_of
from fanfold.testing.replies import Answer, Block, Reply
from fanfold.testing.request_rules import check_count, check_request
from fanfold.testing.tool_rules import content_of
from fanfold.testing.wire import (
    JSON_TYPE,
    STREAM_TYPE,
    Message,
    Playback,
    body_pieces,
    limit_content,
    stream_pieces,
)
from fanfold.testing.wire_faults import with_fault

# Faults that come from in front of the model: it was not reached, so nothing is billed or cached.
_UNREACHED = frozenset({FaultKind.RESET, FaultKind.HTML})


class ScriptError(Exception):
    """The script raised; the cause says what."""


@dataclass(frozen=True)
class ModelCall:
    """A call that was let in; `use` is None when the model is not reached."""

    playback: Playback
    use: CacheUse | None


class ModelCalls:
    """The model's side of a server, from one reset to the next."""

    def __init__(self, script: Answer, options: ServerOptions, clock: Callable[[], float]) -> None:
        self._script = script
        self._options = options
        self._clock = clock
        self._counter = TokenCounter(options.chars_per_token)
        self._cache = PromptCache()
        self._gates: dict[str, RateGate] = {}
        self._sent_before: Counter[bytes] = Counter()
        self._admitted = 0

    def count(self, raw: bytes, record: Recorded) -> int:
        """Return the input tokens of a request. Raises Rejection."""
        record.body = request = parse_body(raw)
        model = model_of(request)
        check_count(request, model)
        return self._use(request, model).total

    def answer(self, raw: bytes, record: Recorded) -> ModelCall:
        """Return what is played in answer to a request, and fill in its record. Raises Rejection, ScriptError."""
        record.body = request = parse_body(raw)
        model = model_of(request)
        check_request(request, model)
        use = self._admit(request, model)
        limits = tuple(self._gate(model.id).headers(self._clock(), datetime.now(UTC)))
        rng = self._rng(raw)
        reply = self._ask_script(request)
        latency = (reply.latency or self._options.latency).draw(rng)
        record.wait_s = latency[0]
        fault = self._fault(reply, rng, streams=bool(request.get("stream")))
        if fault:
            record.fault = fault.kind.value
            if rejection := rejection_of(fault):
                rejection.headers += limits
                raise rejection
        message = self._compose(request, reply, fault, use, latency[1])
        playback = _playback(message, bool(request.get("stream")), limits, latency[0])
        playback = with_fault(playback, fault) if fault else playback
        if fault and fault.kind in _UNREACHED:
            return ModelCall(playback, None)
        record.usage.update(_billed(use))
        return ModelCall(playback, use)

    def begin_answer(self, use: CacheUse, started_s: float) -> None:
        """The answer of a request that started at `started_s` begins: what it writes can be read."""
        self._cache.begin_answer(use, started_s)

    def spend_output(self, model: str, tokens: int) -> None:
        """Output was sent."""
        self._gate(model).spend_output(tokens, self._clock())

    def _use(self, request: dict[str, Any], model: Model) -> CacheUse:
        blocks = prompt_of(request, model, self._counter)
        return self._cache.look_up(blocks, model.cache_minimum, self._clock())

    def _admit(self, request: dict[str, Any], model: Model) -> CacheUse:
        """Let a request through the limits, or raise the 429."""
        use, now_s, gate = self._use(request, model), self._clock(), self._gate(model.id)
        if use.total > model.context:
            raise Rejection(400, f"prompt is too long: {use.total} tokens > {model.context} maximum")
        wait_s = gate.admit(use.full + use.write, now_s)
        if wait_s is not None:
            message = "This request would exceed your organization's rate limit."
            rejection = Rejection(429, message, retry_after_s=-(-wait_s // 1))
            rejection.headers += gate.headers(now_s, datetime.now(UTC))
            raise rejection
        self._cache.start(use, now_s)
        return use

    def _gate(self, model: str) -> RateGate:
        if model not in self._gates:
            self._gates[model] = RateGate(self._options.limits, self._clock())
        return self._gates[model]

    def _rng(self, raw: bytes) -> random.Random:
        """Return the call's own source of draws: it depends on what is sent, not on when."""
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        self._sent_before[digest] += 1
        return random.Random(f"{self._options.seed} {digest.hex()} {self._sent_before[digest]}")  # noqa: S311 — a simulation

    def _ask_script(self, request: dict[str, Any]) -> Reply:
        try:
            return self._script(request)
        except Exception as error:
            raise ScriptError(f"the server's script raised {error!r}") from error

    def _fault(self, reply: Reply, rng: random.Random, *, streams: bool) -> Fault | None:
        self._admitted += 1
        fault = reply.fault or self._options.faults.draw(self._admitted - 1, rng)
        if fault and fault.kind is FaultKind.ERROR_EVENT and not streams:
            return Fault(kind=FaultKind.OVERLOADED)
        return fault

    def _compose(
        self, request: dict[str, Any], reply: Reply, fault: Fault | None, use: CacheUse, per_token_s: float
    ) -> Message:
        """Make a reply the answer to a request."""
        kind = fault.kind if fault else None
        if kind in (FaultKind.REFUSAL, FaultKind.EMPTY):
            stop_reason = "refusal" if kind is FaultKind.REFUSAL else "end_turn"
            reply = replace(reply, text="", json=None, blocks=(), thinking=None, stop_reason=stop_reason)
        most = request["max_tokens"]
        if kind is FaultKind.TRUNCATION:
            most = min(most, sum(limit_content(reply, most, self._counter)[1]) // 2)
        content, tokens, cut = limit_content(reply, most, self._counter)
        content = self._with_own_ids(content, request)
        calls_tools = any(block["type"] == "tool_use" for block in content)
        stop_reason = cut or reply.stop_reason or ("tool_use" if calls_tools else "end_turn")
        usage = {**_reported(use), "output_tokens": max(sum(tokens), min(1, most)), **reply.usage}
        return Message(
            id=f"msg_{self._admitted:024d}",
            model=request["model"],
            content=content,
            tokens=tokens,
            stop_reason=stop_reason,
            stop_details=_REFUSAL if stop_reason == "refusal" else None,
            usage=usage,
            per_token_s=per_token_s,
            most_events=self._options.events_per_block,
        )

    def _with_own_ids(self, content: list[Block], request: dict[str, Any]) -> list[Block]:
        """Give a call another id where a script that repeats itself would give one that the conversation has."""
        taken = {
            block.get("id")
            for message in request["messages"]
            for block in content_of(message)
            if block["type"] == "tool_use"
        }
        return [
            {**block, "id": f"{block['id']}_{self._admitted}"} if block.get("id") in taken else block
            for block in content
        ]


_REFUSAL = {"type": "refusal", "category": "general_harms", "explanation": "This request was declined."}


def _playback(
    message: Message,
    streams: bool,
    limits: tuple[tuple[str, str], ...],
    first_byte_s: float,
) -> Playback:
    if streams:
        return Playback(200, (STREAM_TYPE, *limits), stream_pieces(message), wait_s=first_byte_s)
    return Playback(200, (JSON_TYPE, *limits), body_pieces(message), wait_s=first_byte_s)


def _reported(use: CacheUse) -> dict[str, Any]:
    """Return the input part of `usage` as the API reports it."""
    return {
        "input_tokens": use.full,
        "cache_creation_input_tokens": use.write,
        "cache_read_input_tokens": use.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": use.write_5m,
            "ephemeral_1h_input_tokens": use.write_1h,
        },
        "service_tier": "standard",
    }


def _billed(use: CacheUse) -> dict[str, int]:
    return {
        "input_tokens": use.full,
        "cache_write_tokens": use.write,
        "cache_write_1h_tokens": use.write_1h,
        "cache_read_tokens": use.read,
    }
