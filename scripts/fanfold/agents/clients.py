"""The SDK's client for where the models are: Anthropic's own API, Amazon Bedrock, Google Vertex AI, Microsoft Foundry.

The settings are those that Claude Code and the SDK know, so whoever uses one of these platforms there has it here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from fanfold.errors import BadRequest
from fanfold.pack import how_to_install

if TYPE_CHECKING:
    import anthropic

# The engine watches for silence and for the deadline; this bounds a socket that it has lost sight of.
_SOCKET_TIMEOUT_S = 600.0
_ON = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Platform:
    """Where models are served: the switch in the environment, the SDK's class, and what that needs.

    That is modules, which an extra brings, and variables, one of each group, without which that class can't be made.
    """

    name: str
    switch: str
    client: str
    extra: str = ""
    needs: tuple[str, ...] = ()
    settings: tuple[tuple[str, ...], ...] = ()


PLATFORMS = (
    Platform("Amazon Bedrock", "CLAUDE_CODE_USE_BEDROCK", "AsyncAnthropicBedrock", "bedrock", ("boto3", "botocore")),
    Platform(
        "Google Vertex AI",
        "CLAUDE_CODE_USE_VERTEX",
        "AsyncAnthropicVertex",
        "vertex",
        ("google.auth",),
        (("CLOUD_ML_REGION",),),
    ),
    Platform(
        "Microsoft Foundry",
        "CLAUDE_CODE_USE_FOUNDRY",
        "AsyncAnthropicFoundry",
        settings=(
            ("ANTHROPIC_FOUNDRY_API_KEY",),
            ("ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_BASE_URL"),
        ),
    ),
)


def platform_of(environ: Mapping[str, str]) -> Platform | None:
    """Return the platform that is switched on; None for Anthropic's own API."""
    return next((one for one in PLATFORMS if environ.get(one.switch, "").strip().lower() in _ON), None)


def lacking(platform: Platform, environ: Mapping[str, str]) -> str:
    """Say what keeps the platform's client from being made, as far as that shows beforehand; "" when nothing does."""
    if missing := _modules_missing(platform):
        return f"what {platform.name} needs is not installed ({', '.join(missing)})"
    unset = [" or ".join(names) for names in platform.settings if not any(map(environ.get, names))]
    return f"{platform.name} needs {', '.join(unset)}" if unset else ""


def remedy(platform: Platform) -> str:
    """Say what to do about modules that are missing; "" when none are."""
    return f": {how_to_install(platform.extra)}" if _modules_missing(platform) else ""


def open_client() -> anthropic.AsyncAnthropic:
    """Return a client that never retries by itself.

    Raises the SDK's own errors, and BadRequest in one line when a platform's extra or a setting of it is missing.
    """
    import anthropic

    platform = platform_of(os.environ)
    options: dict[str, Any] = {"max_retries": 0, "timeout": _SOCKET_TIMEOUT_S, "http_client": _fast_transport()}
    if platform is None:
        return anthropic.AsyncAnthropic(**options)
    if _modules_missing(platform):
        raise BadRequest(f"{platform.switch} is set, and {lacking(platform, os.environ)}{remedy(platform)}")
    try:
        # The platforms' clients are no subclasses, but have the same `messages`.
        return cast("anthropic.AsyncAnthropic", getattr(anthropic, platform.client)(**options))
    except (ValueError, anthropic.AnthropicError) as error:
        raise BadRequest(f"{platform.switch} is set, but {platform.name} can't be used: {error}") from error


def _modules_missing(platform: Platform) -> list[str]:
    """Name the modules that are not there, which the client would find out request by request."""
    try:
        return [name for name in platform.needs if find_spec(name) is None]
    except ImportError:
        return [*platform.needs]


def _fast_transport() -> Any:
    """Return aiohttp's transport where the extra is installed: half the CPU per call from 50 in flight on."""
    import anthropic

    try:
        return anthropic.DefaultAioHttpClient()
    except RuntimeError:
        return None
