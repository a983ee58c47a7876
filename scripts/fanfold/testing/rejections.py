"""The errors that the Messages API answers with, and the callers and models it rejects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from fanfold.testing.options import Fault, FaultKind

MOST_BODY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Model:
    """What matters of a model: token limits, the least prefix it caches, and what it rejects."""

    id: str
    name: str
    effort: str | None = None
    cache_minimum: int = 512
    context: int = 1_000_000
    most_output: int = 128_000
    current: bool = True
    lifecycle: str = "active"
    forced_tools: bool = False


def _older(name: str, title: str, cache_minimum: int) -> Model:
    return Model(name, title, None, cache_minimum, 200_000, 64_000, current=False, forced_tools=True)


MODELS: Mapping[str, Model] = {
    model.id: model
    for model in (
        Model("claude-fable-5-2", "Claude Fable 5.2"),
        Model("claude-opus-5-5", "Claude Opus 5.5", effort="medium"),
        Model("claude-sonnet-5-5", "Claude Sonnet 5.5", effort="high"),
        Model("claude-haiku-5-5", "Claude Haiku 5.5", effort="medium", forced_tools=True),
        _older("claude-sonnet-4-5", "Claude Sonnet 4.5", 1024),
        replace(_older("claude-haiku-4-5", "Claude Haiku 4.5", 4096), lifecycle="deprecated"),
    )
}

ERROR_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Rejection(Exception):
    """An error response: its status, message, headers, and the code in its details."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = [] if retry_after_s is None else [("retry-after", f"{retry_after_s:.15g}")]

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the error document."""
        fallback = "invalid_request_error" if self.status < HTTPStatus.INTERNAL_SERVER_ERROR else "api_error"
        error: dict[str, Any] = {"type": ERROR_TYPES.get(self.status, fallback), "message": str(self)}
        if self.code:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": request_id}


_FAULTS: Mapping[FaultKind, tuple[int, str, str | None]] = {
    FaultKind.RATE_LIMITED: (429, "This request would exceed your rate limit.", None),
    FaultKind.SPEND_LIMIT: (429, "You have reached your monthly spend limit.", "enforced_spend_limit_reached"),
    FaultKind.NO_CREDIT: (402, "Your credit balance is too low to access the Anthropic API.", None),
    FaultKind.OVERLOADED: (529, "Overloaded", None),
    FaultKind.SERVER_ERROR: (500, "Internal server error", None),
}


def rejection_of(fault: Fault) -> Rejection | None:
    """Return the error response that a fault is, or None when it is something else."""
    if fault.status is not None:
        return Rejection(fault.status, f"Status {fault.status}.", retry_after_s=fault.retry_after_s)
    if fault.kind not in _FAULTS:
        return None
    status, message, code = _FAULTS[fault.kind]
    return Rejection(status, message, code=code, retry_after_s=fault.retry_after_s)


def check_caller(headers: Mapping[str, str], api_key: str | None) -> None:
    """Raise the Rejection of a caller without a version or the right key; header names are in lower case."""
    given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
    if not given:
        raise Rejection(401, "x-api-key header or Authorization: Bearer is required")
    if api_key is not None and given != api_key:
        raise Rejection(401, "invalid x-api-key")
    if "anthropic-version" not in headers:
        raise Rejection(400, "anthropic-version: header is required")


# Half of a pair, as a file name that is not UTF-8 leaves it, is no character.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the request in `body`. Raises the Rejection of one that is too large or is no JSON object."""
    if len(body) > MOST_BODY_BYTES:
        raise Rejection(413, "Request exceeds the maximum size")
    try:
        request = json.loads(body, parse_constant=_no_constant)
        if _SURROGATE.search(body):
            json.dumps(request, ensure_ascii=False).encode()
    except ValueError as error:
        raise Rejection(400, f"The request body is not valid JSON: {error}") from error
    if not isinstance(request, dict):
        raise Rejection(400, "The request body is not a JSON object")
    return request


def model_of(request: Mapping[str, Any]) -> Model:
    """Return the model that a request names. Raises the Rejection of an unknown one, 404."""
    name = request.get("model")
    if not isinstance(name, str):
        raise Rejection(400, "model: Field required")
    if name not in MODELS:
        raise Rejection(404, f"model: {name}")
    return MODELS[name]
