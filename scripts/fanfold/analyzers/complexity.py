"""Functions that are too complex or too long, in some twenty languages, measured by lizard.

Cyclomatic complexity (McCabe, 1976) is the number of linearly independent paths: above 15 the function is
hard to test (low), above 30 nobody does (medium). A function is named once, with all that is too much about
it. When the base of the change is known, only what the change made worse is reported, function by function
by name: the worst of that name at the base counts. Code in tests and generated code is not measured.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.analyzers.files import LineCache, SourceFile, present
from fanfold.analyzers.rules import SURE, Rule, finding
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

_BATCH, _BATCH_BYTES = 5_000, 2_000_000  # names are written to its stdin, so only its answer's size counts
_CHILD = Path(__file__).with_name("complexity_child.py")
# Those of lizard's languages whose measures are sound; its extensions for SQL, R and others also match other things.
_MEASURABLE = re.compile(
    r".*\.(py|c|cc|cpp|cxx|h|hh|hpp|java|cs|js|cjs|mjs|jsx|ts|tsx|vue|m|mm|rb|php|swift|scala|go|lua|rs|kt|kts)"
)
_GENERATED = re.compile(r"@generated|do not (?:edit|modify)|auto-?generated", re.IGNORECASE)
_HEAD = 2_000  # characters in which generated files say so

COMPLEX, VERY_COMPLEX = 15, 30
LONG = 250  # lines of code
MANY_PARAMETERS = 25
_LIMITS = (COMPLEX, LONG, MANY_PARAMETERS)
_WHAT = ("cyclomatic complexity", "length in lines of code", "number of parameters")


class Function(NamedTuple):
    """What lizard says of a function; lines count from 1."""

    name: str
    line: int
    end_line: int
    complexity: int
    length: int
    parameters: int

    @property
    def measures(self) -> tuple[int, int, int]:
        """Return complexity, length and parameters."""
        return (self.complexity, self.length, self.parameters)


_MEASURED = TypeAdapter(list[list[Function]])


@dataclass(frozen=True, slots=True)
class Complexity:
    """The analyzer; `command` runs the program."""

    command: tuple[str, ...] = field(default_factory=lambda: python_program(str(_CHILD)))
    name: Literal["complexity"] = "complexity"
    runs_repository_code: bool = False
    reads: tuple[str, ...] = ()
    beyond: bool = False

    def wants(self, path: str) -> bool:
        """Tell whether it is code in a language that can be measured, and no test."""
        name = PurePosixPath(path).name
        return bool(_MEASURABLE.fullmatch(name)) and ".min." not in name and not is_test(path)

    def unavailable(self) -> str | None:
        """Return None when lizard is installed beside fanfold."""
        return why_missing("lizard")

    def version(self) -> str:
        """Return lizard's version and the limits."""
        return f"{installed('lizard')} limits {content_key(_LIMITS, VERY_COMPLEX, _GENERATED.pattern)[:8]}"

    async def analyze(self, request: AnalyzerRequest) -> Analysis:
        """See `Analyzer.analyze`."""
        async with workplace(self.name, request.timeout_s) as folder:
            measured, notes = await self._measure(folder, request.root, request.paths)
            suspects = [file.path for file, functions in measured if any(map(_excess, functions))]
            old: list[tuple[SourceFile, list[Function]]] = []
            if request.before and suspects:
                old, more = await self._measure(folder, request.before, suspects)
                notes += more
            before = {file.path: _worst(functions) for file, functions in old}
            found = await asyncio.to_thread(_findings, measured, before)
        return Analysis(findings=tuple(found), notes=tuple(notes))

    async def _measure(
        self, folder: Path, root: Path, paths: Sequence[str]
    ) -> tuple[list[tuple[SourceFile, list[Function]]], list[str]]:
        files = await asyncio.to_thread(present, root, paths, folder)

        async def measure(batch: Sequence[SourceFile]) -> list[tuple[SourceFile, list[Function]]]:
            names = json.dumps([str(file.real) for file in batch])
            done = await run_tool(self.name, self.command, cwd=folder, stdin=names.encode())
            try:
                return list(zip(batch, _MEASURED.validate_json(done.stdout), strict=True))
            except ValidationError as error:
                raise FinalError("complexity: lizard printed nothing that fanfold can read") from error
            except ValueError as error:  # of zip
                raise FinalError("complexity: lizard did not answer for every file") from error

        return await in_batches(files, measure, most=_BATCH, most_bytes=_BATCH_BYTES)


def _worst(functions: Sequence[Function]) -> dict[str, tuple[int, int, int]]:
    """Return the worst measures of the functions of each name; overloads and methods may share one."""
    worst: dict[str, tuple[int, int, int]] = {}
    for function in functions:
        known = worst.get(function.name, (0, 0, 0))
        complexity, length, parameters = map(max, known, function.measures)
        worst[function.name] = (complexity, length, parameters)
    return worst


def _excess(function: Function) -> bool:
    return any(value > limit for value, limit in zip(function.measures, _LIMITS, strict=True))


def _findings(
    measured: Sequence[tuple[SourceFile, list[Function]]], before: Mapping[str, Mapping[str, tuple[int, int, int]]]
) -> list[Finding]:
    lines = LineCache()
    return [
        finding
        for file, functions in measured
        if any(map(_excess, functions)) and not _GENERATED.search(lines.text(file)[:_HEAD])
        for function in functions
        for finding in _reported(file, function, lines, before.get(file.path, {}).get(function.name))
    ]


def _reported(
    file: SourceFile, function: Function, lines: LineCache, before: tuple[int, int, int] | None
) -> list[Finding]:
    """Return the finding, or nothing when the function is within the limits or no worse than before."""
    old = before or (0, 0, 0)
    parts = [
        f"{what} went from {was} to {value}" if was else f"{what} is {value}"
        for what, value, limit, was in zip(_WHAT, function.measures, _LIMITS, old, strict=True)
        if value > max(limit, was)
    ]
    place = lines.place(file, function.line, function.end_line) if parts else None
    if place is None:
        return []
    severity = Severity.MEDIUM if function.complexity > max(VERY_COMPLEX, old[0]) else Severity.LOW
    why = "Each independent path needs a test, and a reader keeps them all in mind."
    title = one_line(f"`{function.name}`: {', '.join(parts)}")
    rule = Rule("style", severity, SURE, why)
    return [finding(file, place, rule, title=title, source="complexity:lizard", mechanism="complexity")]


COMPLEXITY = Complexity()
