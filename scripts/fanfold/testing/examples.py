"""Examples that tests of several rooms speak of: a change that is in memory alone, findings, what an agent hands in."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fanfold.agents.spec import AnswerTool
from fanfold.models import Finding, Severity
from fanfold.sources.change import FileChange
from fanfold.sources.diff import parse_diff
from fanfold.sources.target import Target


class Memory:
    """A snapshot of files that are nowhere but here; it counts what is read."""

    def __init__(self, files: Mapping[str, str | None]) -> None:
        self.files = files
        self.reads = 0

    def read(self, path: str) -> str | None:
        self.reads += 1
        return self.files.get(path)

    def paths(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def each(self, paths: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        return ((path, self.files.get(path)) for path in paths)

    def on_disk(self, _paths: Iterable[str]) -> AbstractContextManager[Path]:
        return contextlib.nullcontext(Path("/nowhere"))


def target(
    changes: Iterable[FileChange],
    after: Mapping[str, str],
    before: Mapping[str, str] | None = None,
    *,
    whole: bool = False,
) -> Target:
    """Return a target in which these changes have led to the files `after`."""
    return Target(
        root=Path("/project"),
        description="a change",
        base=None,
        head=None,
        changes=tuple(changes),
        snapshot=Memory(after),
        before=Memory(before) if before is not None else None,
        whole=whole,
        paths=tuple(after),
    )


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> Target:
    """Return the target that turns the files `before` into `after`."""
    texts: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = (side.get(path, "").splitlines(keepends=True) for side in (before, after))
        lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
        texts += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return target(parse_diff("".join(texts)) if texts else (), after, before)


def finding(**fields: Any) -> Finding:
    """Return a finding of one line in `a.py`."""
    values: dict[str, Any] = {
        "path": "a.py",
        "line": 5,
        "end_line": 5,
        "aspect": "correctness",
        "severity": Severity.MEDIUM,
        "confidence": 0.5,
        "title": "The sum is off by one",
        "quote": "total = sum(values[1:])",
        "sources": ("correctness",),
        "mechanism": "off-by-one",
    }
    return Finding.model_validate({**values, **fields})


def reported(**fields: Any) -> dict[str, Any]:
    """Return what a finder hands in about the query of the change that the tests of the command line review."""
    values: dict[str, Any] = {
        "aspect": "security",
        "path": "app.py",
        "anchor": "3#000",
        "quote": "return db.execute(f\"select * from t where name = '{name}'\")",
        "severity": "critical",
        "mechanism": "sql-injection",
        "title": "The name goes into the query as it is",
        "explanation": "Whoever chooses the name chooses the query.",
        "failure_scenario": "A name of ' OR 1=1 -- returns every row.",
        "suggestion": None,
        "evidence": [],
    }
    return {**values, **fields}


class Answer(BaseModel):
    """What a finder of the agents' own tests hands in."""

    words: list[str]


class Verdict(BaseModel):
    """What their verifier hands in."""

    holds: bool


REPORT = AnswerTool("report", "Hand in what you found.", Answer)
JUDGE = AnswerTool("judge", "Hand in your verdict.", Verdict)
