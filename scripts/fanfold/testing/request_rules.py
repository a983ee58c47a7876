"""The rules by which the Messages API rejects a request with 400; each message names the field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fanfold.testing.rejections import Model, Rejection
from fanfold.testing.tool_rules import (
    content_of,
    owners,
    thinking_goes_back,
    tool_calls,
    tool_definitions,
    tool_turns,
)

# A stream is needed where an answer could take more than 10 minutes, at an hour for 128,000 tokens.
STREAM_ABOVE_TOKENS = 128_000 * 10 // 60
_MOST_BREAKPOINTS = 4


def check_request(request: dict[str, Any], model: Model) -> None:
    """Raise the Rejection of a request that the API does not take."""
    _check_shape(request)
    for rule in _RULES:
        for message in rule(request, model):
            raise Rejection(400, message)


def check_count(request: dict[str, Any], model: Model) -> None:
    """Raise the Rejection of a request whose tokens can't be counted; it needs no `max_tokens`."""
    if "stream" in request or "max_tokens" in request:
        raise Rejection(400, "stream, max_tokens: Extra inputs are not permitted")
    check_request({**request, "max_tokens": 1}, model)


class _Open(BaseModel):
    """Fields beyond those that matter here are taken."""

    model_config = ConfigDict(extra="allow", strict=True)


class _Closed(BaseModel):
    """Fields that the API does not know are errors."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Block(_Open):
    type: str


class _Message(_Closed):
    role: Literal["user", "assistant"]
    content: Annotated[str | list[_Block], Field(min_length=1)]


class _Tool(_Open):
    name: str


class _ToolChoice(_Open):
    type: Literal["auto", "any", "tool", "none"]


class _Thinking(_Open):
    type: str


class _Format(_Closed):
    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class _OutputConfig(_Closed):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Request(_Closed):
    """What a request may hold; temperature, top_p and top_k are gone."""

    model: str
    max_tokens: int = Field(ge=0)
    messages: list[_Message] = Field(min_length=1)
    system: str | list[_Block] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _ToolChoice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    stream: bool | None = None
    cache_control: dict[str, Any] | None = None
    stop_sequences: list[str] | None = None
    metadata: Any = None
    service_tier: Any = None
    speed: Any = None
    container: Any = None
    diagnostics: Any = None
    inference_geo: Any = None


def _check_shape(request: dict[str, Any]) -> None:
    """The rules rely on it."""
    try:
        _Request.model_validate(request)
    except ValidationError as error:
        # Of a union's branches, the one that got furthest is what was meant.
        deepest = max(error.errors(include_url=False), key=lambda fault: len(fault["loc"]))
        place = ".".join(str(part) for part in deepest["loc"] if not _is_branch(part))
        raise Rejection(400, f"{place}: {deepest['msg']}") from error


def _is_branch(part: str | int) -> bool:
    """Tell whether a part of an error's place is the name of a type that was tried, not a field."""
    return isinstance(part, str) and (part == "str" or "[" in part)


_Rule = Callable[[dict[str, Any], Model], Iterator[str]]


def _max_tokens(request: dict[str, Any], model: Model) -> Iterator[str]:
    limit = request["max_tokens"]
    if limit > model.most_output:
        yield f"max_tokens: {limit} > {model.most_output}, the most that {model.id} can answer"
    elif limit > STREAM_ABOVE_TOKENS and not request.get("stream"):
        yield f"max_tokens: above {STREAM_ABOVE_TOKENS} streaming is required"
    elif limit == 0 and (request.get("stream") or _output_config(request).get("format")):
        yield "max_tokens: 0 can't be combined with streaming or output_config.format"


def _messages(request: dict[str, Any], _model: Model) -> Iterator[str]:
    for place, message in enumerate(request["messages"]):
        for index, block in enumerate(content_of(message)):
            if block["type"] == "text" and not _is_text(block.get("text")):
                yield f"messages.{place}.content.{index}: text content blocks must be non-empty"
    if request["messages"][0]["role"] != "user":
        yield 'messages: first message must use the "user" role'
    last = request["messages"][-1]
    # What the server paused in the middle of one of its own tools it takes back.
    if last["role"] == "assistant" and not any(block["type"] == "server_tool_use" for block in content_of(last)):
        yield "messages: prefill is not supported by this model; the conversation must end with a user message"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _thinking(request: dict[str, Any], model: Model) -> Iterator[str]:
    thinking = request.get("thinking") or {}
    if model.current and "budget_tokens" in thinking:
        yield "thinking.budget_tokens: is not supported by this model; use output_config.effort"
    if model.current and thinking.get("type", "adaptive") != "adaptive":
        yield f"thinking.type: {thinking['type']!r} is not supported by this model; thinking is adaptive"


