"""The repository's own rules for reviews: REVIEW.md, CLAUDE.md and AGENTS.md of the folders concerned.

They are read from the base of a change, so that a change can't weaken its own review. Sub-agents read them as they are;
what stands in the front matter of a REVIEW.md is followed by code:

    ---
    skip: ["docs/", "*.sql"]        # globs as in .gitignore; these files are set aside
    lowest: medium                  # findings below this severity are not shown
    most: 10                        # nor are more findings than this
    ---
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field, ValidationError

from fanfold.agents.prices import estimate_tokens
from fanfold.models import Finding, Frozen, Severity
from fanfold.sources.target import Target
from fanfold.sources.text import printable

NAMES = ("REVIEW.md", "CLAUDE.md", "AGENTS.md")
# More than this is a manual, and would crowd out the change.
_MOST_TOKENS = 6_000
_FRONT_MATTER = re.compile(r"---\n(.*?)^---(?:\n|\Z)", re.DOTALL | re.MULTILINE)


_MUST_BE = {
    "skip": 'a list, as in skip: ["docs/"]',
    "lowest": f"one of {', '.join(severity.value for severity in Severity)}",
    "most": "a whole number from 0, as in most: 10",
}


class Rules(Frozen):
    """What the front matter of a REVIEW.md says, for its folder and those below."""

    skip: tuple[str, ...] = ()
    lowest: Severity | None = None
    most: int | None = Field(default=None, ge=0)


class Guidance(Frozen):
    """What a repository says about reviews: the `text` for sub-agents, `rules` by folder, and notes for the report."""

    text: str = ""
    rules: tuple[tuple[str, Rules], ...] = ()
    notes: tuple[str, ...] = ()

    def skips(self, path: str) -> str | None:
        """Return why a file is set aside, None when it is not."""
        from pathspec import GitIgnoreSpec

        for folder, rules in self.rules:
            inside = _below(folder, path)
            if inside is not None and rules.skip and GitIgnoreSpec.from_lines(rules.skip).match_file(inside):
                return f"{_in(folder, 'REVIEW.md')} says to skip it"
        return None

    def applied(self, findings: Iterable[Finding]) -> list[Finding]:
        """Suppress what the rules do not want shown; findings are taken in order, best first."""
        shown: dict[str, int] = {}
        return [self._judged(finding, shown) for finding in findings]

    def _judged(self, finding: Finding, shown: dict[str, int]) -> Finding:
        if not finding.stands:
            return finding
        over = [(folder, rules) for folder, rules in self.rules if _below(folder, finding.path) is not None]
        for folder, rules in over:
            if rules.lowest and finding.severity.rank < rules.lowest.rank:
                why = f"below {rules.lowest.value}, by {_in(folder, 'REVIEW.md')}"
                return finding.model_copy(update={"suppressed": why})
            if rules.most is not None and shown.get(folder, 0) >= rules.most:
                why = f"beyond the {rules.most} that {_in(folder, 'REVIEW.md')} wants"
                return finding.model_copy(update={"suppressed": why})
        # Only what is shown counts, for every folder that it is in.
        shown.update({folder: shown.get(folder, 0) + 1 for folder, _ in over})
        return finding


def read_guidance(target: Target) -> Guidance:
    """Read what holds for the files of `target`, from its base where it has one."""
    changed = {change.path for change in target.changes}
    side = target.before or target.snapshot
    texts: list[str] = []
    rules: list[tuple[str, Rules]] = []
    notes: list[str] = []
    room = _MOST_TOKENS
    for path in _places(target.paths):
        if target.before is None and path in changed:
            notes.append(f"{printable(path)} is part of what is reviewed, so it says nothing about the review")
            continue
        text = (side.read(path) or "").replace("\r\n", "\n")
        if not text:
            continue
        body = text
        if PurePosixPath(path).name == "REVIEW.md":
            body, own, problem = _split(text)
            notes += [f"{printable(path)}: {problem}"] if problem else []
            rules += [(str(PurePosixPath(path).parent), own)] if own else []
        kept = _cut(body.strip(), room)
        room -= estimate_tokens(kept)
        if len(kept) < len(body.strip()):
            notes.append(f"{printable(path)} is too long: sub-agents see the first {len(kept):,} characters of it")
        if kept:
            texts.append(f"=== {printable(path)} ===\n{kept}")
    return Guidance(text="\n\n".join(texts), rules=tuple(rules), notes=tuple(notes))


def _places(paths: Iterable[str]) -> Iterator[str]:
    """Yield where guidance for these files may lie, the root first."""
    folders = {folder for path in paths for folder in PurePosixPath(path).parents}
    for folder in sorted(folders, key=lambda folder: (len(folder.parts), str(folder))):
        yield from (_in(str(folder), name) for name in NAMES)


def _in(folder: str, name: str) -> str:
    return str(PurePosixPath(folder) / name)


def _below(folder: str, path: str) -> str | None:
    """Return the path as seen from `folder`, None when it lies elsewhere."""
    pure = PurePosixPath(path)
    return str(pure.relative_to(folder)) if folder == "." or pure.is_relative_to(folder) else None


def _split(text: str) -> tuple[str, Rules | None, str | None]:
    """Return a REVIEW.md without its front matter, its rules, and what is wrong with them."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return text, None, None
    import yaml

    body = text[match.end() :]
    try:
        fields: Any = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError):  # a date that is none, say
        return body, None, "its front matter is not valid YAML, so it is ignored"
    if not isinstance(fields or {}, dict):
        return body, None, "its front matter is ignored: it must hold keys with values, as in most: 10"
    try:
        return body, Rules.model_validate(fields or {}), None
    except ValidationError as error:
        wrong = {fault["loc"][0]: None for fault in error.errors(include_url=False)}
        good = {key: value for key, value in fields.items() if key not in wrong and str(key) not in wrong}
        kept = f"; {', '.join(good)} counts" if len(good) == 1 else f"; {', '.join(good)} count" if good else ""
        said = ", ".join(map(_wrong, wrong))
        return body, Rules.model_validate(good) if good else None, f"its front matter is wrong: {said}{kept}"


def _wrong(key: object) -> str:
    """Return what is wrong with a key of the front matter."""
    name = printable(str(key))
    return f"{name} must be {_MUST_BE[name]}" if name in _MUST_BE else f"there is no {name}, only {', '.join(_MUST_BE)}"


def _cut(text: str, tokens: int) -> str:
    """Keep whole lines from the beginning, as many as `tokens` allow."""
    if estimate_tokens(text) <= tokens:
        return text
    kept: list[str] = []
    for line in text.split("\n"):
        tokens -= estimate_tokens(f"{line}\n")
        if tokens < 0:
            break
        kept.append(line)
    return "\n".join(kept)
