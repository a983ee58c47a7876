"""One request to the Messages API, streamed: what its events say becomes a turn, its usage and a sign of life."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fanfold import errors
from fanfold.agents.api_errors import is_of_the_client, map_error
from fanfold.agents.capabilities import announced, deprecations
from fanfold.agents.conversation import Block, Turn
from fanfold.agents.prices import expected_tokens, priced
from fanfold.engine.attempt import Attempt
from fanfold.engine.limits import RateHeaders
from fanfold.models import Usage

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import Message


async def stream_turn(
    client: AsyncAnthropic,
    request: dict[str, Any],
    attempt: Attempt,
    spend: Callable[[Usage], None],
    notes: list[str],
) -> Turn:
    """Send `request` and return the whole turn; see `loop.Speak`. Notes that the model is deprecated."""
    with foreign_errors_mapped():
        with deprecations(notes):
            answer = client.messages.stream(**request)
        async with answer as stream:
            note_limits(stream.response.headers, attempt)
            notes += announced(stream.response.headers, request["model"])
            begun = False
            try:
                async for event in stream:
                    attempt.alive()
                    if event.type == "message_start":
                        begun = True
                        attempt.began()
                        spend(usage_of(stream.current_message_snapshot, request["model"]))
            finally:
                if begun:
                    spend(usage_of(stream.current_message_snapshot, request["model"]))
            return turn_of(stream.current_message_snapshot, request["model"])


@contextmanager
def foreign_errors_mapped() -> Iterator[None]:
    """Raise whatever the SDK and what lies under it raise as a WorkerError."""
    import anthropic
    import httpx2

    try:
        yield
    except (anthropic.AnthropicError, httpx2.HTTPError, httpx2.StreamError) as error:
        raise map_error(error) from error
    except TypeError as error:
        # So the SDK says, when a request is built, that it found no credential.
        raise map_error(error) from error
    except (AssertionError, AttributeError, ValueError) as error:
        if is_of_the_client(error):
            raise map_error(error) from error
        # The SDK assumes a well-formed event stream; a proxy's page or broken JSON ends in one of these.
        raise errors.ConnectionLost(f"the answer is not one of the Messages API: {error!r}") from error
    except Exception as error:
        if is_of_the_client(error):
            raise map_error(error) from error
        raise


def turn_of(message: Message, model: str, *, batch: bool = False) -> Turn:
    """Return a whole message as a turn. Raises ConnectionLost when the stream ended before it did."""
    if message.stop_reason is None:
        raise errors.ConnectionLost("the stream ended before the answer did")
    details = message.stop_details
    why = (details and (details.explanation or details.category)) or ""
    content = tuple(_block(block.to_dict(mode="json")) for block in message.content)
    return Turn(content, message.stop_reason, usage_of(message, model, batch=batch), why)


def _block(block: dict[str, Any]) -> Block:
    """Return a block as it came, without the fields that the server left open."""
    return {name: value for name, value in block.items() if value is not None}


def usage_of(message: Message, model: str, *, batch: bool = False) -> Usage:
    """Return what the response says was used by its request, priced, in a `batch` at the price of one.

    The output of an answer that broke off was never reported: it is estimated from what arrived.
    """
    used = message.usage
    output = used.output_tokens
    if not message.stop_reason:
        output = max(output, expected_tokens(sum(_length(block) for block in message.content)))
    return priced(
        model,
        Usage(
            input_tokens=used.input_tokens,
            cache_write_tokens=used.cache_creation_input_tokens or 0,
            cache_read_tokens=used.cache_read_input_tokens or 0,
            output_tokens=output,
            requests=1,
        ),
        batch=batch,
    )


def _length(block: Any) -> int:
    """Return the characters of what a block says, as far as it arrived."""
    if block.type == "tool_use":
        return len(json.dumps(block.input, ensure_ascii=False)) if block.input else 0
    return len(getattr(block, block.type, None) or "")


def note_limits(headers: Any, attempt: Attempt) -> None:
    """Hand the server's rate-limit headers to the engine."""
    rate = RateHeaders.parse(headers)
    if rate is not None:
        attempt.limits(rate)
