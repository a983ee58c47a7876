"""What a sub-agent is told, what it may look up, and what it must hand in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from fanfold.errors import InvalidAnswer
from fanfold.models import Frozen, content_key

MODEL_OUTPUT_LIMIT = 128_000

A = TypeVar("A", bound=BaseModel)

Tool = Mapping[str, Any]
"""A tool's definition as the Messages API takes it: `name`, `description`, `input_schema`."""


@dataclass(frozen=True)
class AnswerTool(Generic[A]):
    """The tool by which a role hands in its answer: the call's input is the answer, and ends the sub-agent.

    An answer that came as a tool's input leaves the output format alone, so roles with different answers can share one
    prompt cache entry.
    """

    name: str
    description: str
    model: type[A]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The answer's JSON schema in the subset that strict tools take."""
        schema: dict[str, Any] = closed_schema(TypeAdapter(self.model).json_schema())
        return schema

    @cached_property
    def definition(self) -> Tool:
        return {"name": self.name, "description": self.description, "strict": True, "input_schema": self.schema}

    def validate(self, given: object) -> A:
        """Turn a call's input, or the text of one, into the answer.

        Raises InvalidAnswer naming the first few faults, in words that a model can act on.
        """
        try:
            if isinstance(given, str):
                return self.model.model_validate_json(given)
            return self.model.model_validate(given)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'the whole answer'}: {fault['msg']}"
                for fault in error.errors(include_url=False)[:5]
            )
            raise InvalidAnswer(f"the answer does not fit its schema: {faults}") from error


@dataclass(frozen=True)
class Brief:
    """What all sub-agents of a run share byte for byte, whatever their role: the front of the shared prefix.

    `lookups` are the read-only tools, `answers` what the roles hand in; their order is part of the prefix.
    """

    model: str
    effort: str | None
    system: str
    answers: tuple[AnswerTool[Any], ...]
    lookups: tuple[Tool, ...] = ()

    @cached_property
    def tools(self) -> tuple[Tool, ...]:
        """Every tool of every role, in the order in which it is sent."""
        return (*self.lookups, *(answer.definition for answer in self.answers))

    @cached_property
    def key(self) -> str:
        return content_key(self.model, self.effort, self.system, self.tools)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How far one sub-agent may go before it is told to conclude: turns, and tokens in and out over all of them.

    Its cost is bounded by what its unit has reserved (`units.reserve_usd`), its time by the attempt's deadline.
    """

    turns: int = 12
    tokens: int = 400_000


@dataclass(frozen=True)
class AgentSpec(Generic[A]):
    """One sub-agent, in the order in which its request is laid out.

    `brief` and `context` are the shared prefix: agents that agree on both share one cache entry, which ends with
    `context`. `task` is what this agent alone is told. `max_tokens` bounds each turn's output, thinking included.
    """

    role: str
    brief: Brief
    context: str
    task: str
    answer: AnswerTool[A]
    max_tokens: int
    allowance: Allowance = field(default_factory=Allowance)

    def __post_init__(self) -> None:
        if self.answer not in self.brief.answers:
            raise ValueError(f"{self.answer.name} is not among the answers of the brief")

    @property
    def model(self) -> str:
        return self.brief.model

    @property
    def enlarged_tokens(self) -> int:
        """The token limit after an answer that was cut off: twice as many, as far as models go."""
        return min(2 * self.max_tokens, MODEL_OUTPUT_LIMIT)

    @property
    def own(self) -> str:
        """What stands after the shared prefix."""
        return f"{self.task}\n\nHand in your answer with `{self.answer.name}`."

    @cached_property
    def prefix(self) -> str:
        """The key of everything that must agree for a cache entry to be shared."""
        return content_key(self.brief.key, self.context)

    @cached_property
    def key(self) -> str:
        """The content key: the same request gives the same key."""
        return content_key(self.prefix, self.own, self.max_tokens, self.allowance.turns)

    @property
    def texts(self) -> Iterator[str]:
        """Yield everything that the first request sends."""
        yield self.brief.system
        yield str(self.brief.tools)
        yield self.context
        yield self.own


class Lookup(Frozen):
    """One thing that a sub-agent looked up: tool, arguments, and 16 hex digits of the SHA-256 of the reply's text."""

    tool: str
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    digest: str


class Answered(Frozen, Generic[A]):
    """What a sub-agent handed in, and what it looked up for it.

    A stored answer stands for as long as the same lookups give the same replies: a change in any file that it was not
    given, but went to see, asks it again (verifying traces, as build systems call that: Mokhov et al., Build Systems à
    la Carte, 2018).
    """

    answer: A
    lookups: tuple[Lookup, ...] = ()


# Bounds and defaults that the grammar of strict tools does not enforce; pydantic checks them afterwards.
_UNENFORCED = frozenset(
    [
        "default",
        "title",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
    ]
)


def closed_schema(schema: Any) -> Any:
    """Rewrite a JSON schema so that every object is closed and requires all its properties."""
    if isinstance(schema, list):
        return [closed_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("properties"), dict):
        properties = {name: closed_schema(value) for name, value in schema["properties"].items()}
        kept = {k: closed_schema(v) for k, v in schema.items() if k not in _UNENFORCED and k != "properties"}
        return {**kept, "properties": properties, "required": list(properties), "additionalProperties": False}
    return {name: closed_schema(value) for name, value in schema.items() if name not in _UNENFORCED}
