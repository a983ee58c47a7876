"""ruff: bugs, security, performance and async faults in Python.

Where it is known what the files were, faults that they did not have are the change's, though they may show on lines
that it leaves alone: a name is undefined wherever it is used, a bracket is missed where the parser gives up.

Its configuration can't run code. Which rules count is `rules.RULES`; a project's own configuration can only
take away (`ruff_settings`), as can `# noqa`. Files that a project excludes from ruff are left out even
though they are named: they are generated, vendored, or broken on purpose.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.analyzers.caused import marked
from fanfold.analyzers.files import PYTHON, LineCache, Place, SourceFile, present
from fanfold.analyzers.ruff_settings import CONFIG_NAMES, RuffSettings, SettingsReader, bare
from fanfold.analyzers.rules import RULES, Rule, counts, decided, fault, finding
from fanfold.analyzers.tool import (
    in_batches,
    installed,
    one_line,
    python_program,
    reason,
    run_tool,
    why_missing,
    workplace,
)
from fanfold.errors import FinalError
from fanfold.models import Finding, Severity, content_key
from fanfold.sources.text import os_path

_SELECT = "F,E9,B,PLE,PLW,RUF,S,PERF,ASYNC,G1"
_NOISE = "F401,F541,B904,B905,PLW2901,RUF001,RUF002,RUF003,RUF012,RUF100,S101,S603,S607"  # the commonest of it
_USAGE = 2  # ruff's exit code for arguments and configuration that it can't use
_SYNTAX = Rule("correctness", Severity.HIGH, 0.95, "The file can't be compiled: nothing in it runs.")
# What a default is computed from when it matters that it is computed once.
_CHANGING = re.compile(
    r"`(?:[\w.]+\.)?(?:now|today|utcnow|time|time_ns|monotonic|perf_counter|uuid[1467]|random|randint|choice"
    r"|token_\w+|getcwd|cwd|getenv|open|gettempdir|mkdtemp)`"
)
_PYTHON_2 = re.compile(
    r"`(?:apply|basestring|buffer|cmp|coerce|execfile|file|intern|long|raw_input|reduce|reload|unichr|unicode|xrange)`"
)
_BOTH_PYTHONS = re.compile(r"\bversion_info\b|\bPY[23]\b|except NameError")
_UNCHECKED = re.compile(r"# type: ignore(?:\s*$|\s*#|\[[^\]]*\bname-defined\b)")
_TEMPLATE = re.compile(r"\{\{|\{%")


class _Position(BaseModel):
    row: int
    column: int


class _Edit(BaseModel):
    content: str
    location: _Position
    end_location: _Position


class _Fix(BaseModel):
    applicability: str
    edits: list[_Edit]


class Message(BaseModel):
    """One entry of ruff's JSON output; rows and columns count from 1, columns in characters."""

    code: str | None
    message: str
    filename: str
    location: _Position
    end_location: _Position
    fix: _Fix | None = None
    url: str | None = None


_MESSAGES = TypeAdapter(list[Message])


