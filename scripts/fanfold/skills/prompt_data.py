"""Prompts that are data and that users add to: YAML between two lines `---`, then what a sub-agent is told."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, Field, ValidationError, field_validator

from fanfold.errors import ConfigError
from fanfold.models import Frozen
from fanfold.sources.git import Git
from fanfold.sources.text import READ_LIMIT, listed, shown

_FRONT_MATTER = re.compile(r"---\n(.*?\n)---\n(.*)", re.DOTALL)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Prompt(Frozen):
    """What every such file has: a name, which is its file's, and instructions."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str
    instructions: str = Field(min_length=1)

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a name is made of a-z, 0-9 and hyphens")
        return name


P = TypeVar("P", bound=Prompt)


@dataclass(frozen=True, slots=True)
class PromptKind(Generic[P]):
    """One kind of prompt: what a file of it is called in messages, and where users keep their own.

    `own_folder` is relative to the root of what is looked at; `option` names another folder on the command line.
    """

    model: type[P]
    article: str
    plural: str
    own_folder: str
    option: str

    def known(self, shipped: dict[str, P], root: Path, folder: Path | None) -> tuple[dict[str, P], list[str]]:
        """Return the prompts to choose from by name, and notes about them.

        The user's own stand in `folder`, or in the own folder of the `root`; one that is named like a shipped one takes
        its place. What is told to sub-agents as a rule can't come with the repository: where git tracks a file of that
        folder, or there is no git to ask, they are left alone, and named. Raises ConfigError.
        """
        if folder is not None and not folder.is_dir():
            raise ConfigError(f"{self.option} {folder}: no such folder")
        if folder is None:
            folder = root / self.own_folder
            if theirs := self._brought(root) if folder.is_dir() else []:
                said = f"the repository brings {self.plural}, which are not used unless {self.option} names them"
                return dict(shipped), [f"{said}: {listed(theirs)}"]
        added = self.read(folder) if folder.is_dir() else {}
        notes = [f"{self.plural} of your own: {', '.join(added)}"] if added else []
        return {**shipped, **added}, notes

    def _brought(self, root: Path) -> list[str]:
        """Return those that came with the repository, as far as that can be told."""
        git = Git.at(root)
        if git is None or git.bare:
            return sorted(shown(os.fsencode(path.name)) for path in (root / self.own_folder).glob("*.md"))
        return [shown(record) for record in git.records("ls-files", "-z", "--", self.own_folder)]

    def read(self, folder: Path) -> dict[str, P]:
        """Read every `*.md` in `folder`, in alphabetical order. Raises ConfigError."""
        found = [self.parse(path) for path in sorted(folder.glob("*.md"))]
        return {prompt.name: prompt for prompt in found}

    def parse(self, path: Path) -> P:
        """Read one file. Raises ConfigError, which names the file and the field."""
        import yaml

        try:
            if path.stat().st_size > READ_LIMIT:
                raise ConfigError(f"{path}: too large for {self.article}")
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: can't be read: {error}") from error
        match = _FRONT_MATTER.fullmatch(text)
        if match is None:
            raise ConfigError(f"{path}: {self.article} starts with front matter between two lines of ---")
        try:
            fields = yaml.safe_load(match[1])
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
        return self._made(path, fields, match[2].strip())

    def _keys(self) -> str:
        """Return which keys front matter of this kind has."""
        fields = {field.alias or name: field for name, field in self.model.model_fields.items()}
        del fields["instructions"]
        needed = [name for name, field in fields.items() if field.is_required()]
        others = [name for name in fields if name not in needed]
        return f"{self.article} has {', '.join(needed)}{', and may have ' if others else ''}{', '.join(others)}"

    def _made(self, path: Path, fields: Any, instructions: str) -> P:
        if not isinstance(fields, dict):
            raise ConfigError(f"{path}: the front matter is no mapping")
        try:
            prompt = self.model.model_validate({**fields, "instructions": instructions})
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"])) or "instructions"
            keys = f"; {self._keys()}" if fault["type"] in {"missing", "extra_forbidden"} else ""
            raise ConfigError(f"{path}: {where}: {fault['msg']}{keys}") from error
        if prompt.name != path.stem:
            raise ConfigError(f"{path}: its name is {prompt.name!r}: file and name must agree")
        return prompt
