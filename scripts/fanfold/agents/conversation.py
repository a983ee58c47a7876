"""What a sub-agent and its model have said to each other: a value, and the steps from one to the next.

Nothing here waits, sends or reads. A conversation begins after the first message, which follows from the spec
(`layout.request_of`), and holds complete turns only, so whoever has one can go on from there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias

from fanfold import errors
from fanfold.agents.spec import A, AgentSpec, AnswerTool, Lookup
from fanfold.models import Usage

Block: TypeAlias = Mapping[str, Any]
"""A content block as the Messages API has it."""

_LONGEST_FAULT = 1_000
_THINKING = ("thinking", "redacted_thinking")
_NOT_RUN = "not run"
_CONCLUDE = "You have no lookups left. Hand in your answer now with `{tool}`: every further lookup is refused."
_REFUSED = "refused: you have no lookups left. Hand in your answer now with `{tool}`"
_NO_ROOM = "there is no room left for this reply"


@dataclass(frozen=True, slots=True)
class Turn:
    """One whole answer of a model: its blocks as they came, why it stopped, what it used.

    `why` explains a refusal.
    """

    content: tuple[Block, ...]
    stop_reason: str
    usage: Usage
    why: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message after the first."""

    role: str
    content: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """All complete turns so far.

    `turns` and `tokens` (in and out) count every turn, those that were dropped as well. `counted` are the tokens that
    the server counted of what is kept here and before it, 0 while that is unknown; `fresh` are the UTF-8 bytes that
    came after. `concluding` says that the agent was told to look nothing up any more.
    """

    messages: tuple[Message, ...] = ()
    turns: int = 0
    tokens: int = 0
    counted: int = 0
    fresh: int = 0
    concluding: bool = False
    lookups: tuple[Lookup, ...] = ()

    @classmethod
    def opening(cls, spec: AgentSpec[Any]) -> Conversation:
        """Return the one in which nothing has been said; an agent that can look nothing up concludes from the start."""
        return cls(concluding=not spec.brief.lookups or spec.allowance.turns <= 1)

    def heard(self, turn: Turn) -> Conversation:
        """Count a turn, before anything becomes of it."""
        return replace(self, turns=self.turns + 1, tokens=self.tokens + tokens_of(turn.usage))


# -- what a turn means


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Handed(Generic[A]):
    """The answer is here."""

    answer: A


@dataclass(frozen=True, slots=True)
class Wanted:
    """It wants to look things up."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Paused:
    """The server stopped in the middle; it goes on when it gets back what it said."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """Nothing can be made of it, for this reason."""

    error: errors.WorkerError


def judge(turn: Turn, tool: AnswerTool[A]) -> Handed[A] | Wanted | Paused | Unusable:
    """Tell what a turn of an agent that hands in with `tool` means.

    A call of `tool` ends the agent: what else was called beside it is not run. JSON text in its place counts.
    """
    if error := _cut_short(turn):
        return Unusable(error)
    calls = calls_of(turn)
    given = [call.arguments for call in calls if call.name == tool.name]
    if given:
        return _handed(given, tool)
    if calls:
        return Wanted(calls)
    return Paused() if turn.stop_reason == "pause_turn" else _in_text(turn, tool)


def _in_text(turn: Turn, tool: AnswerTool[A]) -> Handed[A] | Unusable:
    text = "".join(str(block.get("text", "")) for block in turn.content if block.get("type") == "text").strip()
    if not text:
        return Unusable(errors.EmptyAnswer("the answer is empty"))
    if not text.startswith("{"):
        return Unusable(errors.MissingToolCall(f"it ended without a call of `{tool.name}`"))
    return _handed([text], tool)


def calls_of(turn: Turn) -> tuple[Call, ...]:
    """Return the tool calls of a turn, in their order."""
    return tuple(
        Call(str(block.get("id", "")), str(block.get("name", "")), block.get("input"))
        for block in turn.content
        if block.get("type") == "tool_use"
    )


def _cut_short(turn: Turn) -> errors.WorkerError | None:
    match turn.stop_reason:
        case "refusal":
            return errors.Refused(f"the model declined: {turn.why or 'no reason was given'}")
        case "max_tokens":
            return errors.Truncated("the token limit ended the answer")
        case "model_context_window_exceeded":
            return errors.BadRequest("the request and its answer exceed the model's context window")
    return None


def _handed(given: Sequence[Any], tool: AnswerTool[A]) -> Handed[A] | Unusable:
    """Take the first that is valid; if none is, the first one's faults count."""
    first: errors.InvalidAnswer | None = None
    for value in given:
        try:
            return Handed(tool.validate(value))
        except errors.InvalidAnswer as error:
            first = first or error
    return Unusable(first or errors.InvalidAnswer("nothing was handed in"))


# -- steps


