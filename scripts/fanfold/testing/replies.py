"""What a stand-in server answers: replies, and the scripts that choose them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from pydantic import ConfigDict

from fanfold.testing.options import Fault, Latency
from fanfold.testing.tool_rules import signature_of

Request: TypeAlias = Mapping[str, Any]
Block: TypeAlias = dict[str, Any]


# For scripts that come from a file: a misspelt field is an error.
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Reply:
    """One answer of the model.

    Its content is `thinking`, when there is any, and then `blocks` (text or tool_use blocks as the API has
    them; an `id` is made up where one is missing), or else `json` as text, or else `text`; no block when
    that is "". `stop_reason` follows from the content unless it is given. `usage` overrides fields of what
    is reported, `latency` the server's, `fault` makes it go wrong.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    text: str = ""
    json: Any = None
    blocks: Sequence[Block] = ()
    thinking: str | None = None
    stop_reason: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    latency: Latency | None = None
    fault: Fault | None = None

    def content(self) -> list[Block]:
        """Return the content blocks, as new objects."""
        thinking: list[Block] = []
        if self.thinking is not None:
            thinking = [{"type": "thinking", "thinking": self.thinking, "signature": signature_of(self.thinking)}]
        if self.blocks:
            return thinking + [_with_id(block, place) for place, block in enumerate(self.blocks)]
        text = self.text if self.json is None else json.dumps(self.json, ensure_ascii=False)
        return [*thinking, {"type": "text", "text": text}] if text else thinking


def _with_id(block: Block, place: int) -> Block:
    if block.get("type") != "tool_use":
        return {**block}
    return {"type": "tool_use", "id": f"toolu_{place:024d}", "input": {}, **block}


@dataclass(frozen=True)
class Rule:
    """Answers the requests that hold `match` anywhere in their system prompt or messages; "" matches all.

    `replies` are given in turn; the last one repeats.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    match: str
    replies: Sequence[Reply]


Answer: TypeAlias = Callable[[dict[str, Any]], Reply]
Script: TypeAlias = Answer | Sequence[Rule] | Reply | None


def answer_of(script: Script) -> Answer:
    """Return the function that a script stands for.

    None answers "ok", or the smallest value that fits the schema when the request asks for structured output or
    for the call of a strict tool (the one that its last message names last). A function of the request is called on
    the server's thread. A request that no rule matches raises LookupError.
    """
    if script is None:
        return default_reply
    if isinstance(script, Reply):
        return lambda _request: script
    return script if callable(script) else _Rules(script)


class _Rules:
    """The first rule that matches answers."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        if empty := [rule.match for rule in rules if not rule.replies]:
            raise ValueError(f"these rules have no reply: {empty}")
        self._rules = rules
        self._given: Counter[int] = Counter()

    def __call__(self, request: dict[str, Any]) -> Reply:
        text = text_of(request)
        for place, rule in enumerate(self._rules):
            if rule.match in text:
                turn = min(self._given[place], len(rule.replies) - 1)
                self._given[place] += 1
                return rule.replies[turn]
        raise LookupError(f"no rule matches; the request begins {text[:200]!r}")


def text_of(request: Request) -> str:
    """Join the texts of a request: system prompt, messages, tool results."""
    contents = [request.get("system"), *(message.get("content") for message in request.get("messages", ()))]
    return "\n".join(text for content in contents for text in _texts(content))


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, Mapping):
        return _texts(content.get("text", content.get("content")))
    return [text for part in content for text in _texts(part)] if isinstance(content, list) else []


def default_reply(request: Request) -> Reply:
    """Answer as little as fits."""
    if (tool := wanted_tool(request)) is not None:
        return Reply(blocks=[{"type": "tool_use", "name": tool["name"], "input": smallest(tool["input_schema"])}])
    schema = schema_of(request)
    return Reply(text="ok") if schema is None else Reply(json=smallest(schema))


def wanted_tool(request: Request) -> Mapping[str, Any] | None:
    """Return the strict tool that the last message names, the one named last if it names several; or None."""
    said = "\n".join(text for message in request["messages"][-1:] for text in _texts(message["content"]))
    named = ((said.rfind(f"`{tool['name']}`"), tool) for tool in request.get("tools") or () if tool.get("strict"))
    at, tool = max(named, key=lambda found: found[0], default=(-1, {}))
    return tool if at >= 0 else None


def schema_of(request: Request) -> Any:
    """Return the JSON schema that a request wants its answer in, or None."""
    return ((request.get("output_config") or {}).get("format") or {}).get("schema")


def smallest(schema: Any, root: Any = None) -> Any:
    """Return the smallest value that fits a closed JSON schema: empty lists, empty strings, zeros.

    Bounds (`minimum`, `minLength`, …) are not looked at, as the API doesn't enforce them either.
    """
    root = schema if root is None else root
    if "$ref" in schema:
        return smallest(_resolve(schema["$ref"], root), root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return smallest(schema[choice][0], root)
    if "properties" in schema:
        wanted = schema.get("required", ())
        return {name: smallest(part, root) for name, part in schema["properties"].items() if name in wanted}
    kind = schema.get("type", "null")
    return _ZERO[kind[0] if isinstance(kind, list) else kind]


_ZERO: Mapping[str, Any] = {
    "array": [],
    "object": {},
    "string": "",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "null": None,
}


def _resolve(reference: str, root: Any) -> Any:
    found = root
    for name in reference.removeprefix("#/").split("/"):
        found = found[name.replace("~1", "/").replace("~0", "~")]
    return found
