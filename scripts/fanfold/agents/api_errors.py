"""The SDK's errors and its transport's, mapped to those of `fanfold.errors`: here, and only here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanfold import errors

if TYPE_CHECKING:
    import anthropic

_Kinds = dict[int, tuple[type[errors.FinalError], str]]

_FINAL_BY_STATUS: _Kinds = {
    400: (errors.BadRequest, "the API rejected the request (400)"),
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
_UNAUTHORIZED = 401
_RATE_LIMITED = 429
_REFUSED_KEY = "the API refused the credential (401): check ANTHROPIC_API_KEY"
_SERVER_ERROR = 500


# Where the errors of the platforms' own clients come from: those say that there is no credential, or a stale one.
_PLATFORM_LIBRARIES = ("google", "boto3", "botocore")
_NO_TOKEN = ("could not resolve", "could not find credentials", "no project_id was given")


def is_of_the_client(error: Exception) -> bool:
    """Tell whether an error that is none of the SDK's comes from looking for a platform's credential."""
    library = type(error).__module__.partition(".")[0]
    return library in _PLATFORM_LIBRARIES or any(words in str(error).lower() for words in _NO_TOKEN)


def map_error(error: Exception) -> errors.WorkerError:
    """Map an error of the SDK or its transport to one of fanfold's."""
    import anthropic

    if isinstance(error, anthropic.APIStatusError):
        return _map_status(error)
    if isinstance(error, anthropic.CredentialsError):
        return errors.Unauthorized(f"the credential can't be used: {_clean(error)}")
    if isinstance(error, anthropic.APIConnectionError):
        return _map_connection(error.__cause__ or error)
    return _map_other(error)


def _map_other(error: Exception) -> errors.WorkerError:
    import anthropic

    if "Could not resolve authentication" in str(error):
        return errors.Unauthorized("no credential for the API: set ANTHROPIC_API_KEY, or use --backend none")
    if not isinstance(error, anthropic.AnthropicError) and is_of_the_client(error):
        return errors.Unauthorized(f"the platform's settings or its credential can't be used: {_clean(error)}")
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
    spent = (error.error_code or "").endswith("spend_limit_reached")
    return by_status(status, said, spent=spent, retry_after_s=_retry_after_s(error))


def error_of(kind: str, said: str) -> errors.WorkerError:
    """Return the error that the API names by its type, where there is no response of its own: in a batch."""
    return by_status(_STREAM_ERRORS.get(kind, _SERVER_ERROR), _clean(said))


def by_status(
    status: int, said: str, *, spent: bool = False, retry_after_s: float | None = None, unauthorized: str = _REFUSED_KEY
) -> errors.WorkerError:
    """Return the error that an HTTP status of the API stands for, whoever heard it.

    `said` is the API's own word for it, `spent` tells that it names a spend limit, `unauthorized` is what to do about
    a credential that is refused.
    """
    final: _Kinds = {**_FINAL_BY_STATUS, _UNAUTHORIZED: (errors.Unauthorized, unauthorized)}
    if status == _RATE_LIMITED:
        if spent or any(word in said.lower() for word in _SPEND_WORDS):
            return errors.NoCredit(f"a spend limit was reached (429): {said}")
        return errors.RateLimited(f"rate limited (429): {said}", retry_after_s=retry_after_s)
    if status in final:
        kind, message = final[status]
        return kind(f"{message}: {said}")
    if status in _TRANSIENT_STATUS:
        return errors.ConnectionLost(f"the API ended the request ({status}): {said}")
    if status >= _SERVER_ERROR:
        return errors.Overloaded(f"the API failed ({status}): {said}", retry_after_s=retry_after_s)
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