@dataclass(frozen=True, slots=True)
class Replied:
    """What came of one call; `lookup` is None when nothing was looked up."""

    call: Call
    text: str
    is_error: bool = False
    lookup: Lookup | None = None


def answered(said: Conversation, turn: Turn, replies: Sequence[Replied]) -> Conversation:
    """Go on after `turn`, of which every call has its reply, in the order of the calls."""
    blocks = [_result(reply.call.id, reply.text, is_error=reply.is_error) for reply in replies]
    lookups = tuple(reply.lookup for reply in replies if reply.lookup)
    after = _told(_kept(said, turn), blocks)
    return replace(after, lookups=(*said.lookups, *lookups))


def concluded(said: Conversation, turn: Turn, replies: Sequence[Replied], tool: str) -> Conversation:
    """Go on after `turn` and tell the agent to hand in its answer."""
    return replace(_told(answered(said, turn, replies), [_text(_CONCLUDE.format(tool=tool))]), concluding=True)


def without(reply: Replied) -> Replied:
    """Return `reply` without its text, for which there is no room."""
    return Replied(reply.call, _NO_ROOM, is_error=True)


def paused(said: Conversation, turn: Turn) -> Conversation:
    """Go on after a pause: what was said goes back as it is, so that the server ends what it began.

    Where it began nothing of its own, the API would take that for words put into the model's mouth, and reject it.
    """
    after = _kept(said, turn)
    began = any(str(block.get("type")).startswith("server_tool") for block in turn.content)
    return after if began else _told(after, [_text("Go on.")])


def amended(said: Conversation, turn: Turn, error: errors.WorkerError, tool: str) -> Conversation:
    """Return from where an agent whose `turn` can't be used is asked again.

    An answer that was cut off or is empty is dropped, any other stays and is told what was wrong with it.
    """
    again = f"Hand in your answer, in full, with `{tool}`."
    match error:
        case errors.EmptyAnswer():
            return _told(said, [_text(f"Your last answer was empty. {again}")])
        case errors.InvalidAnswer() | errors.MissingToolCall():
            calls = calls_of(turn)
            if not calls:
                return _told(_kept(said, turn), [_text(f"{_sentence(error)} {again}")])
            results = [_correction(call, error, tool, again) for call in calls]
            return _told(_kept(said, turn), results)
    return said


def dropped(said: Conversation, tool: str) -> Conversation:
    """Return from where an agent is asked again whose last turn led too far: it is to conclude instead."""
    return replace(_told(said, [_text(_CONCLUDE.format(tool=tool))]), concluding=True)


def _correction(call: Call, error: errors.WorkerError, tool: str, again: str) -> Block:
    if call.name == tool:
        return _result(call.id, f"{_sentence(error)} {again}", is_error=True)
    said = _REFUSED.format(tool=tool) if isinstance(error, errors.MissingToolCall) else _NOT_RUN
    return _result(call.id, said, is_error=True)


def _sentence(error: errors.WorkerError) -> str:
    said = str(error)[:_LONGEST_FAULT]
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."


def _kept(said: Conversation, turn: Turn) -> Conversation:
    """Append what the model said, block by block as it came.

    The API takes no text block without text, and no message that ends with thinking.
    """
    blocks = tuple(block for block in turn.content if block.get("type") != "text" or str(block.get("text", "")).strip())
    while blocks and blocks[-1].get("type") in _THINKING:
        blocks = blocks[:-1]
    if not blocks:
        return said
    messages = _appended(said.messages, Message("assistant", blocks))
    return replace(said, messages=messages, counted=tokens_of(turn.usage), fresh=0)


def _told(said: Conversation, blocks: Sequence[Block]) -> Conversation:
    """Append to what the agent is told."""
    messages = _appended(said.messages, Message("user", tuple(blocks)))
    return replace(said, messages=messages, fresh=said.fresh + bytes_of(blocks))


def _appended(messages: tuple[Message, ...], message: Message) -> tuple[Message, ...]:
    """Append a message: to the newest one if that has the same role, as roles take turns."""
    if messages and messages[-1].role == message.role:
        return (*messages[:-1], Message(message.role, (*messages[-1].content, *message.content)))
    return (*messages, message)


def bytes_of(blocks: Sequence[Block]) -> int:
    """Return how many bytes of UTF-8 blocks have as JSON."""
    return len(json.dumps(blocks, ensure_ascii=False, default=str).encode("utf-8", "replace"))


def _result(call_id: str, text: str, *, is_error: bool) -> Block:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id, "content": _whole(text) or "(nothing)"}
    return {**block, "is_error": True} if is_error else block


def _text(text: str) -> Block:
    return {"type": "text", "text": _whole(text)}


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs, which no request can hold."""
    return text.encode("utf-8", "replace").decode()


def tokens_of(usage: Usage) -> int:
    """Return all tokens of a turn, in and out, cached or not."""
    return usage.input_tokens + usage.cache_write_tokens + usage.cache_read_tokens + usage.output_tokens
