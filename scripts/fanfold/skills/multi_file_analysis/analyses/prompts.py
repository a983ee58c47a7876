"""Ready-made questions as data. They live beside SKILL.md; users add their own in `.fanfold/analyses`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field, model_validator

from fanfold.errors import ConfigError
from fanfold.pack import pack_folder
from fanfold.skills.multi_file_analysis.analyses.parts import PARTS
from fanfold.skills.prompt_data import Prompt, PromptKind

_SYNTHESIS = "\n## Synthesis\n"


class Analysis(Prompt):
    """A ready-made analysis.

    `question` is what is asked when nothing else is. `facts` name what is found out without a model, in the order in
    which it is shown (the keys of `parts.PARTS`). When not everything can be read, what these point at is read first,
    and then `files`, globs as in .gitignore; each for a share (`planning`). The instructions are for workers up to a
    line `## Synthesis`, and for the synthesiser after it.
    """

    title: str = Field(min_length=1)
    question: str = Field(min_length=1)
    facts: tuple[str, ...] = Field(min_length=1)
    files: tuple[str, ...] = ()

    @property
    def for_workers(self) -> str:
        return self.instructions.partition(_SYNTHESIS)[0].strip()

    @property
    def for_synthesis(self) -> str:
        return self.instructions.partition(_SYNTHESIS)[2].strip()

    @property
    def about_change(self) -> bool:
        """Tell whether it is about what a change reaches, so that the question may name one."""
        return "impact" in self.facts

    @model_validator(mode="after")
    def _is_whole(self) -> Analysis:
        if unknown := [name for name in self.facts if name not in PARTS]:
            raise ValueError(f"facts: {unknown[0]!r} is none of {', '.join(PARTS)}")
        if not self.for_workers or not self.for_synthesis:
            raise ValueError("needs instructions for workers, then a line `## Synthesis` and some for the synthesiser")
        return self


ANALYSES = PromptKind(Analysis, "an analysis", "analyses", ".fanfold/analyses", "--analyses-from")


@cache
def shipped_analyses() -> dict[str, Analysis]:
    """Return the shipped analyses by name, in alphabetical order."""
    return ANALYSES.read(pack_folder("skills") / "multi-file-analysis" / "prompts" / "analyses")


def known_analyses(root: Path, folder: Path | None = None) -> tuple[dict[str, Analysis], list[str]]:
    """Return the analyses to choose from, and notes about them; see `PromptKind.known`. Raises ConfigError."""
    return ANALYSES.known(shipped_analyses(), root, folder)


def analysis_named(name: str, known: dict[str, Analysis]) -> Analysis:
    """Return the analysis of that name. Raises ConfigError, which names those that there are."""
    if name not in known:
        raise ConfigError(f"--analysis {name}: no such analysis; there are {', '.join(known)}")
    return known[name]
