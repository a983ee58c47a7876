"""The `api` backend: the Messages API through the Anthropic SDK.

The SDK's own retries are off: only the engine knows the rate limit, the budget and the deadline. Every error of the
SDK and of the transport under it is mapped here, and only here, to those of `fanfold.errors`.
"""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Any

from fanfold import errors
from fanfold.agents.prices import estimate_tokens, priced
from fanfold.agents.spec import A, AgentSpec, Answered, AnswerTool
from fanfold.models import Usage

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import Message

    from fanfold.agents.backends import Premises
    from fanfold.engine.attempt import Attempt

# The engine watches for silence and for the deadline; this bounds a socket that it has lost sight of.
_SOCKET_TIMEOUT_S = 600.0


class ApiBackend:
    """Sub-agents over HTTPS, one client for all of them."""

    name = "api"
    interactive = False
    most = None

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._opened: anthropic.AsyncAnthropic | None = None
        # The SDK takes a second to import: that passes while analyzers run.
        threading.Thread(target=importlib.import_module, args=("anthropic",), daemon=True).start()

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Stream one answer; see `Backend.ask`."""
        message = await self._stream(request_of(spec, attempt), spec.model, attempt)
        return Answered(answer=spec.answer.validate(handed_in(message, spec.answer)))

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _stream(self, request: dict[str, Any], model: str, attempt: Attempt) -> Message:
        import anthropic
        import httpx2

        try:
            async with self._client().messages.stream(**request) as stream:
                note_limits(stream.response.headers, attempt)
                try:
                    async for event in stream:
                        if event.type == "message_start":
                            attempt.began()
                        attempt.alive()
                finally:
                    if attempt.has_begun:
                        attempt.charge(usage_of(stream.current_message_snapshot, model))
                return checked(stream.current_message_snapshot)
        except (anthropic.AnthropicError, httpx2.HTTPError, httpx2.StreamError) as error:
            raise map_error(error) from error
        except TypeError as error:
            # So the SDK says, when a request is built, that it found no credential.
            raise map_error(error) from error
        except (AssertionError, AttributeError, ValueError) as error:
            # The SDK assumes a well-formed event stream; a proxy's page or broken JSON ends in one of these.
            raise errors.ConnectionLost(f"the answer is not one of the Messages API: {error!r}") from error

    def _client(self) -> anthropic.AsyncAnthropic:
        if self._opened is None:
            import anthropic

            try:
                self._opened = anthropic.AsyncAnthropic(
                    max_retries=0, timeout=_SOCKET_TIMEOUT_S, http_client=_fast_transport()
                )
            except anthropic.AnthropicError as error:
                raise map_error(error) from error
        return self._opened


def _fast_transport() -> Any:
    """Return aiohttp's transport where the extra is installed: half the CPU per call from 50 in flight on."""
    import anthropic

    try:
        return anthropic.DefaultAioHttpClient()
    except RuntimeError:
        return None


def request_of(spec: AgentSpec[Any], attempt: Attempt) -> dict[str, Any]:
    """Lay out a request: what is shared first, the cache breakpoint at its end, the agent's own part last."""
    task = spec.own
    if attempt.correction:
        task = f"{task}\n\nYour previous answer could not be used: {attempt.correction}. Answer again, in full."
    shared = {"type": "text", "text": spec.context, "cache_control": {"type": "ephemeral"}}
    return {
        "model": spec.model,
        "max_tokens": spec.enlarged_tokens if attempt.enlarge else spec.max_tokens,
        "tools": [dict(tool) for tool in spec.brief.tools],
        "system": [{"type": "text", "text": spec.brief.system}],
        "messages": [{"role": "user", "content": [shared, {"type": "text", "text": task}]}],
        **({"output_config": {"effort": spec.brief.effort}} if spec.brief.effort else {}),
    }


def usage_of(message: Message, model: str) -> Usage:
    """Return what the response says was used, priced.

    The output of an answer that broke off was never reported: it is estimated from what arrived.
    """
    used = message.usage
    arrived = sum(
        len(getattr(block, block.type, "")) for block in message.content if block.type in {"text", "thinking"}
    )
    output = used.output_tokens if message.stop_reason else max(used.output_tokens, estimate_tokens("x" * arrived))
    return priced(
        model,
        Usage(
            input_tokens=used.input_tokens,
            cache_write_tokens=used.cache_creation_input_tokens or 0,
            cache_read_tokens=used.cache_read_input_tokens or 0,
            output_tokens=output,
        ),
    )


