"""bandit: security faults in Python.

It reads no configuration here: it looks for `.bandit` files in folders, and is given files;
`pyproject.toml` it reads when asked to. `# nosec` is honoured, and `# noqa: S301` as a word on B301. Which
tests count is `rules.RULES`, the same for bandit's `B602` and ruff's `S602`; a test that is not listed
there counts when bandit is sure of something that matters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ValidationError

from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.analyzers.files import PYTHON, LineCache, SourceFile, present
from fanfold.analyzers.rules import POSSIBLE, RULES, Rule, counts, decided, fault, finding
from fanfold.analyzers.tool import (
    in_batches,
    installed,
    one_line,
    python_program,
    run_tool,
    why_missing,
    workplace,
)
from fanfold.errors import FinalError
from fanfold.models import Finding, Severity, content_key
from fanfold.sources.beside import is_test

_LEFT_OUT = (  # see `rules`: uses rather than faults, and guesses
    "B101,B105,B106,B107,B108,B310,B311,B312,B313,B314,B315,B316,B317,B318,B319,B321,B401,B402,B403,B404,B405,B406,B407,B408,"
    "B409,B411,B412,B413,B415,B601,B603,B606,B607"
)
_SHELL = frozenset({"S602", "S604", "S605"})  # of low severity when the command is a constant


class Issue(BaseModel):
    """One entry of bandit's results; lines count from 1."""

    filename: str
    test_id: str
    test_name: str
    issue_text: str
    issue_severity: Literal["LOW", "MEDIUM", "HIGH", "UNDEFINED"]
    issue_confidence: Literal["LOW", "MEDIUM", "HIGH", "UNDEFINED"]
    line_number: int
    line_range: list[int]


class _Skipped(BaseModel):
    filename: str
    reason: str


class _Report(BaseModel):
    errors: list[_Skipped]
    results: list[Issue]


@dataclass(frozen=True, slots=True)
class Bandit:
    """The analyzer; `command` runs the program."""

    command: tuple[str, ...] = field(default_factory=lambda: python_program("-m", "bandit"))
    name: Literal["bandit"] = "bandit"
    runs_repository_code: bool = False
    reads: tuple[str, ...] = ()
    beyond: bool = False

    def wants(self, path: str) -> bool:
        """Tell whether it is Python; tests may do what programs may not."""
        return PurePosixPath(path).suffix in PYTHON and not is_test(path)

    def unavailable(self) -> str | None:
        """Return None when bandit is installed beside fanfold."""
        return why_missing("bandit")

    def version(self) -> str:
        """Return bandit's version and the rules'."""
        return f"{installed('bandit')} rules {content_key(_LEFT_OUT, sorted(map(repr, RULES.items())))[:8]}"

    async def analyze(self, request: AnalyzerRequest) -> Analysis:
        """See `Analyzer.analyze`."""
        async with workplace(self.name, request.timeout_s) as folder:
            files = await asyncio.to_thread(present, request.root, request.paths, folder)

            async def check(batch: Sequence[SourceFile]) -> list[_Report]:
                return [await self._check(folder, batch)]

            reports, notes = await in_batches(files, check)
            return await asyncio.to_thread(_analysis, reports, files, notes)

    async def _check(self, folder: Path, batch: Sequence[SourceFile]) -> _Report:
        # Without `-x ""` every path with, say, ".git" anywhere in it would be left out without a word.
        options = ("--format", "json", "--quiet", "--exit-zero", "--skip", _LEFT_OUT, "--exclude", "")
        argv = (*self.command, *options, "--", *(str(file.real) for file in batch))
        done = await run_tool(self.name, argv, cwd=folder)
        try:
            return _Report.model_validate_json(done.stdout)
        except ValidationError as error:
            raise FinalError("bandit printed no report that fanfold can read") from error


def _analysis(reports: Sequence[_Report], files: Sequence[SourceFile], notes: Sequence[str]) -> Analysis:
    """Turn reports into findings, and name the files that bandit could not parse."""
    by_name = {str(file.real): file for file in files}
    lines = LineCache()
    issues = [issue for report in reports for issue in report.results if issue.filename in by_name]
    found = [finding for issue in issues for finding in _reported(issue, by_name[issue.filename], lines)]
    unread = [by_name[e.filename].path for report in reports for e in report.errors if e.filename in by_name]
    unparsed = (f"bandit could not parse {', '.join(unread)}",) if unread else ()
    return Analysis(findings=tuple(found), notes=(*notes, *unparsed))


def _reported(issue: Issue, file: SourceFile, lines: LineCache) -> list[Finding]:
    """Return the finding, or nothing when the test doesn't count here."""
    code = "S" + issue.test_id.removeprefix("B")
    rule = RULES.get(code) or _unlisted(issue)
    if rule is None or (code in RULES and not counts(code, file.path)):
        return []
    if code in _SHELL and issue.issue_severity == "LOW":
        return []
    statement = [issue.line_number, *issue.line_range]  # of a call over several lines it names the argument's
    place = lines.place(file, min(statement), max(statement))
    if place is None or decided(code, place.quote, lines.text(file)):
        return []
    title, source = one_line(issue.issue_text), f"bandit:{issue.test_id}"
    return [finding(file, place, rule, title=title, source=source, mechanism=fault(code))]


def _unlisted(issue: Issue) -> Rule | None:
    """Rank a test that `RULES` doesn't know, newer than it or of a plugin, None when it isn't worth a minute."""
    if "LOW" in {issue.issue_severity, issue.issue_confidence} or issue.issue_severity == "UNDEFINED":
        return None
    severity = Severity.HIGH if issue.issue_severity == "HIGH" else Severity.MEDIUM
    return Rule("security", severity, POSSIBLE, f"See bandit's documentation of {issue.test_name}.")


BANDIT = Bandit()
