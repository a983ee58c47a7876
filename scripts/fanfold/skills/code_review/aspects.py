"""Aspects: what finders look for, as data. They live beside SKILL.md; users add their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from fanfold.pack import pack_folder
from fanfold.skills.prompt_data import Prompt, PromptKind

EFFORTS = ("low", "medium", "high", "xhigh", "max")
Level = Literal["low", "medium", "high", "xhigh", "max"]
Need = Literal["removed-lines", "guidance", "code"]


class Aspect(Prompt):
    """What finders look for.

    `hunts` says it in a line, `instructions` in full. Aspects of one `group` are read together while the effort is
    below high. It runs from the effort `from` on, if the change has a file that matches one of `files` (globs, as in
    .gitignore), what it `needs`, and a changed line in which the regular expression `mentions` is found. With a `model`
    or `effort` of its own it is always read alone.
    """

    hunts: str = Field(min_length=1)
    group: str = ""
    lowest: Level = Field(default="low", alias="from")
    files: tuple[str, ...] = ()
    needs: Need | None = None
    mentions: str = ""
    model: str | None = None
    effort: Level | None = None

    @field_validator("mentions")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    @property
    def alone(self) -> bool:
        """Does it never share a finder with others?"""
        return self.model is not None or self.effort is not None

    def runs_at(self, effort: str) -> bool:
        return EFFORTS.index(self.lowest) <= EFFORTS.index(effort)


ASPECTS = PromptKind(Aspect, "an aspect", "aspects", ".fanfold/aspects", "--aspects-from")


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """What decides which aspects a change needs: its files, its changed lines, what it has."""

    paths: tuple[str, ...]
    changed: str
    removes: bool
    has_guidance: bool
    has_code: bool

    def call_for(self, aspect: Aspect) -> bool:
        """Tell whether the change has what `aspect` looks at."""
        has = {"removed-lines": self.removes, "guidance": self.has_guidance, "code": self.has_code}
        if aspect.needs and not has[aspect.needs]:
            return False
        if aspect.files and not _matches(aspect.files, self.paths):
            return False
        return not aspect.mentions or re.search(aspect.mentions, self.changed) is not None


def _matches(globs: Sequence[str], paths: Iterable[str]) -> bool:
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(globs)
    return any(spec.match_file(path) for path in paths)


def prompts_folder() -> Path:
    """Return where the review's prompts lie."""
    return pack_folder("skills") / "parallel-code-review" / "prompts"


@cache
def shipped_aspects() -> dict[str, Aspect]:
    """Return the shipped aspects by name, in alphabetical order."""
    return read_aspects(prompts_folder() / "aspects")


def known_aspects(root: Path, folder: Path | None) -> tuple[dict[str, Aspect], list[str]]:
    """Return the aspects to choose from, and notes about them; see `PromptKind.known`. Raises ConfigError."""
    return ASPECTS.known(shipped_aspects(), root, folder)


def read_aspects(folder: Path) -> dict[str, Aspect]:
    """Read every `*.md` in `folder`, in alphabetical order. Raises ConfigError."""
    return ASPECTS.read(folder)


def parse_aspect(path: Path) -> Aspect:
    """Read an aspect: YAML between two lines `---`, then the instructions. Raises ConfigError."""
    return ASPECTS.parse(path)
