"""What a model can do, as the Models API says it: no list of names is kept here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import ModelInfo

_WAIT_S = 10.0
# No model that takes these requests is known to answer less: below it nothing has to be asked.
_SURE_OUTPUT_TOKENS = 32_000


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One model: tokens that it writes at most, the levels of effort that it knows, and when it ends.

    None where the API does not say.
    """

    model: str
    output_tokens: int | None = None
    efforts: frozenset[str] | None = None
    ends: str | None = None


def worth_asking(request: Mapping[str, Any]) -> bool:
    """Tell whether `request` holds anything that a model may not know."""
    return "output_config" in request or request["max_tokens"] > _SURE_OUTPUT_TOKENS


async def ask_capabilities(client: AsyncAnthropic, model: str) -> Capabilities | None:
    """Ask the Models API; None when it can't be reached, or there is none where the model is served."""
    models = getattr(client, "models", None)
    if models is None:
        return None
    try:
        return capabilities_of(await models.retrieve(model, timeout=_WAIT_S))
    except Exception:  # noqa: BLE001  whatever it is, the request itself will say it better
        return None


def capabilities_of(info: ModelInfo) -> Capabilities:
    """Read what the API says of a model; what it leaves out is unknown."""
    effort = getattr(info.capabilities, "effort", None)
    efforts = None
    if effort is not None:
        levels = effort.to_dict()
        efforts = frozenset(
            name for name, level in levels.items() if isinstance(level, dict) and level.get("supported")
        )
    return Capabilities(info.id, info.max_tokens, efforts, _end_of(info))


def _end_of(info: ModelInfo) -> str | None:
    if getattr(info, "lifecycle", "active") == "active":
        return None
    when = f", and retires on {info.retires_at:%Y-%m-%d}" if getattr(info, "retires_at", None) else ""
    return f"the model {info.id} is {info.lifecycle}{when}"


def fitted(request: dict[str, Any], can: Capabilities) -> tuple[dict[str, Any], list[str]]:
    """Return `request` without what the model does not know, and one note for each thing that was changed."""
    notes = []
    effort = request.get("output_config", {}).get("effort")
    if effort and can.efforts is not None and effort not in can.efforts:
        known = ", ".join(sorted(can.efforts)) or "none"
        notes.append(f"{can.model} does not know the effort {effort!r} (it knows: {known}): it was left out")
        request = {name: value for name, value in request.items() if name != "output_config"}
    if can.output_tokens and request["max_tokens"] > can.output_tokens:
        notes.append(f"{can.model} answers {can.output_tokens:,} tokens at most: the limit was lowered to that")
        request = {**request, "max_tokens": can.output_tokens}
    return request, notes


@contextmanager
def deprecations(notes: list[str]) -> Iterator[None]:
    """Turn the SDK's warnings that a model is deprecated into notes. Nothing may be awaited inside."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DeprecationWarning)
        yield
    notes += [" ".join(str(warning.message).split("\n")[0].split()) for warning in caught]


def announced(headers: Mapping[str, str], model: str) -> list[str]:
    """Return what a response's headers announce of the model's end (`Deprecation`, RFC 9745; `Sunset`, RFC 8594)."""
    said = [f"{name}: {headers[name]}" for name in ("deprecation", "sunset") if headers.get(name)]
    return [f"the API announces the end of {model} ({', '.join(said)})"] if said else []
