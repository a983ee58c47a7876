"""What a tool is: a name, arguments that are checked, and a function that looks something up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from fanfold.models import Frozen

if TYPE_CHECKING:
    from fanfold.agents.tools.scope import Scope

REPLY_LIMIT = 24_000
"""Characters of looked-up text in one reply: some 9,000 tokens."""

TIME_LIMIT_S = 20.0
"""Seconds that one call may look; what it has by then is its reply."""

LONGEST_LINE = 600
"""Characters of a line that are shown."""

_LONGEST_ECHO = 200


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


class ToolError(Exception):
    """A call that can't be answered, in one line that says what to do instead.

    The line holds nothing that was read; `read` are names from the target that may help.
    """

    def __init__(self, message: str, read: str = "") -> None:
        super().__init__(message)
        self.read = read


class TooLate(ToolError):
    """The call was cancelled, or its seconds are over."""


class Watch:
    """Tells a call in its thread when to end: it asks `check` or `late` every few milliseconds of work."""

    def __init__(self, seconds: float = TIME_LIMIT_S) -> None:
        self._until = time.monotonic() + seconds
        self._cancelled = Event()
        self._stops: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Let the call end at the next check, and whatever it has started now."""
        self._cancelled.set()
        for stop in self._stops:
            stop()

    def ends(self, stop: Callable[[], None]) -> None:
        """Take note of what ends something that the call has started."""
        self._stops.append(stop)
        if self._cancelled.is_set():
            stop()

    @property
    def left_s(self) -> float:
        """Seconds that are left, never below 0."""
        return 0.0 if self._cancelled.is_set() else max(0.0, self._until - time.monotonic())

    @property
    def late(self) -> bool:
        """Should the call end with what it has?"""
        return self._cancelled.is_set() or time.monotonic() >= self._until

    def check(self) -> None:
        """Raise TooLate when the call should end."""
        if self.late:
            raise TooLate("this took too long and was ended: ask for less")


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


def named(path: str) -> str:
    """Return a file's name on one line, as a JSON string when it isn't plain text."""
    plain = path.isprintable() and path == path.strip() and not path.startswith('"')
    return path if plain else json.dumps(path)


def echo(text: str) -> str:
    """Return what a model said, short and on one line, for an error."""
    short = text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}…"
    return json.dumps(short)


def clipped(line: str, at: int = 0) -> str:
    """Return a line without a carriage return at its end, of a very long one the part around the offset `at`."""
    line = line.removesuffix("\r")
    if len(line) <= LONGEST_LINE:
        return line
    start = min(max(0, at - LONGEST_LINE // 3), len(line) - LONGEST_LINE)
    before = f"[{start} characters] …" if start else ""
    after = len(line) - start - LONGEST_LINE
    return f"{before}{line[start : start + LONGEST_LINE]}{f'… [{after} more characters]' if after else ''}"
