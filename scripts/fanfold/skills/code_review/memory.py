"""What people have said about findings: dismissed ones never come back, accepted ones are the baseline.

It is kept in a file that is meant to be committed, one JSON object a line, sorted, so that two branches merge. What the
change under review adds to it itself counts, and is said; a critical finding can't be dismissed by its own change.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fanfold.errors import ConfigError
from fanfold.models import Dropped, Finding, Frozen, Run, Severity
from fanfold.skills.code_review.fold import fingerprint
from fanfold.skills.code_review.merge import alike, squeezed
from fanfold.sources.target import Target
from fanfold.sources.text import DECISIONS, READ_LIMIT, os_path

FILE = DECISIONS
_MODE = 0o644


class Decision(StrEnum):
    """Why a finding is not reported again."""

    DISMISSED = "dismissed"
    ACCEPTED = "baseline"


class Known(Frozen):
    """A finding that somebody decided about. `quote` is the code, by which it is known again, `digest` its secret."""

    fingerprint: str
    path: str
    aspect: str
    severity: Severity
    title: str
    quote: str
    mechanism: str = ""
    digest: str = ""
    decision: Decision = Decision.DISMISSED
    reason: str = ""

    @classmethod
    def of(cls, finding: Finding, decision: Decision, reason: str = "") -> list[Known]:
        """Return what is remembered of a finding, each of its places."""
        places = [(finding.path, finding.quote), *((place.path, place.quote) for place in finding.also)]
        return [
            cls(
                fingerprint=fingerprint(path, finding.aspect, quote, finding.digest),
                path=path,
                aspect=finding.aspect,
                severity=finding.severity,
                title=finding.title,
                quote=quote,
                mechanism=finding.mechanism,
                digest=finding.digest,
                decision=decision,
                reason=reason,
            )
            for path, quote in places
        ]

    def about(self, finding: Finding) -> bool:
        """Is it about the same code: one of the two quotes within the other?"""
        one, other = squeezed(self.quote), squeezed(finding.quote)
        return self.path == finding.path and bool(one and other) and (one in other or other in one)

    def means(self, finding: Finding) -> bool:
        """Is it this finding, whoever reports it, in whatever words and lines around?

        A secret is its value and no other on the same line. Who can't see it, a reader, may mean any.
        """
        if finding.digest:
            return self.path == finding.path and self.digest == finding.digest
        told = fingerprint(finding.path, finding.aspect, finding.quote)
        if self.fingerprint not in {finding.fingerprint, told} and not self.about(finding):
            return False
        return bool(self.mechanism and self.mechanism == finding.mechanism) or alike(self.title, finding.title)


@dataclass(slots=True)
class Memory:
    """What is known of findings.

    `own` are the entries that the change under review brings itself, `gone` the paths at which there is no file any
    more: what was decided there holds for the same code wherever it went.
    """

    known: tuple[Known, ...] = ()
    own: frozenset[Known] = frozenset()
    gone: frozenset[str] = frozenset()
    recalled: dict[Known, None] = field(default_factory=dict)
    _by_path: dict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for entry in self.known:
            self._by_path[entry.path].append(entry)

    def recall(self, finding: Finding) -> Finding | Dropped:
        """Drop a finding that was decided about; mark one that is like it, in the same place."""
        entries = self._by_path.get(finding.path, ())
        for path in (finding.path, *sorted(self.gone)):
            then = finding if path == finding.path else finding.model_copy(update={"path": path, "fingerprint": ""})
            for entry in self._by_path.get(path, ()):
                if entry.means(then):
                    return self._decided(finding, entry)
        near = next((entry for entry in entries if entry.about(finding)), None)
        if near is None:
            return finding
        said = f": {near.reason}" if near.reason else ""
        return _noted(finding, f"In the same place this was {_WORDS[near.decision]}: “{near.title}”{said}")

    def _decided(self, finding: Finding, entry: Known) -> Finding | Dropped:
        if entry in self.own and finding.severity is Severity.CRITICAL:
            return _noted(finding, f"This change itself dismisses it ({entry.reason or 'without a reason'}).")
        self.recalled[entry] = None
        return Dropped(
            title=finding.title,
            path=finding.path,
            line=finding.line,
            sources=finding.sources,
            reason=entry.decision.value,
            why=entry.reason,
        )

    def sort(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Dropped]]:
        """Separate what is reported from what was decided about."""
        said = [self.recall(finding) for finding in findings]
        return [one for one in said if isinstance(one, Finding)], [one for one in said if isinstance(one, Dropped)]

    @property
    def notes(self) -> list[str]:
        """Say what the change under review dismisses itself."""
        own = [entry for entry in self.recalled if entry in self.own]
        return [
            f"this change itself dismisses “{entry.title}” in {entry.path}: {entry.reason or 'no reason'}"
            for entry in own
        ]


_WORDS = {Decision.DISMISSED: "dismissed", Decision.ACCEPTED: "accepted"}


def _noted(finding: Finding, note: str) -> Finding:
    return finding.model_copy(update={"notes": tuple(dict.fromkeys((*finding.notes, note)))})


def read_memory(target: Target, baseline: Path | None = None) -> Memory:
    """Read what is known where `target` lies, and from `baseline`: a file of that form, or a run.json.

    Raises ConfigError.
    """
    here = target.root / FILE
    known = read_known(here) if here.is_file() else ()
    after = None if target.whole else target.snapshot.read(FILE)
    was = (target.before and target.before.read(FILE)) or ""
    shipped = _parsed(FILE, after) if after and after != was else ()
    before = _parsed(FILE, was) if shipped else ()
    # What is not committed is the user's own word where the working tree says it too; a patch is somebody else's.
    own = frozenset(shipped) - frozenset(before) - frozenset(() if target.head else known)
    extra = read_known(baseline) if baseline else ()
    every = tuple(dict.fromkeys((*known, *shipped, *extra)))
    return Memory(every, own, frozenset(_gone(target, {entry.path for entry in every})))


def _gone(target: Target, paths: Iterable[str]) -> Iterator[str]:
    renamed = {change.old_path for change in target.changes if change.kind == "renamed"}
    for path in paths:
        there = (target.root / os_path(path)).exists() or target.snapshot.read(path) is not None
        if path in renamed or not there:
            yield path


def read_known(file: Path) -> tuple[Known, ...]:
    """Read a file of decisions, or the findings of a run.json as a baseline. Raises ConfigError."""
    try:
        if file.stat().st_size > READ_LIMIT:
            raise ConfigError(f"{file}: too large for a file of findings")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: can't be read: {getattr(error, 'strerror', None) or error}") from error
    run = _run_in(text)
    if run is not None:
        return tuple(entry for finding in run.findings for entry in Known.of(finding, Decision.ACCEPTED))
    return _parsed(str(file), text)


def _run_in(text: str) -> Run | None:
    try:
        return Run.model_validate_json(text)
    except ValidationError:
        return None


def _parsed(name: str, text: str) -> tuple[Known, ...]:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entries.append(Known.model_validate_json(line))
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"])) or "the line"
            raise ConfigError(
                f"{name}:{number}: not a finding that was decided about: {where}: {fault['msg']}"
            ) from error
    return tuple(entries)


def remember(file: Path, entries: Sequence[Known]) -> int:
    """Add entries to `file`, a newer decision in the place of an older one; returns how many there are now.

    Raises ConfigError when what is there can't be read, OSError when it can't be written.
    """
    there = {_identity(entry): entry for entry in (read_known(file) if file.exists() else ())}
    return _write(file, {**there, **{_identity(entry): entry for entry in entries}})


def forget(file: Path, entries: Iterable[Known]) -> int:
    """Take entries out of `file`; returns how many were in it. Raises as `remember` does."""
    there = {_identity(entry): entry for entry in (read_known(file) if file.exists() else ())}
    gone = {_identity(entry) for entry in entries} & there.keys()
    if gone:
        _write(file, {key: entry for key, entry in there.items() if key not in gone})
    return len(gone)


def _identity(entry: Known) -> tuple[str, str]:
    return (entry.fingerprint, entry.mechanism or entry.title)


def _write(file: Path, entries: dict[tuple[str, str], Known]) -> int:
    lines = [_line(entry) for entry in sorted(entries.values(), key=lambda e: (e.path, e.fingerprint, e.title))]
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as draft:
        draft.writelines(f"{line}\n" for line in lines)
    place = Path(draft.name)
    place.chmod(file.stat().st_mode if file.exists() else _MODE)
    place.replace(file)
    return len(lines)


def _line(entry: Known) -> str:
    fields: dict[str, Any] = entry.model_dump(mode="json")
    return json.dumps(fields, ensure_ascii=False)
