"""The formats a run can be written in: a template for people, or a module for machines; one line each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from fanfold.engine.events import Event
from fanfold.errors import TemplateError, UsageError
from fanfold.models import Run
from fanfold.reports.fitting import fit
from fanfold.reports.mentions import unmentioned

if TYPE_CHECKING:
    from fanfold.reports.templates import Compiled

# Each format's name and its files' ending. A format for machines is the module of its name, loaded when it is used.
TEMPLATED: Mapping[str, str] = {
    "md": "md",
    "html": "html",
    "pr-comment": "pr-comment.md",
    "job-summary": "job-summary.md",
}
# What takes so many bytes and no more: a comment on GitHub (it counts characters), the summary of a step.
MOST: Mapping[str, int] = {"pr-comment": 65_536, "job-summary": 1_048_576}
# Whoever is named behind an @ there gets mail.
_POSTED = "pr-comment"
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


def check_format(name: str, skill: str) -> None:
    """Raise UsageError, with those that there are, for what is no format or has nothing to show of a run of `skill`."""
    own = formats_of(skill)
    if name in own:
        return
    if name in FORMATS:
        said = f"is for runs of {ONLY[name]}; one of {skill}"
    else:
        near = difflib.get_close_matches(name, own, n=1)
        said = f"is no format{f'; did you mean {near[0]!r}? A' if near else '; a'} run of {skill}"
    raise UsageError(f"--format {name} {said} can be {', '.join(own)}")


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
        for name in formats:
            check_format(name, skill)
        if choice.file and not any(name in TEMPLATED for name in formats):
            raise UsageError(f"--template renders text, not {', '.join(formats)}: add --format md")
        templated = [name for name in formats if name in TEMPLATED]
        meant = _meant(choice.file, templated) if choice.file else None
        named = replace(choice, file=None)
        self._skill = skill
        self._choices = {name: choice if name == meant else named for name in templated}
        self._templates: dict[str, Compiled] = {}
        if choice.file or choice.folders:
            self.warm()

    def warm(self) -> None:
        """Compile what is not compiled yet: what a run that takes its time can have done beside it.

        The shipped templates are known to compile, and are not needed before there is something to report.
        """
        for name, choice in self._choices.items():
            if name not in self._templates:
                self._templates[name] = _compile(self._skill, name, choice)

    def warm_all(self) -> None:
        """Compile what templates include as well."""
        self.warm()
        for template in self._templates.values():
            template.warm()

    def render(self, run: Run, name: str, events: Iterable[Event] = ()) -> str:
        """Return `run` as text in the format `name`, ending with a line break. Raises TemplateError.

        `events` are those of the run, where there are any: a template may tell more by them.
        """
        if name in self._choices:
            self.warm()
            text = self._templates[name].render(run, events)
            text = unmentioned(text) if name == _POSTED else text
            return fit(text, MOST[name]) if name in MOST else text
        if name == "json":
            return run.model_dump_json(indent=2) + "\n"
        return cast("str", import_module(f"fanfold.reports.{name}").render(run))


def _meant(file: Path, formats: Sequence[str]) -> str:
    """Return the format that a file is the template of: the only one, or the one that its name names."""
    if len(formats) == 1:
        return formats[0]
    endings = {name: f".{TEMPLATED[name]}." for name in formats}
    named = [name for name, ending in endings.items() if ending in f"{file.name}."]
    if not named:
        names = " or ".join(f"report{ending}j2" for ending in endings.values())
        raise UsageError(f"--template {file}: which of {' and '.join(formats)} is it for? Call it {names}")
    return max(named, key=lambda name: len(endings[name]))


def _compile(skill: str, name: str, choice: TemplateChoice) -> Compiled:
    from fanfold.reports.templates import compile_template

    compiled = compile_template(f"{skill}/report.{TEMPLATED[name]}.j2", choice.file, choice.folders)
    if choice.file or choice.folders:
        from fanfold.reports.samples import runs_of

        for kind, run in runs_of(skill).items():
            try:
                compiled.render(run)
            except TemplateError as error:
                raise TemplateError(f"{error} (tried on a run that is {kind})") from error
    return compiled
