"""The `api` backend at the SDK's edges: what is sent, what comes back, and every way that can fail.

Answers here are scripted; no model was asked.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from fanfold import errors
from fanfold.agents.api import ApiBackend
from fanfold.agents.api_errors import map_error
from fanfold.agents.backends import Premises
from fanfold.agents.layout import request_of
from fanfold.agents.spec import AgentSpec, Brief
from fanfold.engine.attempt import Attempt
from fanfold.models import Usage
from fanfold.testing.examples import JUDGE, REPORT, Answer

URL = "https://api.anthropic.com/v1/messages"


PREMISES = Premises(None, Path("/nowhere"))


def spec(task="Find.", *, effort=None, **fields):
    brief = Brief("claude-opus-5-5", effort, "You are one of several.", (REPORT, JUDGE))
    values = {"role": "finder", "brief": brief, "context": "The change.", "answer": REPORT, "max_tokens": 1000}
    return AgentSpec(task=task, **{**values, **fields})


def sse(*events):
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def started(**usage):
    counts = {"input_tokens": 100, "output_tokens": 1, **usage}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "claude-opus-5-5", "content": []}
    return {"type": "message_start", "message": {**message, "stop_reason": None, "usage": counts}}


def block(text, index=0):
    return (
        {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": index},
    )


def thinking(text):
    return (
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": text}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "sig"}},
        {"type": "content_block_stop", "index": 0},
    )


def ended(reason="end_turn", **more):
    delta = {"stop_reason": reason, "stop_sequence": None, **more}
    return (
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 50}},
        {"type": "message_stop"},
    )


@pytest.fixture
def ask(respx_httpx2, monkeypatch):
    """Ask one sub-agent of whatever the route answers; returns (answer or error, attempt, request)."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")

    def run(*, text=None, status=200, body=None, headers=None, error=None, attempt=None, about=None):
        attempt = attempt or Attempt()
        kind = "text/event-stream" if text is not None else "application/json"
        content = (text if text is not None else json.dumps(body)).encode()
        route = respx_httpx2.post(URL)
        if error:
            route.mock(side_effect=error)
        else:
            route.respond(status, headers={"content-type": kind, **(headers or {})}, content=content)

        async def go():
            backend = ApiBackend(PREMISES)
            try:
                return await backend.ask(about or spec(), attempt)
            except errors.WorkerError as failure:
                return failure
            finally:
                await backend.close()

        result = asyncio.run(go())
        calls = route.calls
        return result, attempt, json.loads(calls.last.request.content) if calls else None

    return run


def test_an_answer_is_validated_and_charged(ask):
    """A streamed answer after a thinking block becomes a value; its usage is priced, cache included."""
    answer = json.dumps({"words": ["a"]})
    text = sse(started(cache_read_input_tokens=900), *thinking("hm"), *block(answer, 1), *ended())
    result, attempt, _ = ask(text=text)
    assert result.answer == Answer(words=["a"])
    assert attempt.has_begun
    usage = attempt.usage
    assert (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens) == (100, 900, 50)
    assert 0 < usage.cost_usd < usage.cost_uncached_usd


def test_the_request_is_laid_out_for_the_cache(ask):
    """Shared parts come first with one breakpoint at their end; no field that the API rejects is sent."""
    answer = sse(started(), *block('{"words": []}'), *ended())
    _, _, sent = ask(text=answer, about=spec("Find bugs.", effort="high"))
    shared, own = sent["messages"][0]["content"]
    assert shared == {"type": "text", "text": "The change.", "cache_control": {"type": "ephemeral"}}
    assert own == {"type": "text", "text": "Find bugs.\n\nHand in your answer with `report`."}
    assert json.dumps(sent).count("cache_control") == 1
    assert sent["output_config"] == {"effort": "high"}
    assert [(tool["name"], tool["strict"]) for tool in sent["tools"]] == [("report", True), ("judge", True)]
    assert all(tool["input_schema"]["additionalProperties"] is False for tool in sent["tools"])
    assert not sent.keys() & {"temperature", "top_p", "top_k", "thinking", "tool_choice"}


def test_two_roles_share_their_prefix_to_the_byte():
    """Everything up to the breakpoint is the same for every role of a run, whatever it hands in."""
    one, two = (request_of(about) for about in (spec("Find bugs."), spec("Refute.", answer=JUDGE)))
    assert one["messages"][0]["content"].pop() != two["messages"][0]["content"].pop()
    assert json.dumps(one) == json.dumps(two)


def test_a_correction_stands_in_the_agents_own_part():
    """Where the answer that it is about is not part of the conversation, as in a batch."""
    request = request_of(spec(), correction="words: missing")
    assert "words: missing" in request["messages"][0]["content"][1]["text"]


@pytest.mark.parametrize(("limit", "enlarged"), [(1000, 2000), (100_000, 128_000)])
def test_a_cut_answer_is_asked_for_with_more_room(ask, limit, enlarged):
    """Twice the tokens, up to the model's limit."""
    text = sse(started(), *block('{"words": []}'), *ended())
    _, _, sent = ask(text=text, about=spec(max_tokens=limit), attempt=Attempt(enlarge=True))
    assert sent["max_tokens"] == enlarged


