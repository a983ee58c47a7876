"""What a tool is: a name, arguments that are checked, and a function that looks something up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import field_validator

from fanfold.agents.tools.scope import Scope
from fanfold.agents.tools.watch import Watch
from fanfold.models import Frozen

REPLY_LIMIT = 24_000
"""Characters of looked-up text in one reply: some 9,000 tokens."""


class ToolReply(Frozen):
    """What a sub-agent is told. `text` is fenced where it holds anything that was read; `cut` says there is more."""

    text: str
    is_error: bool = False
    cut: bool = False


class Arguments(Frozen):
    """Base of a tool's arguments: closed, so that a misspelt one is named, and text is text."""

    @field_validator("*")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("holds half of a surrogate pair, which is no text")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool found: `body` is what was read, `note` what fanfold says of it; `cut` says there is more."""

    body: str
    note: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `run` works in a thread, may raise ToolError, and asks its Watch often."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Scope, Any, Watch], Answer]

    @property
    def definition(self) -> dict[str, Any]:
        """The definition for the Messages API; the same bytes for every target."""
        schema = self.arguments.model_json_schema()
        properties = {
            name: {key: value for key, value in about.items() if key != "title"}
            for name, about in schema["properties"].items()
        }
        return {
            "name": self.name,
            "description": " ".join(self.description.split()),
            "input_schema": {
                "type": "object",
                "properties": properties,
                "required": schema.get("required", []),
                "additionalProperties": False,
            },
        }


@dataclass(slots=True)
class Lines:
    """Lines of a reply, as many as fit."""

    room: int = REPLY_LIMIT
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> bool:
        """Add a line; False when it doesn't fit any more."""
        if len(line) + 1 > self.room:
            return False
        self.room -= len(line) + 1
        self.lines.append(line)
        return True

    def extend(self, lines: Iterable[str]) -> bool:
        """Add all lines or none; False when they don't fit any more."""
        lines = list(lines)
        if sum(len(line) + 1 for line in lines) > self.room:
            return False
        return all(self.add(line) for line in lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)
