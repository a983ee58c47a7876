"""Messages on the wire: the events of a stream or a JSON body, in pieces with their times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import accumulate, chain
from typing import Any

from fanfold.testing.prompt import TokenCounter, compact
from fanfold.testing.replies import Block, Reply

JSON_TYPE = ("content-type", "application/json")
STREAM_TYPE = ("content-type", "text/event-stream; charset=utf-8")


class Ending(Enum):
    """What becomes of the connection after the last piece."""

    WHOLE = auto()
    CLOSE = auto()
    RESET = auto()
    HANG = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes to send, seconds to wait before them, and the output tokens that are sent when they are."""

    data: bytes
    delay_s: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Playback:
    """A response as it is going to be played.

    The status line goes out after `wait_s` seconds, the pieces after that; status None is no answer at all.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[Piece, ...] = ()
    ending: Ending = Ending.WHOLE
    wait_s: float = 0.0


def json_playback(status: int, document: Any, *headers: tuple[str, str]) -> Playback:
    """Return a response that is a JSON document."""
    return Playback(status, (JSON_TYPE, *headers), (Piece(compact(document).encode()),))


@dataclass(frozen=True)
class Message:
    """A reply that has become the answer to one request, as the API shapes it.

    `tokens` is the length of each content block; `per_token_s` and `most_events` say how it streams.
    """

    id: str
    model: str
    content: list[Block]
    tokens: list[int]
    stop_reason: str
    usage: dict[str, Any]
    per_token_s: float = 0.0
    most_events: int = 8
    stop_details: dict[str, Any] | None = field(default=None)

    def document(self) -> dict[str, Any]:
        """Return the message as a response that doesn't stream has it."""
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": self.content,
            "stop_reason": self.stop_reason,
            "stop_sequence": None,
            "stop_details": self.stop_details,
            "usage": self.usage,
        }


def limit_content(reply: Reply, max_tokens: int, counter: TokenCounter) -> tuple[list[Block], list[int], str | None]:
    """Return a reply's content within the limit, the tokens of each block, and `max_tokens` if it was cut."""
    kept: list[Block] = []
    counts: list[int] = []
    for block in reply.content():
        left = max_tokens - sum(counts)
        tokens = _output_tokens(block, counter)
        if tokens <= left:
            kept.append(block)
            counts.append(tokens)
            continue
        if left > 0 and (shorter := _cut_block(block, left, counter)):
            kept.append(shorter)
            counts.append(left)
        return kept, counts, "max_tokens"
    return kept, counts, None


def _output_tokens(block: Block, counter: TokenCounter) -> int:
    said = block.get("text", block.get("thinking", block.get("input")))
    return counter.count(said if said is not None else block)


def _cut_block(block: Block, tokens: int, counter: TokenCounter) -> Block | None:
    """Shorten a block; a tool call that doesn't fit is dropped whole, as half of its JSON is of no use."""
    for name in ("text", "thinking"):
        if name in block:
            return {**block, name: counter.cut(block[name], tokens)}
    return None


def body_pieces(message: Message) -> tuple[Piece, ...]:
    """Return a message that doesn't stream, in two halves, so that a fault can come between them."""
    body = compact(message.document()).encode()
    half = len(body) // 2
    tokens = message.usage["output_tokens"]
    return Piece(body[:half], tokens * message.per_token_s, tokens // 2), Piece(body[half:], 0.0, tokens)


def stream_pieces(message: Message) -> tuple[Piece, ...]:
    """Return a message as a stream of events."""
    start = {**message.document(), "content": [], "stop_reason": None, "stop_details": None}
    start["usage"] = {**message.usage, "output_tokens": min(1, message.usage["output_tokens"])}
    stop = {"stop_reason": message.stop_reason, "stop_sequence": None, "stop_details": message.stop_details}
    usage = {name: value for name, value in message.usage.items() if name in _DELTA_USAGE}
    total = message.usage["output_tokens"]
    pieces = chain(
        [Piece(event("message_start", message=start)), Piece(event("ping"))],
        *(_block_pieces(message, index) for index in range(len(message.content))),
        [Piece(event("message_delta", delta=stop, usage=usage)), Piece(event("message_stop"))],
    )
    return _with_running_tokens(tuple(pieces), total)


_DELTA_USAGE = frozenset({"input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"})


def _block_pieces(message: Message, index: int) -> Iterator[Piece]:
    """Yield one block's events; each piece has its own tokens only."""
    block, tokens = message.content[index], message.tokens[index]
    yield Piece(event("content_block_start", index=index, content_block=_opened(block)))
    deltas = list(_deltas(block, message.most_events))
    for place, delta in enumerate(deltas):
        share = tokens * (place + 1) // len(deltas) - tokens * place // len(deltas)
        data = event("content_block_delta", index=index, delta=delta)
        yield Piece(data, share * message.per_token_s, share)
    yield Piece(event("content_block_stop", index=index))


def _opened(block: Block) -> Block:
    """Return a block as it is before its deltas."""
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: empty.get(name, value) for name, value in block.items()}


def _deltas(block: Block, most: int) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            for part in _parts(block["text"], most):
                yield {"type": "text_delta", "text": part}
        case "thinking":
            for part in _parts(block["thinking"], most):
                yield {"type": "thinking_delta", "thinking": part}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            for part in ("", *_parts(compact(block["input"]), most)):
                yield {"type": "input_json_delta", "partial_json": part}


def _parts(text: str, most: int) -> list[str]:
    """Split a text into at most that many parts of about the same length."""
    size = -(-len(text) // most)
    return [text[start : start + size] for start in range(0, len(text), size)] if text else []


def _with_running_tokens(pieces: Sequence[Piece], total: int) -> tuple[Piece, ...]:
    """Turn each piece's own tokens into those sent so far; the last piece brings them to the reported total."""
    so_far = [min(tokens, total) for tokens in accumulate(piece.tokens for piece in pieces)]
    so_far[-2:] = [total, total]
    return tuple(replace(piece, tokens=tokens) for piece, tokens in zip(pieces, so_far, strict=True))


def event(name: str, **data: Any) -> bytes:
    """Return one server-sent event."""
    return f"event: {name}\ndata: {compact({'type': name, **data})}\n\n".encode()