@dataclass(frozen=True, slots=True)
class Ruff:
    """The analyzer; `command` runs the program."""

    command: tuple[str, ...] = field(default_factory=lambda: python_program("-m", "ruff"))
    name: Literal["ruff"] = "ruff"
    runs_repository_code: bool = False
    reads: tuple[str, ...] = CONFIG_NAMES
    beyond: bool = False

    def wants(self, path: str) -> bool:
        """Tell whether it is Python, stubs included."""
        return PurePosixPath(path).suffix in PYTHON | {".pyi"}

    def unavailable(self) -> str | None:
        """Return None when ruff is installed beside fanfold."""
        return why_missing("ruff")

    def version(self) -> str:
        """Return ruff's version and the rules'."""
        return f"{installed('ruff')} rules {content_key(_SELECT, 'caused', sorted(map(repr, RULES.items())))[:8]}"

    async def analyze(self, request: AnalyzerRequest) -> Analysis:
        """See `Analyzer.analyze`."""
        async with workplace(self.name, request.timeout_s) as folder:
            groups = await asyncio.to_thread(_grouped, request, folder)
            analyses = [await self._compared(request, group, files, folder) for group, files in groups.items()]
        return Analysis(
            findings=tuple(finding for analysis in analyses for finding in analysis.findings),
            notes=tuple(dict.fromkeys(note for analysis in analyses for note in analysis.notes)),
        )

    async def _compared(
        self, request: AnalyzerRequest, settings: RuffSettings, files: Sequence[SourceFile], folder: Path
    ) -> Analysis:
        """Check files as they are and, when there is something to tell, as they were, under the same settings."""
        now = await self._group(settings, files, folder)
        if not now.findings or request.before is None:
            return now
        base = folder / "before-the-change"
        there = settings.folder.relative_to(request.root.resolve())
        old = await asyncio.to_thread(_as_they_were, request.before, [file.path for file in files], base / there, base)
        was = await self._group(replace(settings, folder=base / there), old, folder)
        if not set(was.notes) <= set(now.notes):  # not all of it could be read
            return now
        return now.model_copy(update={"findings": marked(now.findings, was.findings, request.target, old)})

    async def _group(self, settings: RuffSettings, files: Sequence[SourceFile], folder: Path) -> Analysis:
        """Check files that share their settings; without any when ruff rejects those."""
        config = folder / "ruff.toml"
        config.write_text(settings.toml, encoding="utf-8")
        try:
            messages, notes = await in_batches(files, partial(self._check, settings.folder, config))
        except _RejectedError:
            plain = bare(settings.folder)
            if settings.toml == plain.toml:
                raise
            return await self._group(plain, files, folder)
        found = await asyncio.to_thread(_findings, messages, files, settings)
        return Analysis(findings=found.findings, notes=(*settings.notes, *notes, *found.notes))

    async def _check(self, folder: Path, config: Path, batch: Sequence[SourceFile]) -> list[Message]:
        options = ("--select", _SELECT, "--ignore", _NOISE, "--output-format", "json", "--config", str(config))
        flags = ("--exit-zero", "--no-cache", "--no-fix", "--force-exclude")
        argv: tuple[str | Path, ...] = (*self.command, "check", *options, *flags, "--", *(file.real for file in batch))
        done = await run_tool(self.name, argv, cwd=folder, fine=frozenset({0, _USAGE}))
        if done.returncode == _USAGE:
            raise _RejectedError(f"ruff did not run: {reason(done.stderr)}")
        try:
            return _MESSAGES.validate_json(done.stdout)
        except ValidationError as error:
            raise FinalError("ruff printed no list of findings that fanfold can read") from error


def _as_they_were(before: Path, paths: Sequence[str], settings: Path, base: Path) -> tuple[SourceFile, ...]:
    """Copy the files of a base to where settings mean the same for them, and no one else's hold."""
    links = base.with_name(f"{base.name}-links")
    for folder in (settings, links):
        folder.mkdir(parents=True, exist_ok=True)
    for file in present(before, paths, links):
        copy = base / os_path(file.path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.real.read_bytes())
    return present(base, paths, links)


class _RejectedError(FinalError):
    """ruff can't use its arguments or its configuration."""


def _grouped(request: AnalyzerRequest, links: Path) -> dict[RuffSettings, list[SourceFile]]:
    """Group the files by the settings that hold for them."""
    reader = SettingsReader(request.root.resolve())
    groups: dict[RuffSettings, list[SourceFile]] = defaultdict(list)
    for file in present(request.root, request.paths, links):
        groups[reader.of(file.real.parent)].append(file)
    return groups


