"""The stand-in agrees with llmock, an independent fake of the same API, on what both of them speak.

llmock 0.2 knows older models, reports no cache tokens, counts tokens otherwise and has no thinking blocks:
ids, texts, counts and optional fields are left out of the comparison, the shapes are in it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, MessageParam, ToolParam
from llmock.scenarios import Fail
from llmock.testing import LLMockServer

from fanfold.testing import Fault, FaultKind, Faults, MessagesServer, Reply, Rule, ServerOptions

# A model that both of them know.
OLD, NEW = "claude-opus-4-6", "claude-opus-5-5"
TOOLS: list[ToolParam] = [
    {"name": "grep", "input_schema": {"type": "object", "properties": {"pattern": {"type": "string"}}}}
]
TEXT: list[MessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def theirs() -> Iterator[LLMockServer]:
    with LLMockServer() as server:
        yield server


@pytest.fixture
def ours() -> Iterator[MessagesServer]:
    call = Reply(blocks=[{"type": "tool_use", "name": "grep", "input": {"pattern": "x"}}])
    with MessagesServer([Rule("tool", [call]), Rule("", [Reply("An answer of several words.")])]) as server:
        yield server


def _ask(url: str, use: Callable[[anthropic.AsyncAnthropic], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        plain = anthropic.DefaultAsyncHttpxClient(verify=False)
        async with anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0, http_client=plain) as client:
            return await use(client)

    return asyncio.run(main())


def _shape(message: Message) -> dict[str, Any]:
    """Return what must agree: the fields that are set, the kinds of blocks, the stop reason."""
    told = message.model_dump(exclude_none=True)
    return {
        "fields": sorted(set(told) - {"stop_details"}),
        "blocks": [(block["type"], sorted(set(block) - {"parsed_output"})) for block in told["content"]],
        "types": (told["type"], told["role"], told["stop_reason"]),
        "usage": {"input_tokens", "output_tokens"} <= set(told["usage"]),
    }


def _collapsed(names: Sequence[str]) -> list[str]:
    """Keep the events of the wire, and of each run of deltas one: how many there are is each server's own."""
    wire = [name for name in names if name.startswith(("message_", "content_block_"))]
    return [name for name, _ in itertools.groupby(wire)]


def _plain(model: str, **more: Any) -> Callable[[anthropic.AsyncAnthropic], Awaitable[Any]]:
    async def ask(client: anthropic.AsyncAnthropic) -> dict[str, Any]:
        request: dict[str, Any] = {"model": model, "max_tokens": 900, "messages": TEXT} | more
        return _shape(await client.messages.create(**request))

    return ask


def _streamed(model: str, **more: Any) -> Callable[[anthropic.AsyncAnthropic], Awaitable[Any]]:
    async def ask(client: anthropic.AsyncAnthropic) -> tuple[str, list[str], dict[str, Any]]:
        request: dict[str, Any] = {"model": model, "max_tokens": 900, "messages": TEXT} | more
        async with client.messages.stream(**request) as stream:
            names = [event.type async for event in stream]
            kind = stream.response.headers["content-type"].partition(";")[0]
            return kind, _collapsed(names), _shape(await stream.get_final_message())

    return ask


@pytest.mark.parametrize("ask", [_plain, _streamed])
@pytest.mark.parametrize("more", [{}, {"tools": TOOLS, "messages": [{"role": "user", "content": "use the tool"}]}])
def test_answers(ask: Callable[..., Any], more: dict[str, Any], ours: MessagesServer, theirs: LLMockServer) -> None:
    """A text and a tool call, streamed and not, have the same events and the same shape from both."""
    assert _ask(ours.url, ask(NEW, **more)) == _ask(theirs.base_url("anthropic"), ask(OLD, **more))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.RATE_LIMITED, retry_after_s=2),
        Fault(kind=FaultKind.OVERLOADED, retry_after_s=1),
        Fault(kind=FaultKind.SERVER_ERROR),
        Fault(kind=FaultKind.STATUS, status=401),
        Fault(kind=FaultKind.STATUS, status=404),
        Fault(kind=FaultKind.STATUS, status=413),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_errors(fault: Fault, theirs: LLMockServer) -> None:
    """The same error from both is the same class, status and type for the SDK, and the same retry-after."""

    def caught(url: str, model: str) -> tuple[Any, ...]:
        with pytest.raises(anthropic.APIStatusError) as error:
            _ask(url, _plain(model))
        body = error.value.body
        assert isinstance(body, dict)
        retry_after = error.value.response.headers.get("retry-after")
        return type(error.value), error.value.status_code, error.value.type, retry_after, sorted(body["error"])

    with MessagesServer(options=ServerOptions(faults=Faults(first=(fault,)))) as server:
        ours = caught(server.url, NEW)
    theirs.state.scenarios.add(Fail(ours[1], retry_after=fault.retry_after_s))
    assert ours == caught(theirs.base_url("anthropic"), OLD)
