"""Messages on the wire: the stream adds up to the message, token counts and times included."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.testing.options import Fault, FaultKind
from fanfold.testing.prompt import TokenCounter
from fanfold.testing.replies import Reply
from fanfold.testing.wire import (
    STREAM_TYPE,
    Ending,
    Message,
    Piece,
    Playback,
    body_pieces,
    limit_content,
    stream_pieces,
)
from fanfold.testing.wire_faults import with_fault

ONE_CHARACTER = TokenCounter(1.0)


def _message(reply: Reply, *, most_tokens: int = 10**6, per_token_s: float = 0.0, events: int = 8) -> Message:
    content, tokens, cut = limit_content(reply, most_tokens, ONE_CHARACTER)
    return Message(
        id="msg_1",
        model="claude-opus-5-5",
        content=content,
        tokens=tokens,
        stop_reason=cut or "end_turn",
        usage={"input_tokens": 5, "output_tokens": max(1, sum(tokens))},
        per_token_s=per_token_s,
        most_events=events,
    )


def _events(pieces: tuple[Piece, ...]) -> list[dict[str, Any]]:
    """Read server-sent events back; the event line must agree with the data."""
    events = []
    for chunk in b"".join(piece.data for piece in pieces).decode().split("\n\n")[:-1]:
        name, data = chunk.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def _assembled(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Put a stream together again, as a client does."""
    message: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                assert event["index"] == len(message["content"])
                message["content"].append(event["content_block"])
            case "content_block_delta" if event["delta"]["type"] == "input_json_delta":
                inputs[event["index"]] = inputs.get(event["index"], "") + event["delta"]["partial_json"]
            case "content_block_delta":
                name = _DELTAS[event["delta"]["type"]]
                message["content"][event["index"]][name] += event["delta"][name]
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
    for index, text in inputs.items():
        message["content"][index]["input"] = json.loads(text)
    return message


_BLOCKS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(min_size=1, max_size=40)),
    st.builds(
        lambda value: {"type": "tool_use", "name": "t", "input": value},
        st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
    ),
)


@given(st.lists(_BLOCKS, max_size=4), st.none() | st.text(max_size=30), st.integers(1, 20), st.integers(0, 60))
def test_a_stream_is_its_message(
    blocks: list[dict[str, Any]], thinking: str | None, events: int, most_tokens: int
) -> None:
    """Any content, cut or not: the events add up to exactly the message that a plain response holds."""
    message = _message(Reply(blocks=blocks, thinking=thinking), most_tokens=most_tokens, events=events)
    assert _assembled(_events(stream_pieces(message))) == message.document()
    assert json.loads(b"".join(piece.data for piece in body_pieces(message))) == message.document()


@given(st.lists(_BLOCKS, max_size=4), st.none() | st.text(max_size=30), st.integers(0, 60))
def test_the_limit_holds(blocks: list[dict[str, Any]], thinking: str | None, most_tokens: int) -> None:
    """Content never exceeds the limit, thinking included, and says `max_tokens` only when something is gone."""
    reply = Reply(blocks=blocks, thinking=thinking)
    content, tokens, cut = limit_content(reply, most_tokens, ONE_CHARACTER)
    assert sum(tokens) <= most_tokens
    assert len(content) == len(tokens)
    assert (content == reply.content()) == (cut is None)


def test_order_of_events() -> None:
    """A stream has the API's order of events, with a ping after the start."""
    names = [event["type"] for event in _events(stream_pieces(_message(Reply("hello", thinking="hm"), events=1)))]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    thinking = [*block[:2], *block[1:]]  # its text and its signature
    assert names == ["message_start", "ping", *thinking, *block, "message_delta", "message_stop"]


@given(st.text(min_size=1, max_size=200), st.integers(1, 20))
def test_the_pace(text: str, events: int) -> None:
    """The delays of a stream are its tokens at the pace, and the running count ends at the reported total."""
    message = _message(Reply(text), per_token_s=0.5, events=events)
    pieces = stream_pieces(message)
    assert sum(piece.delay_s for piece in pieces) == pytest.approx(0.5 * len(text))
    counts = [piece.tokens for piece in pieces]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(text))
    assert sum(b"content_block_delta" in piece.data for piece in pieces) <= events


def test_a_plain_response_takes_as_long() -> None:
    """A response that doesn't stream comes when the last token of a stream would."""
    message = _message(Reply("x" * 10), per_token_s=0.5)
    assert sum(piece.delay_s for piece in body_pieces(message)) == 5.0


def _playback(fault: Fault) -> Playback:
    pieces = stream_pieces(_message(Reply("x" * 100)))
    return with_fault(Playback(200, (STREAM_TYPE,), pieces, wait_s=1.0), fault)


WHOLE = len(stream_pieces(_message(Reply("x" * 100))))
WIRE = {
    FaultKind.RESET: (None, Ending.RESET),
    FaultKind.HANG: (None, Ending.HANG),
    FaultKind.STALL: (200, Ending.HANG),
    FaultKind.CUT: (200, Ending.CLOSE),
    FaultKind.EARLY_END: (200, Ending.WHOLE),
    FaultKind.ERROR_EVENT: (200, Ending.WHOLE),
    FaultKind.MALFORMED_JSON: (200, Ending.WHOLE),
    FaultKind.HTML: (200, Ending.WHOLE),
}


@pytest.mark.parametrize("kind", WIRE)
@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_faults_break_the_stream(kind: FaultKind, at: float) -> None:
    """Wherever it strikes, a fault on the wire keeps the end of the message from arriving."""
    playback = _playback(Fault(kind=kind, at=at))
    assert (playback.status, playback.ending) == WIRE[kind]
    assert b"message_stop" not in b"".join(piece.data for piece in playback.pieces)
    assert len(playback.pieces) <= WHOLE


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.STALL])
def test_pauses_that_end(kind: FaultKind) -> None:
    """A hang or stall with an end is the whole answer, later by its seconds."""
    playback = _playback(Fault(kind=kind, seconds=7.0))
    assert len(playback.pieces) == WHOLE
    assert playback.wait_s + sum(piece.delay_s for piece in playback.pieces) == 8.0


def test_other_kinds_leave_the_wire_alone() -> None:
    """Faults that aren't of the wire change nothing there."""
    whole = _playback(Fault(kind=FaultKind.REFUSAL))
    assert (len(whole.pieces), whole.ending) == (WHOLE, Ending.WHOLE)
