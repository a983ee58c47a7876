"""The review's prompts, which live beside its SKILL.md."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fanfold.agents.fence import FENCE_RULE
from fanfold.errors import ConfigError
from fanfold.pack import pack_folder

_FRONT_MATTER = "---\n"


@dataclass(frozen=True, slots=True)
class Aspect:
    """What one finder looks for: `hunts` says it in a line, `instructions` in full."""

    name: str
    hunts: str
    instructions: str


def _prompts() -> Path:
    return pack_folder("skills") / "parallel-code-review" / "prompts"


@cache
def system_prompt() -> str:
    """Return what every sub-agent of a review is told, byte for byte the same."""
    return f"{(_prompts() / 'system.md').read_text(encoding='utf-8')}\n{FENCE_RULE}\n"


@cache
def aspects() -> dict[str, Aspect]:
    """Return the shipped aspects by name, in alphabetical order."""
    found = [parse_aspect(path) for path in sorted((_prompts() / "aspects").glob("*.md"))]
    return {aspect.name: aspect for aspect in found}


def parse_aspect(path: Path) -> Aspect:
    """Read an aspect file: `key: value` lines between two `---`, then the instructions. Raises ConfigError."""
    text = path.read_text(encoding="utf-8")
    head, separator, body = text.removeprefix(_FRONT_MATTER).partition(_FRONT_MATTER)
    fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    if not text.startswith(_FRONT_MATTER) or not separator or fields.keys() != {"name", "hunts"}:
        raise ConfigError(f"{path}: an aspect starts with front matter of exactly `name` and `hunts`")
    return Aspect(fields["name"].strip(), fields["hunts"].strip(), body.strip())
