"""The rules of tools, of turns that call them, and of thinking that goes back: what the API rejects with 400."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from fanfold.testing.rejections import Model

Block = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_THINKING = frozenset({"thinking", "redacted_thinking"})
# Whose message a block may stand in.
_OWNERS = {"tool_use": "assistant", "tool_result": "user", "thinking": "assistant", "redacted_thinking": "assistant"}


def signature_of(thinking: str) -> str:
    """Return the signature by which the stand-in knows its own thinking again."""
    return base64.b64encode(hashlib.blake2b(thinking.encode(), digest_size=12, key=b"stand-in").digest()).decode()


def content_of(message: dict[str, Any]) -> list[Block]:
    """Return a message's blocks; a plain text has none."""
    return message["content"] if isinstance(message["content"], list) else []


def tool_definitions(request: dict[str, Any], _model: Model) -> Iterator[str]:
    """Names are unique and plain, schemas are of objects, and every call in the conversation has tools to call."""
    tools = request.get("tools") or ()
    if len({tool["name"] for tool in tools}) < len(tools):
        yield "tools: Tool names must be unique."
    for place, tool in enumerate(tools):
        if not _NAME.fullmatch(tool["name"]):
            yield f"tools.{place}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        # Tools of the API's own have a type and no schema.
        if "type" in tool and tool["type"] != "custom":
            continue
        schema = tool.get("input_schema")
        if schema is None:
            yield f"tools.{place}.custom.input_schema: Field required"
        elif not isinstance(schema, dict) or schema.get("type") != "object":
            yield f"tools.{place}.custom.input_schema.type: Input should be 'object'"
    if not tools and any(block["type"] in {"tool_use", "tool_result"} for _, block in _placed(request)):
        yield "Requests which include `tool_use` or `tool_result` blocks must define tools"


def tool_turns(request: dict[str, Any], _model: Model) -> Iterator[str]:
    """Each tool_use is answered by one tool_result at the front of the very next message, and nothing else is."""
    open_ids: set[str] = set()
    for place, message in enumerate(request["messages"]):
        blocks = content_of(message)
        results = [str(block.get("tool_use_id")) for block in blocks if block["type"] == "tool_result"]
        if missing := open_ids - set(results):
            yield f"messages.{place}: tool_use without a tool_result right after it: {sorted(missing)}"
        if unknown := set(results) - open_ids:
            yield f"messages.{place}: tool_result without a tool_use right before it: {sorted(unknown)}"
        if len(set(results)) < len(results):
            yield f"messages.{place}: each tool_use must have a single result"
        if any(block["type"] != "tool_result" for block in blocks[: len(results)]):
            yield f"messages.{place}: tool_result blocks must come first"
        open_ids = {str(block.get("id")) for block in blocks if block["type"] == "tool_use"}


def tool_calls(request: dict[str, Any], _model: Model) -> Iterator[str]:
    """Calls are whole, and no two of a conversation have the same id."""
    ids: Counter[str] = Counter()
    for place, block in _placed(request):
        if block["type"] != "tool_use":
            continue
        ids[str(block.get("id"))] += 1
        if not (isinstance(block.get("id"), str) and _ID.fullmatch(block["id"])):
            yield f"{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
        if not isinstance(block.get("name"), str):
            yield f"{place}.tool_use.name: Input should be a valid string"
        if not isinstance(block.get("input"), dict):
            yield f"{place}.tool_use.input: Input should be a valid dictionary"
    if twice := [identity for identity, times in ids.items() if times > 1]:
        yield f"messages: `tool_use` ids must be unique: {twice}"


def owners(request: dict[str, Any], _model: Model) -> Iterator[str]:
    """Blocks of one side do not stand in a message of the other."""
    for number, message in enumerate(request["messages"]):
        for index, block in enumerate(content_of(message)):
            owner = _OWNERS.get(block["type"], message["role"])
            if owner != message["role"]:
                kind = block["type"]
                yield f"messages.{number}.content.{index}: `{kind}` blocks can only be in `{owner}` messages"


def thinking_goes_back(request: dict[str, Any], _model: Model) -> Iterator[str]:
    """Thinking is as it was, and not the last of a message."""
    for place, block in _placed(request):
        if block["type"] != "thinking":
            continue
        if not (isinstance(block.get("signature"), str) and block["signature"]):
            yield f"{place}.thinking.signature: Field required"
        elif block["signature"] != signature_of(str(block.get("thinking"))):
            yield f"{place}: Invalid `signature` in `thinking` block"
    for number, message in enumerate(request["messages"]):
        blocks = content_of(message)
        if blocks and blocks[-1]["type"] in _THINKING:
            yield f"messages.{number}: The final block in an assistant message cannot be `{blocks[-1]['type']}`."


def _placed(request: dict[str, Any]) -> Iterator[tuple[str, Block]]:
    for number, message in enumerate(request["messages"]):
        for index, block in enumerate(content_of(message)):
            yield f"messages.{number}.content.{index}", block
