"""mypy, as the project has set it up.

Its plugins are Python code that the configuration names, often the repository's own: so it runs code of the
repository, and is used only when asked for by name. It is taken from the project's environment
(`.venv/bin/mypy` in the target or in the current folder), because only there are the libraries that the
code is checked against; else from PATH.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ValidationError

from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.analyzers.files import LineCache, SourceFile, present
from fanfold.analyzers.rules import LIKELY, Rule, finding
from fanfold.analyzers.tool import environment, in_batches, one_line, reason, run_tool, workplace
from fanfold.errors import FinalError
from fanfold.models import Finding, Severity

_MISSING = "no mypy in .venv/bin or on PATH: install it where the project's libraries are"
_DONE, _FOUND = 0, 1
# What is missing around the code is no fault in it.
_AROUND = frozenset({"import", "import-untyped", "import-not-found", "unused-ignore", "annotation-unchecked"})
_TYPES_ONLY = frozenset({"no-untyped-def", "no-untyped-call", "no-any-return", "type-arg", "var-annotated", "misc"})


class Message(BaseModel):
    """One line of mypy's JSON output; lines count from 1."""

    file: str
    line: int
    message: str
    code: str | None
    severity: str


@dataclass(frozen=True, slots=True)
class Mypy:
    """The analyzer; `command` runs the program, None finds it in the project."""

    command: tuple[str, ...] | None = None
    name: Literal["mypy"] = "mypy"
    runs_repository_code: bool = True
    reads: tuple[str, ...] = ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg")
    beyond: bool = False

    def wants(self, path: str) -> bool:
        """Tell whether it is Python, stubs included."""
        return PurePosixPath(path).suffix in {".py", ".pyi"}

    def unavailable(self) -> str | None:
        """Return None when there is a mypy in the current folder's environment or on PATH."""
        return None if self.command or _program(Path.cwd()) else _MISSING

    def version(self) -> str:
        """Return a constant: what it says depends on the whole environment, and is never stored."""
        return "the project's own"

    async def analyze(self, request: AnalyzerRequest) -> Analysis:
        """See `Analyzer.analyze`."""
        command = self.command or _program(request.root, Path.cwd())
        if command is None:
            raise FinalError(_MISSING)
        async with workplace(self.name, request.timeout_s) as folder:
            files = await asyncio.to_thread(present, request.root, request.paths, folder)
            messages, notes = await in_batches(files, partial(_check, command, request.root))
            found = await asyncio.to_thread(_findings, messages, files)
        return Analysis(findings=tuple(found), notes=tuple(notes))


def _program(*folders: Path) -> tuple[str, ...] | None:
    for folder in folders:
        own = folder.resolve() / ".venv" / "bin" / "mypy"
        if os.access(own, os.X_OK):
            return (str(own),)
    found = shutil.which("mypy")
    return (found,) if found else None


async def _check(command: Sequence[str], root: Path, batch: Sequence[SourceFile]) -> list[Message]:
    options = ("--output", "json", "--no-error-summary", "--show-absolute-path", "--cache-dir", os.devnull)
    argv = (*command, *options, "--", *(str(file.real) for file in batch))
    done = await run_tool("mypy", argv, cwd=root, env=environment(), fine=frozenset({_DONE, _FOUND}))
    try:
        return [Message.model_validate_json(line) for line in done.stdout.splitlines() if line.strip()]
    except ValidationError as error:
        raise FinalError(f"mypy printed no JSON, it has to be 1.11 or newer: {reason(done.stdout)}") from error


def _findings(messages: Sequence[Message], files: Sequence[SourceFile]) -> list[Finding]:
    by_name = {str(file.real): file for file in files}
    lines = LineCache()
    unique = dict.fromkeys((m.file, m.line, m.message, m.code or "") for m in messages if m.severity == "error")
    found: list[Finding] = []
    for name, line, message, code in unique:
        file = by_name.get(name)
        place = lines.place(file, line, line) if file and code not in _AROUND else None
        if file is None or place is None:
            continue
        severity = Severity.LOW if code in _TYPES_ONLY else Severity.MEDIUM
        rule = Rule("correctness", severity, LIKELY, "The types contradict each other: one of them is wrong.")
        mechanism = "undefined-name" if code == "name-defined" else ""
        source = f"mypy:{code or 'error'}"
        found.append(finding(file, place, rule, title=one_line(message), source=source, mechanism=mechanism))
    return found


MYPY = Mypy()