def _tool_choice(request: dict[str, Any], model: Model) -> Iterator[str]:
    kind = (request.get("tool_choice") or {}).get("type")
    if kind in ("any", "tool") and not model.forced_tools:
        yield f"tool_choice.type: {kind!r} is not supported by this model"


def _output(request: dict[str, Any], model: Model) -> Iterator[str]:
    if _output_config(request).get("effort") and not model.current:
        yield f"output_config.effort: is not supported by {model.id}"
    wanted = _output_config(request).get("format")
    if wanted:
        yield from _schema(wanted["schema"], "output_config.format.schema")
        if _refers_to_itself(wanted["schema"]):
            yield "output_config.format.schema: recursive schemas are not supported"


def _strict_tools(request: dict[str, Any], _model: Model) -> Iterator[str]:
    for place, tool in enumerate(request.get("tools") or ()):
        if tool.get("strict"):
            yield from _schema(tool["input_schema"], f"tools.{place}.custom.input_schema")
            if _refers_to_itself(tool["input_schema"]):
                yield f"tools.{place}.custom.input_schema: recursive schemas are not supported"


def _schema(schema: Any, place: str) -> Iterator[str]:
    """Every object must be closed."""
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from _schema(part, f"{place}.{index}")
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield f"{place}: For 'object' type, 'additionalProperties' must be explicitly set to false"
    for name, part in schema.items():
        if name not in _DATA:
            yield from _schema(part, f"{place}.{name}")


# Keywords whose values are data, not schemas.
_DATA = frozenset({"const", "default", "enum", "examples"})


def _refers_to_itself(schema: dict[str, Any]) -> bool:
    """Tell whether following the references of the schema's definitions comes back to one of them."""
    homes = [home for name in ("$defs", "definitions") if isinstance(home := schema.get(name), dict)]
    definitions = {name: part for home in homes for name, part in home.items()}
    edges = {name: _references(part) for name, part in definitions.items()}
    reached = {name: set(targets) for name, targets in edges.items()}
    for _ in edges:
        for targets in reached.values():
            targets |= {far for near in targets for far in edges.get(near, ())}
    return any(name in targets for name, targets in reached.items()) or "#" in _references(schema)


def _references(part: Any) -> set[str]:
    if isinstance(part, list):
        return {name for item in part for name in _references(item)}
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"].rsplit("/", 1)[-1]} if isinstance(part.get("$ref"), str) else set()
    return own | {name for item in part.values() for name in _references(item)}


def _breakpoints(request: dict[str, Any], _model: Model) -> Iterator[str]:
    found = _count_breakpoints({name: request.get(name) for name in ("tools", "system", "messages")})
    found += "cache_control" in request
    if found > _MOST_BREAKPOINTS:
        yield f"A maximum of {_MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {found}."


def _count_breakpoints(part: Any) -> int:
    if isinstance(part, list):
        return sum(map(_count_breakpoints, part))
    if not isinstance(part, dict):
        return 0
    inner = sum(_count_breakpoints(value) for name, value in part.items() if name not in _OPAQUE)
    return inner + (part.get("cache_control") is not None)


# What a tool or the model filled in: a "cache_control" in there is data.
_OPAQUE = frozenset({"input", "input_schema", "cache_control"})


def _output_config(request: dict[str, Any]) -> dict[str, Any]:
    return request.get("output_config") or {}


_RULES: tuple[_Rule, ...] = (
    _max_tokens,
    _messages,
    owners,
    tool_calls,
    tool_turns,
    tool_definitions,
    thinking_goes_back,
    _thinking,
    _tool_choice,
    _strict_tools,
    _output,
    _breakpoints,
)
