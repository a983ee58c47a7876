"""Aspects: what finders look for, as data. They live beside SKILL.md; users add their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator

from fanfold.errors import ConfigError
from fanfold.models import Frozen
from fanfold.pack import pack_folder
from fanfold.sources.git import Git
from fanfold.sources.text import READ_LIMIT, listed, shown

_FRONT_MATTER = re.compile(r"---\n(.*?\n)---\n(.*)", re.DOTALL)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
OWN_FOLDER = ".fanfold/aspects"
EFFORTS = ("low", "medium", "high", "xhigh", "max")
Level = Literal["low", "medium", "high", "xhigh", "max"]
Need = Literal["removed-lines", "guidance", "code"]


class Aspect(Frozen):
    """What finders look for.

    `hunts` says it in a line, `instructions` in full. Aspects of one `group` are read together while the effort is
    below high. It runs from the effort `from` on, if the change has a file that matches one of `files` (globs, as in
    .gitignore), what it `needs`, and a changed line in which the regular expression `mentions` is found. With a `model`
    or `effort` of its own it is always read alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str
    hunts: str = Field(min_length=1)
    instructions: str = Field(min_length=1)
    group: str = ""
    lowest: Level = Field(default="low", alias="from")
    files: tuple[str, ...] = ()
    needs: Need | None = None
    mentions: str = ""
    model: str | None = None
    effort: Level | None = None

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a name is made of a-z, 0-9 and hyphens")
        return name

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
    """Return the aspects to choose from, and notes about them.

    The user's own stand in `folder`, or in `.fanfold/aspects/` of the `root`; one that is named like a shipped one
    takes its place. What is told to sub-agents as a rule can't come with the repository: where git tracks a file of
    that folder, or there is no git to ask, they are left alone, and named. Raises ConfigError.
    """
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"--aspects-from {folder}: no such folder")
    if folder is None:
        folder = root / OWN_FOLDER
        theirs = _brought(root) if folder.is_dir() else []
        if theirs:
            said = (
                f"the repository brings aspects, which are not used unless --aspects-from names them: {listed(theirs)}"
            )
            return dict(shipped_aspects()), [said]
    added = read_aspects(folder) if folder.is_dir() else {}
    notes = [f"aspects of your own: {', '.join(added)}"] if added else []
    return {**shipped_aspects(), **added}, notes


def _brought(root: Path) -> list[str]:
    """Return the aspects that came with the repository, as far as that can be told."""
    git = Git.at(root)
    if git is None or git.bare:
        return sorted(shown(os.fsencode(path.name)) for path in (root / OWN_FOLDER).glob("*.md"))
    return [shown(record) for record in git.records("ls-files", "-z", "--", OWN_FOLDER)]


def read_aspects(folder: Path) -> dict[str, Aspect]:
    """Read every `*.md` in `folder`, in alphabetical order. Raises ConfigError."""
    found = [parse_aspect(path) for path in sorted(folder.glob("*.md"))]
    return {aspect.name: aspect for aspect in found}


def parse_aspect(path: Path) -> Aspect:
    """Read an aspect: YAML between two lines `---`, then the instructions. Raises ConfigError."""
    import yaml

    try:
        if path.stat().st_size > READ_LIMIT:
            raise ConfigError(f"{path}: too large for an aspect")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from error
    match = _FRONT_MATTER.fullmatch(text)
    if match is None:
        raise ConfigError(f"{path}: an aspect starts with front matter between two lines of ---")
    try:
        fields = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    return _aspect(path, fields, match[2].strip())


def _aspect(path: Path, fields: Any, instructions: str) -> Aspect:
    if not isinstance(fields, dict):
        raise ConfigError(f"{path}: the front matter is no mapping")
    try:
        aspect = Aspect.model_validate({**fields, "instructions": instructions})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
    if aspect.name != path.stem:
        raise ConfigError(f"{path}: its name is {aspect.name!r}: file and name must agree")
    return aspect
