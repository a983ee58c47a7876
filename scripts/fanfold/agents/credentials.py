"""Is there a credential for the API? Named by where it was found, never by its value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fanfold.agents.clients import platform_of


def credential_source(environ: Mapping[str, str], home: Path) -> str | None:
    """Name the credential that the SDK would use, in its order; None when there is none.

    A platform that is switched on has credentials of its own, which its client looks for.

    Looked up without the SDK, whose import takes a second: the choice of the backend must not cost that.
    """
    if platform := platform_of(environ):
        return f"{platform.name}, {platform.switch}"
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE"):
        if environ.get(name):
            return name
    if _federated(environ):
        return "workload identity"
    folder = Path(environ.get("ANTHROPIC_CONFIG_DIR") or home / ".config" / "anthropic")
    return "the active profile" if _has_profile(folder) else None


def _federated(environ: Mapping[str, str]) -> bool:
    token = environ.get("ANTHROPIC_IDENTITY_TOKEN") or environ.get("ANTHROPIC_IDENTITY_TOKEN_FILE")
    return bool(token and environ.get("ANTHROPIC_FEDERATION_RULE_ID") and environ.get("ANTHROPIC_ORGANIZATION_ID"))


def _has_profile(folder: Path) -> bool:
    try:
        active = (folder / "active_config").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        active = ""
    try:
        return (folder / "configs" / f"{active or 'default'}.json").is_file()
    except (OSError, ValueError):
        return False
