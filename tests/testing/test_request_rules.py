"""The stand-in rejects what the API rejects, says which field, and never falls over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fanfold.agents.spec import closed_schema
from fanfold.testing.prompt import TokenCounter, prompt_of
from fanfold.testing.rejections import ERROR_TYPES, MODELS, Rejection, check_caller, model_of, parse_body
from fanfold.testing.request_rules import STREAM_ABOVE_TOKENS, check_count, check_request
from fanfold.testing.tool_rules import signature_of

GOOD: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello"}],
}
MARK = {"cache_control": {"type": "ephemeral"}}
TOOL = {"name": "grep", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "t1", "name": "grep", "input": {}}
USE = {"role": "assistant", "content": [CALL]}


def _format(schema: Any) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def _result(identity: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": identity, "content": "found"}]}


def _user(*content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}]}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


HELLO = GOOD["messages"][0]
THOUGHT = {"type": "thinking", "thinking": "x", "signature": signature_of("x")}


def _thought(block: dict[str, Any]) -> dict[str, Any]:
    """A conversation in which the model thought, and called."""
    return {"tools": [TOOL], "messages": [HELLO, {"role": "assistant", "content": [block, CALL]}, _result("t1")]}


def _loop(results: Any, call: dict[str, Any] = CALL) -> dict[str, Any]:
    """A conversation with one call, and what came of it."""
    messages = [HELLO, {"role": "assistant", "content": [call]}, {"role": "user", "content": results}]
    return {"tools": [TOOL], "messages": messages}


LOOP = {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "temperature": ({"temperature": 0.5}, "temperature"),
    "top_p": ({"top_p": 0.5}, "top_p"),
    "top_k": ({"top_k": 5}, "top_k"),
    "unknown field": ({"max_token": 5}, "max_token: Extra inputs"),
    "prefill": ({"messages": [HELLO, {"role": "assistant", "content": "{"}]}, "prefill"),
    "no messages": ({"messages": []}, "messages: List should have at least 1"),
    "a role of its own": (
        {"messages": [{"role": "system", "content": "x"}]},
        "messages.0.role: Input should be",
    ),
    "empty content": ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content: "),
    "text that is none": (_user({"type": "text", "text": 5}), "must be non-empty"),
    "empty text": (_user({"type": "text", "text": ""}), "must be non-empty"),
    "block without type": (_user({"text": "x"}), "messages.0.content.0.type: Field required"),
    "unsigned thinking": (_thought({"type": "thinking", "thinking": "x"}), "signature: Field required"),
    "changed thinking": (_thought(THOUGHT | {"thinking": "y"}), "Invalid `signature` in `thinking` block"),
    "a changed signature": (_thought(THOUGHT | {"signature": "c2lnbmVk"}), "Invalid `signature`"),
    "thinking at the end": (
        {"messages": [HELLO, {"role": "assistant", "content": [_text("x"), THOUGHT]}, HELLO]},
        "messages.1: The final block in an assistant message cannot be `thinking`",
    ),
    "thinking of the user": (_user(THOUGHT, _text("x")), "`thinking` blocks can only be in `assistant` messages"),
    "a call of the user": (_user(CALL), "`tool_use` blocks can only be in `assistant` messages"),
    "a result of the model": (
        {"messages": [HELLO, {**_result("t1"), "role": "assistant"}, HELLO]},
        "`tool_result` blocks can only be in `user` messages",
    ),
    "text before results": (_loop([_text("see"), *_result("t1")["content"]]), "tool_result blocks must come first"),
    "two results of one call": (_loop([*_result("t1")["content"]] * 2), "a single result"),
    "two calls of one id": (
        {"tools": [TOOL], "messages": [HELLO, USE, _result("t1"), USE, _result("t1")]},
        "ids must be unique",
    ),
    "an id that is none": (_loop(_result("t 1")["content"], CALL | {"id": "t 1"}), "tool_use.id: String should match"),
    "a call without a name": (_loop(_result("t1")["content"], CALL | {"name": None}), "tool_use.name"),
    "a call with a list": (_loop(_result("t1")["content"], CALL | {"input": []}), "tool_use.input: Input should be"),
    "calls without tools": ({"messages": [HELLO, USE, _result("t1")]}, "must define tools"),
    "the model first": ({"messages": [{"role": "assistant", "content": "x"}, HELLO]}, "first message must use"),
    "a name with a space": ({"tools": [TOOL | {"name": "g rep"}]}, "tools.0.custom.name: String should match"),
    "a schema of a list": ({"tools": [TOOL | {"input_schema": {"type": "array"}}]}, "tools.0.custom.input_schema.type"),
    "an open strict tool": ({"tools": [TOOL | {"strict": True}]}, "tools.0.custom.input_schema: For 'object' type"),
    "a recursive strict tool": (
        {"tools": [TOOL | {"strict": True, "input_schema": {"type": "object", "additionalProperties": False, **LOOP}}]},
        "recursive",
    ),
    "budget_tokens": ({"thinking": {"type": "adaptive", "budget_tokens": 2000}}, "budget_tokens"),
    "thinking enabled": ({"thinking": {"type": "enabled"}}, "thinking.type"),
    "thinking disabled": ({"thinking": {"type": "disabled"}}, "thinking.type"),
    "forced tool": ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "grep"}}, "tool_choice"),
    "forced any": ({"tools": [TOOL], "tool_choice": {"type": "any"}}, "tool_choice"),
    "tool choice of its own": ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
    "two tools of one name": ({"tools": [TOOL, TOOL]}, "unique"),
    "tool without schema": ({"tools": [{"name": "grep"}]}, "tools.0.custom.input_schema"),
    "tool use unanswered": ({"messages": [HELLO, USE, HELLO]}, "without a tool_result"),
    "tool result out of nowhere": ({"messages": [_result("t9")]}, "without a tool_use"),
    "tool result too late": ({"messages": [HELLO, USE, HELLO, _result("t1")]}, "without a tool_result"),
    "max_tokens negative": ({"max_tokens": -1}, "max_tokens"),
    "max_tokens true": ({"max_tokens": True}, "max_tokens"),
    "max_tokens over the model's": ({"max_tokens": 128_001, "stream": True}, "128000"),
    "max_tokens without a stream": ({"max_tokens": STREAM_ABOVE_TOKENS + 1}, "streaming is required"),
    "max_tokens 0 streaming": ({"max_tokens": 0, "stream": True}, "max_tokens: 0"),
    "max_tokens 0 with a format": ({"max_tokens": 0, **_format({"type": "string"})}, "max_tokens: 0"),
    "effort": ({"output_config": {"effort": "huge"}}, "effort"),
    "format of its own": ({"output_config": {"format": {"type": "xml"}}}, "json_schema"),
    "open object": (_format({"type": "object", "properties": {}}), "additionalProperties"),
    "open object inside": (_format({"type": "array", "items": {"type": "object"}}), "schema.items"),
    "recursive schema": (_format(LOOP), "recursive"),
    "five breakpoints": (_user(*({"type": "text", "text": "x", **MARK} for _ in range(5))), "Found 5"),
    "a fifth at the top": (_user(*({"type": "text", "text": "x", **MARK} for _ in range(4))) | MARK, "Found 5"),
    "wrong shape": ({"tools": {"grep": {}}}, "tools: Input should be a valid list"),
}


@pytest.mark.parametrize("case", BAD)
def test_rejected(case: str) -> None:
    """Each of these is a 400 whose message names the trouble."""
    change, message = BAD[case]
    with pytest.raises(Rejection) as caught:
        check_request(GOOD | change, MODELS["claude-opus-5-5"])
    assert caught.value.status == 400
    assert message in str(caught.value)


@pytest.mark.parametrize("field", ["max_tokens", "messages"])
def test_required_fields(field: str) -> None:
    """A request without a required field is rejected by its name."""
    with pytest.raises(Rejection, match=f"{field}: Field required"):
        check_request({name: value for name, value in GOOD.items() if name != field}, MODELS["claude-opus-5-5"])


class Answer(BaseModel):
    names: list[str]
    best: str | None = None


FINE: dict[str, dict[str, Any]] = {
    "plain": {},
    "effort": {"output_config": {"effort": "max"}},
    "format": _format(closed_schema(Answer.model_json_schema())),
    "a schema's own data": _format({"enum": [{"type": "object"}]}),
    "adaptive thinking": {"thinking": {"type": "adaptive"}},
    "automatic tools": {"tools": [TOOL], "tool_choice": {"type": "auto"}},
    "a tool loop": {"messages": [HELLO, USE, _result("t1")], "tools": [TOOL]},
    "results, then text": _loop([*_result("t1")["content"], _text("Now hand in.")]),
    "thinking as it was": _thought(THOUGHT),
    "a pause in the middle of a server's tool": {
        "messages": [HELLO, {"role": "assistant", "content": [{"type": "server_tool_use", "id": "s1", "input": {}}]}]
    },
    "a strict tool": {"tools": [TOOL | {"strict": True, "input_schema": closed_schema(Answer.model_json_schema())}]},
    "a tool of the API's own": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "four breakpoints": _user(*({"type": "text", "text": "x", **MARK} for _ in range(4))),
    "breakpoints as data": {
        "messages": [HELLO, USE | {"content": [CALL | {"input": {"a": [MARK] * 9}}]}, _result("t1")],
        "tools": [TOOL],
    },
    "the most without a stream": {"max_tokens": STREAM_ABOVE_TOKENS},
    "the most of the model": {"max_tokens": 128_000, "stream": True},
    "warming the cache": {"max_tokens": 0},
}


@pytest.mark.parametrize("case", FINE)
def test_accepted(case: str) -> None:
    """Each of these is taken as it is."""
    check_request(GOOD | FINE[case], MODELS["claude-opus-5-5"])


def test_models_differ() -> None:
    """Haiku takes a forced tool, an older model takes a thinking budget."""
    forced = GOOD | {"tools": [TOOL], "tool_choice": {"type": "any"}}
    check_request(forced, MODELS["claude-haiku-5-5"])
    check_request(GOOD | {"thinking": {"type": "enabled", "budget_tokens": 2000}}, MODELS["claude-sonnet-4-5"])


def test_counting_needs_no_limit() -> None:
    """Tokens are counted for a request without max_tokens, by the same rules otherwise."""
    request = {name: value for name, value in GOOD.items() if name != "max_tokens"}
    check_count(request, MODELS["claude-opus-5-5"])
    for wrong in (GOOD, request | {"temperature": 1}):
        with pytest.raises(Rejection, match=r"not permitted|not supported"):
            check_count(wrong, MODELS["claude-opus-5-5"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"anthropic-version": "2026-10-21"}, 401),
        ({"authorization": "Bearer right"}, 400),
        ({"authorization": "Bearer wrong", "anthropic-version": "2026-10-21"}, 401),
        ({"x-api-key": "wrong", "anthropic-version": "2026-10-21"}, 401),
    ],
)
def test_callers(headers: dict[str, str], status: int) -> None:
    """No key, a wrong key and no version are rejected."""
    with pytest.raises(Rejection) as caught:
        check_caller(headers, "right")
    assert caught.value.status == status


def test_both_ways_to_send_a_key() -> None:
    """The right key is let in from either header, and any key when none is set."""
    version = {"anthropic-version": "2026-10-21"}
    check_caller({"authorization": "Bearer right", **version}, "right")
    check_caller({"x-api-key": "right", **version}, "right")
    check_caller({"x-api-key": "whatever", **version}, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 400),
        (b'{"a": NaN}', 400),
        (b'{"a": "\\udce9"}', 400),
        (b" " * (32 * 1024 * 1024 + 1), 413),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_bodies(body: bytes, status: int) -> None:
    """What is no JSON object is a 400, what is too large a 413."""
    with pytest.raises(Rejection) as caught:
        parse_body(body)
    assert caught.value.status == status


def test_pairs_of_surrogates_are_characters() -> None:
    """An escaped character beyond the basic plane is valid."""
    assert parse_body(b'{"a": "\\ud83d\\ude00"}') == {"a": "😀"}


def test_unknown_models() -> None:
    """A model that is not there is a 404, none at all a 400."""
    for request, status in (({"model": "claude-9"}, 404), ({}, 400), ({"model": 5}, 400)):
        with pytest.raises(Rejection) as caught:
            model_of(request)
        assert caught.value.status == status


@pytest.mark.parametrize("status", [*ERROR_TYPES, 418, 500, 503])
def test_error_documents(status: int) -> None:
    """Every status makes an error document of the API's shape."""
    document = Rejection(status, "why", code="c").body("req_1")
    assert document["type"] == "error"
    assert document["request_id"] == "req_1"
    assert document["error"]["message"] == "why"
    assert document["error"]["details"] == {"error_code": "c"}
    expected = "api_error" if status >= 500 else "invalid_request_error"
    assert document["error"]["type"] == ERROR_TYPES.get(status, expected)


_NAMES = ["type", "role", "content", "text", "id", "$ref", "$defs", "name", "format", "schema", "effort", "input"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 5) | st.text(max_size=5) | st.just("user") | st.just("tool_use"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner),
    max_leaves=12,
)
_FIELDS = sorted(
    {"system", "tools", "tool_choice", "thinking", "output_config", "stream", "max_tokens", "cache_control"}
)


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON), _JSON, _JSON)
def test_any_json_is_taken_or_rejected(fields: dict[str, Any], content: Any, schema: Any) -> None:
    """Whatever JSON comes: it is rejected, or its prompt can be counted; nothing else is raised."""
    request = {**GOOD, **fields, "messages": [{"role": "user", "content": content}]}
    if "output_config" not in fields:
        request |= _format(schema)
    try:
        check_request(request, MODELS["claude-opus-5-5"])
    except Rejection as rejection:
        json.dumps(rejection.body("r"))
    else:
        assert prompt_of(request, MODELS["claude-opus-5-5"], TokenCounter(2.8))