def _findings(messages: Sequence[Message], files: Sequence[SourceFile], settings: RuffSettings) -> Analysis:
    """Turn messages into findings: of a file's syntax errors the first, of the rest what is in `RULES`."""
    by_name = {str(file.real): file for file in files}
    lines = LineCache()
    unread = [(by_name[m.filename].path, m.message) for m in messages if m.code == "E902" and m.filename in by_name]
    broken = Counter(message.filename for message in messages if _is_syntax(message))
    found: list[Finding] = []
    for message in messages:
        file = by_name.get(message.filename)
        if file is None:
            continue
        if not _is_syntax(message):
            found += _reported(message, file, lines, settings)
        elif more := broken.pop(message.filename, 0):
            found += _syntax_error(message, file, lines, more - 1)
    notes = tuple(f"ruff could not read {path}: {one_line(why)}" for path, why in unread)
    return Analysis(findings=tuple(found), notes=notes)


def _is_syntax(message: Message) -> bool:
    return message.code in {None, "invalid-syntax"}


def _syntax_error(message: Message, file: SourceFile, lines: LineCache, more: int) -> list[Finding]:
    """Report a syntax error, unless its line is a template's."""
    place = lines.place(file, message.location.row, message.location.row)
    if place is None or _TEMPLATE.search(place.quote):
        return []
    title = one_line(f"Syntax error: {message.message.removeprefix('SyntaxError: ')}")
    rule = replace(_SYNTAX, why=f"{_SYNTAX.why} {more} more follow from it.") if more else _SYNTAX
    return [finding(file, place, rule, title=title, source="ruff:invalid-syntax", mechanism="invalid-syntax")]


def _reported(message: Message, file: SourceFile, lines: LineCache, settings: RuffSettings) -> list[Finding]:
    """Return the finding, or nothing when the rule doesn't count here."""
    code = message.code or ""
    if not counts(code, file.path) or settings.ignores(code):
        return []
    first, last = message.location.row, message.end_location.row
    if message.end_location.column == 1:  # the end is exclusive
        last -= 1
    place = lines.place(file, first, last)
    if place is None or _meant(code, message.message, place.quote, lines.text(file)):
        return []
    title = one_line(message.message)
    found = finding(file, place, RULES[code], title=title, source=f"ruff:{code}", mechanism=fault(code))
    return [found.model_copy(update={"suggestion": _suggestion(message.fix, lines, file, place)})]


def _meant(code: str, message: str, line: str, text: str) -> bool:
    """Tell whether the line was probably written that way on purpose; each case is common, and seldom a fault."""
    match code:
        case "B008" | "RUF009":  # a default that never changes may be computed once
            return not _CHANGING.search(message)
        case "S602" | "S604" | "S605":  # a constant command
            return "seems safe" in message
        case "F821":
            return _is_known_elsewhere(message, line, text)
        case "F841":
            return line.lstrip().startswith("except")
    return decided(code, line, text)


def _is_known_elsewhere(message: str, line: str, text: str) -> bool:
    """Tell whether an undefined name is Python 2's in code for both, IPython's, a word in a Literal, or marked."""
    name = message.partition("`")[2].partition("`")[0]
    return (
        name == "get_ipython"
        or _UNCHECKED.search(line) is not None
        or ("Literal[" in line and re.search(rf"""["']{re.escape(name)}["']""", line) is not None)
        or (_PYTHON_2.search(message) is not None and _BOTH_PYTHONS.search(text) is not None)
    )


def _suggestion(fix: _Fix | None, lines: LineCache, file: SourceFile, place: Place) -> str | None:
    """Return the line as a safe fix leaves it, when that changes this line alone."""
    if fix is None or fix.applicability != "safe" or place.line != place.end_line:
        return None
    if any({edit.location.row, edit.end_location.row} != {place.line} for edit in fix.edits):
        return None
    before = after = lines.line(file, place.line)
    for edit in sorted(fix.edits, key=lambda edit: edit.location.column, reverse=True):
        after = after[: edit.location.column - 1] + edit.content + after[edit.end_location.column - 1 :]
    return after if after.strip() and after != before else None


RUFF = Ruff()