def checked(message: Message) -> Message:
    """Return `message` if it is a whole answer; raise what it is otherwise."""
    reason = message.stop_reason
    if reason is None:
        raise errors.ConnectionLost("the stream ended before the answer did")
    if reason == "refusal":
        details = message.stop_details
        why = (details and (details.explanation or details.category)) or "no reason was given"
        raise errors.Refused(f"the model declined: {why}")
    if reason == "max_tokens":
        raise errors.Truncated("the token limit ended the answer")
    if reason == "model_context_window_exceeded":
        raise errors.BadRequest("the request and its answer exceed the model's context window")
    return message


def handed_in(message: Message, tool: AnswerTool[Any]) -> object:
    """Return the input of the answer's call, or the JSON that stands in its place.

    Raises EmptyAnswer when there is nothing, MissingToolCall when there is neither.
    """
    for block in message.content:
        if block.type == "tool_use" and block.name == tool.name:
            return block.input
    text = "".join(block.text for block in message.content if block.type == "text").strip()
    if not text:
        raise errors.EmptyAnswer("the answer is empty")
    if not text.startswith("{"):
        raise errors.MissingToolCall(f"it ended without a call of `{tool.name}`")
    return text


def note_limits(headers: Any, attempt: Attempt) -> None:
    """Hand the server's rate-limit headers to the engine."""
    from fanfold.engine.limits import RateHeaders

    rate = RateHeaders.parse(headers)
    if rate is not None:
        attempt.limits(rate)


_FINAL_BY_STATUS: dict[int, tuple[type[errors.FinalError], str]] = {
    400: (errors.BadRequest, "the API rejected the request (400)"),
    401: (errors.Unauthorized, "the API refused the credential (401): check ANTHROPIC_API_KEY"),
    402: (errors.NoCredit, "the account has no credit (402): add some, or raise its limit"),
    403: (errors.Unauthorized, "the credential may not do this (403)"),
    404: (errors.NotFound, "the API does not know this model (404): check --model"),
    413: (errors.BadRequest, "the request is too large (413): review a smaller target"),
}
_TRANSIENT_STATUS = frozenset({408, 409, 499})
_STREAM_ERRORS = {
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "api_error": 500,
    "timeout_error": 504,
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
}
_SPEND_WORDS = ("spend limit", "spending limit", "usage limit", "credit balance")
_OK = 200
_RATE_LIMITED = 429
_SERVER_ERROR = 500


def map_error(error: Exception) -> errors.WorkerError:
    """Map an error of the SDK or its transport to one of fanfold's."""
    import anthropic

    if isinstance(error, anthropic.APIStatusError):
        return _map_status(error)
    if isinstance(error, anthropic.CredentialsError):
        return errors.Unauthorized(f"the credential can't be used: {_clean(error)}")
    if isinstance(error, anthropic.APIConnectionError):
        return _map_connection(error.__cause__ or error)
    if "Could not resolve authentication" in str(error):
        return errors.Unauthorized("no credential for the API: set ANTHROPIC_API_KEY, or use --backend none")
    passing = (anthropic.APIResponseValidationError, anthropic.RetryableError)
    if isinstance(error, anthropic.AnthropicError) and not isinstance(error, passing):
        return errors.BadRequest(f"the SDK could not send the request: {_clean(error)}")
    return errors.ConnectionLost(f"the connection broke: {_clean(error)}")


def _map_connection(error: BaseException) -> errors.WorkerError:
    import httpx2

    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return errors.BadRequest(f"the API's address can't be used: check ANTHROPIC_BASE_URL: {_clean(error)}")
    return errors.ConnectionLost(f"no connection to the API: {_clean(error)}")


def _map_status(error: anthropic.APIStatusError) -> errors.WorkerError:
    # An error event inside a stream arrives with the status of the stream, 200.
    status = error.status_code
    if status == _OK:
        status = _STREAM_ERRORS.get(str(error.type), _SERVER_ERROR)
    said = _clean(error.api_message or error.message)
    if status == _RATE_LIMITED:
        if (error.error_code or "").endswith("spend_limit_reached") or any(w in said.lower() for w in _SPEND_WORDS):
            return errors.NoCredit(f"a spend limit was reached (429): {said}")
        return errors.RateLimited(f"rate limited (429): {said}", retry_after_s=_retry_after_s(error))
    if status in _FINAL_BY_STATUS:
        kind, message = _FINAL_BY_STATUS[status]
        return kind(f"{message}: {said}")
    if status in _TRANSIENT_STATUS:
        return errors.ConnectionLost(f"the API ended the request ({status}): {said}")
    if status >= _SERVER_ERROR:
        return errors.Overloaded(f"the API failed ({status}): {said}", retry_after_s=_retry_after_s(error))
    return errors.BadRequest(f"the API rejected the request ({status}): {said}")


def _retry_after_s(error: anthropic.APIStatusError) -> float | None:
    try:
        seconds = float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _clean(error: object) -> str:
    """Return an error's text as one short line."""
    return " ".join(str(error).split())[:300]
