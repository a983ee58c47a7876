"""The formats a run can be written in: a template for people, or a module for machines; one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from fanfold.engine.events import Event
from fanfold.errors import UsageError
from fanfold.models import Run

if TYPE_CHECKING:
    from fanfold.reports.templates import Compiled

# Each format's name and its files' ending. A format for machines is the module of its name, loaded when it is used.
TEMPLATED: Mapping[str, str] = {"md": "md", "html": "html"}
CODED: Mapping[str, str] = {
    "json": "json",
    "sarif": "sarif",
    "github": "github.json",
    "gitlab": "gitlab.json",
    "rdjson": "rdjson",
    "findings": "findings.json",
    "junit": "xml",
    "ctrf": "ctrf.json",
    "mermaid": "mmd",
}
# Those that one skill's runs alone have something for: of others they would say "nothing found".
ONLY: Mapping[str, str] = {
    **dict.fromkeys(("sarif", "github", "gitlab", "rdjson", "findings"), "code-review"),
    **dict.fromkeys(("junit", "ctrf"), "parallel-test"),
    "mermaid": "multi-file-analysis",
}
FORMATS: Mapping[str, str] = {**TEMPLATED, **CODED}


def formats_of(skill: str | None) -> tuple[str, ...]:
    """Return the formats that have something to show of a run of `skill`; all of them for None."""
    return tuple(name for name in FORMATS if skill is None or ONLY.get(name, skill) == skill)


@dataclass(frozen=True, slots=True)
class TemplateChoice:
    """Where templates come from: one file for the whole report, folders to look in before the shipped ones."""

    file: Path | None = None
    folders: Sequence[Path] = ()


class Renderer:
    """Renders runs of one skill.

    When it is made its templates compile, and those that are not the shipped ones are tried on sample runs: a template
    that doesn't work is found out before anything is spent. Raises TemplateError, and UsageError for a format that has
    nothing to show of such a run.
    """

    def __init__(self, skill: str, formats: Sequence[str], choice: TemplateChoice) -> None:
        if choice.file and not any(name in TEMPLATED for name in formats):
            raise UsageError(f"--template renders text, not {', '.join(formats)}: add --format md")
        for name in formats:
            if name not in formats_of(skill):
                raise UsageError(f"--format {name} is for runs of {ONLY[name]}, not of {skill}")
        self._templates = {name: _compile(skill, name, choice) for name in formats if name in TEMPLATED}

    def render(self, run: Run, name: str, events: Iterable[Event] = ()) -> str:
        """Return `run` as text in the format `name`, ending with a line break. Raises TemplateError.

        `events` are those of the run, where there are any: a template may tell more by them.
        """
        if name in self._templates:
            return self._templates[name].render(run, events)
        if name == "json":
            return run.model_dump_json(indent=2) + "\n"
        return cast("str", import_module(f"fanfold.reports.{name}").render(run))


def _compile(skill: str, name: str, choice: TemplateChoice) -> Compiled:
    from fanfold.reports.templates import compile_template

    compiled = compile_template(f"{skill}/report.{TEMPLATED[name]}.j2", choice.file, choice.folders)
    if choice.file or choice.folders:
        from fanfold.reports.samples import runs_of

        for run in runs_of(skill).values():
            compiled.render(run)
    return compiled