def failure(kind, message="why", code=None):
    error = {"type": kind, "message": message}
    return {"type": "error", "error": {**error, "details": {"error_code": code}} if code else error}


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (400, failure("invalid_request_error"), errors.BadRequest, "400"),
        (401, failure("authentication_error"), errors.Unauthorized, "ANTHROPIC_API_KEY"),
        (402, failure("billing_error"), errors.NoCredit, "credit"),
        (403, failure("permission_error"), errors.Unauthorized, "403"),
        (404, failure("not_found_error"), errors.NotFound, "--model"),
        (408, failure("timeout_error"), errors.ConnectionLost, "408"),
        (409, failure("conflict"), errors.ConnectionLost, "409"),
        (413, failure("request_too_large"), errors.BadRequest, "too large"),
        (422, failure("invalid_request_error"), errors.BadRequest, "422"),
        (429, failure("rate_limit_error"), errors.RateLimited, "429"),
        (
            429,
            failure("rate_limit_error", code="enforced_spend_limit_reached"),
            errors.NoCredit,
            "spend limit",
        ),
        (
            429,
            failure("rate_limit_error", "You have reached your usage limits"),
            errors.NoCredit,
            "spend limit",
        ),
        (500, failure("api_error"), errors.Overloaded, "500"),
        (503, {"not": "an error"}, errors.Overloaded, "503"),
        (529, failure("overloaded_error"), errors.Overloaded, "529"),
    ],
)
def test_each_status_has_its_error(ask, status, body, kind, says):
    """The kind decides whether the engine asks again; the message says what to do."""
    result, attempt, _ = ask(status=status, body=body)
    assert type(result) is kind
    assert says in str(result)
    cost = None if kind is errors.ConnectionLost else 0.0
    assert attempt.usage == Usage(requests=1, cost_usd=cost, cost_uncached_usd=cost)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0.5", 0.5), ("soon", None), ("-1", None), ("inf", None)])
def test_retry_after_is_handed_on(ask, header, seconds):
    """What can't be understood is as good as absent."""
    result, _, _ = ask(status=429, body=failure("rate_limit_error"), headers={"retry-after": header})
    assert result.retry_after_s == seconds


@pytest.mark.parametrize(
    ("text", "kind", "charged"),
    [
        (sse(started(), *block("{"), *ended("max_tokens")), errors.Truncated, True),
        (
            sse(started(), *ended("refusal", stop_details={"type": "refusal", "category": "cyber"})),
            errors.Refused,
            True,
        ),
        (sse(started(), *block('{"words": 1}'), *ended()), errors.InvalidAnswer, True),
        (sse(started(), *block("{no json"), *ended()), errors.InvalidAnswer, True),
        (sse(started(), *block("Looks good."), *ended()), errors.MissingToolCall, True),
        (sse(started(), *ended()), errors.EmptyAnswer, True),
        (sse(started(), *block('{"words": []}')), errors.ConnectionLost, True),
        (sse(started(), failure("overloaded_error")), errors.Overloaded, True),
        (sse(started(), failure("rate_limit_error")), errors.RateLimited, True),
        (sse(failure("authentication_error")), errors.Unauthorized, False),
        ("", errors.ConnectionLost, False),
        ("event: message_start\ndata: {broken\n\n", errors.ConnectionLost, False),
        (sse(started(), *ended("model_context_window_exceeded")), errors.BadRequest, True),
    ],
)
def test_each_way_a_stream_can_end_has_its_error(ask, text, kind, charged):
    """What was used before it ended is charged; nothing for an error, and of a stream without a word it is unknown."""
    result, attempt, _ = ask(text=text)
    assert type(result) is kind
    assert attempt.usage.requests == 1
    assert (attempt.usage.input_tokens > 0) is charged
    if not charged:
        assert attempt.usage.cost_usd == (None if kind is errors.ConnectionLost else 0.0)


def test_what_arrived_of_a_broken_answer_is_charged(ask):
    """The server bills what it sent, and never reported it: it is estimated."""
    result, attempt, _ = ask(text=sse(started(), *block("x" * 2200)))
    assert type(result) is errors.ConnectionLost
    assert attempt.usage.output_tokens == 1000


def test_a_proxys_page_is_no_answer(ask):
    """HTML with status 200 is a lost connection, not a crash and not an answer."""
    result, _, _ = ask(text="<html>login</html>", headers={"content-type": "text/html"})
    assert type(result) is errors.ConnectionLost


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError("no route"),
        httpx2.ReadTimeout("slow"),
        httpx2.RemoteProtocolError("cut"),
        httpx2.ReadError("x"),
    ],
)
def test_a_broken_connection_may_be_tried_again(ask, error):
    """Whatever the transport raises is a lost connection."""
    result, _, _ = ask(error=error)
    assert isinstance(result, errors.ConnectionLost)


def test_no_credential_is_one_clear_line(respx_httpx2):
    """Without a key the error says what to do, before anything is sent."""

    async def go():
        backend = ApiBackend(PREMISES)
        try:
            with pytest.raises(errors.Unauthorized, match=r"ANTHROPIC_API_KEY|credential"):
                await backend.ask(spec(), Attempt())
        finally:
            await backend.close()

    asyncio.run(go())


def tree(error: type[Exception]) -> set[type[Exception]]:
    return {error, *(sub for child in error.__subclasses__() for sub in tree(child))}


@pytest.mark.parametrize("kind", sorted(tree(anthropic.AnthropicError), key=str))
def test_every_error_of_the_sdk_is_mapped(kind):
    """Whatever class of its tree the SDK raises, a WorkerError comes out."""
    response = httpx2.Response(getattr(kind, "status_code", 500), request=httpx2.Request("POST", URL))
    ways: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
        (("m",), {"response": response, "body": None}),
        (("m", response.request), {"body": None}),
        ((), {"request": response.request}),
        ((response.request,), {}),
        ((response, None), {}),
        (("m",), {}),
        ((), {}),
        ((), {"extra": "e", "library": "l"}),
    )
    for positional, named in ways:
        try:
            error = kind(*positional, **named)
        except TypeError:
            continue
        mapped = map_error(error)
        assert isinstance(mapped, errors.WorkerError)
        assert str(mapped)
        return
    pytest.fail(f"no way to make a {kind.__name__} is known here")
