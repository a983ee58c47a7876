"""What a sub-agent is told and what it must answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from fanfold.errors import InvalidAnswer
from fanfold.models import content_key

MODEL_OUTPUT_LIMIT = 128_000

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class AgentSpec(Generic[A]):
    """One sub-agent, in the order in which its request is laid out.

    `system` and `context` are the shared prefix: agents of a run that agree on them, on `model`, `effort` and `answer`
    share one cache entry, which ends with `context`. `task` is what this agent alone is told. `max_tokens` bounds the
    answer, thinking included.
    """

    role: str
    model: str
    effort: str | None
    system: str
    context: str
    task: str
    answer: type[A]
    max_tokens: int

    @property
    def enlarged_tokens(self) -> int:
        """The token limit after an answer that was cut off: twice as many, as far as models go."""
        return min(2 * self.max_tokens, MODEL_OUTPUT_LIMIT)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The answer's JSON schema in the subset that structured output takes."""
        schema: dict[str, Any] = closed_schema(TypeAdapter(self.answer).json_schema())
        return schema

    @cached_property
    def prefix(self) -> str:
        """The key of everything that must agree for a cache entry to be shared."""
        return content_key(self.model, self.effort, self.system, self.context, self.schema)

    @cached_property
    def key(self) -> str:
        """The content key: the same request gives the same key."""
        return content_key(self.prefix, self.task, self.max_tokens)

    def validate(self, text: str) -> A:
        """Parse an answer. Raises InvalidAnswer naming the first few faults, in words that a model can act on."""
        try:
            return self.answer.model_validate_json(text)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'the whole answer'}: {fault['msg']}"
                for fault in error.errors(include_url=False)[:5]
            )
            raise InvalidAnswer(f"the answer does not fit its schema: {faults}") from error


# Bounds and defaults that the grammar of structured output does not enforce; pydantic checks them afterwards.
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
