"""Promises that a change breaks: a removed name still imported, a call that no longer fits, a default callers rely on.

Unlike other analyzers this one looks at the whole tree, on both sides of the change, and at nothing without a base.
It says what is certain from the code alone, and nothing else: a name that is bound twice, a decorator that may change
a signature, a module that makes its names as it runs, a base class from elsewhere, a `try` around the use, all keep it
silent. A finding is about the changed definition where there still is one, since that is where a reviewer looks and
what explains all the callers it names; a name that is gone is reported where it is still used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.analyzers.contracts.checks import BUILD_FILES, Broken, PythonContracts, Spot
from fanfold.analyzers.files import PYTHON, FileLines
from fanfold.models import Finding, Occurrence, Severity, Verdict
from fanfold.sources.beside import is_test
from fanfold.sources.secrets import mask
from fanfold.sources.target import Target

_SURE = 0.95
_NAMED = 5  # callers in the explanation
_SHARED = {"lost-name": "undefined-name"}  # with analyzers that report the same fault
_WHY = {
    "removed-symbol": "Importing the name raises ImportError, taking it as an attribute AttributeError.",
    "lost-name": "NameError when the line runs.",
    "gone-module": "The import raises ModuleNotFoundError.",
    "unresolved-import": "The import raises ImportError.",
    "changed-signature": "The call raises TypeError when it runs.",
    "changed-default": "Callers that leave the argument out get another value than before.",
}


@dataclass(frozen=True, slots=True)
class Contracts:
    """The analyzer; it runs in a thread, and starts no process."""

    name: Literal["contracts"] = "contracts"
    runs_repository_code: bool = False
    reads: tuple[str, ...] = BUILD_FILES
    beyond: bool = True

    def wants(self, path: str) -> bool:
        """Tell whether it is Python."""
        return path.endswith(tuple(PYTHON))

    def unavailable(self) -> str | None:
        """Return None: it needs nothing but the standard library."""
        return None

    def version(self) -> str:
        """Return the version of its rules."""
        return "6"

    async def analyze(self, request: AnalyzerRequest) -> Analysis:
        """See `Analyzer.analyze`."""
        if request.target is None or request.target.whole:
            return Analysis()
        if all(change.kind == "added" for change in request.target.changes):
            return Analysis()  # nothing was there to make a promise: a first commit
        if request.target.before is None:
            return Analysis(
                notes=("contracts needs the files as they were before the change, which a diff alone lacks",)
            )
        return await asyncio.to_thread(look, request.target, _deadline(request.timeout_s))


def _deadline(timeout_s: float | None) -> Callable[[], None]:
    """Return what raises TimeoutError once the time is up: a thread can't be stopped from outside."""
    until = None if timeout_s is None else time.monotonic() + timeout_s

    def check() -> None:
        if until is not None and time.monotonic() > until:
            raise TimeoutError(f"contracts did not end within {timeout_s:g} s")

    return check


def find(target: Target, until: Callable[[], None] = lambda: None) -> list[Finding]:
    """Return the findings on a change with a base, in a fixed order."""
    return list(look(target, until).findings)


def look(target: Target, until: Callable[[], None] = lambda: None) -> Analysis:
    """Return the findings, and where none can be made."""
    lines = _Lines(target)
    contracts = PythonContracts(target, until)
    found = tuple(finding for one in contracts.broken() if (finding := _finding(one, lines)))
    return Analysis(findings=found, notes=contracts.notes)


class _Lines(dict[str, FileLines]):
    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target

    def __missing__(self, path: str) -> FileLines:
        self[path] = FileLines(self._target.snapshot.read(path) or "")
        return self[path]

    def occurrence(self, spot: Spot) -> Occurrence | None:
        place = self[spot.path].place(spot.line, spot.end_line)
        return (
            Occurrence(path=spot.path, line=place.line, end_line=place.end_line, quote=mask(place.quote))
            if place
            else None
        )


def _finding(broken: Broken, lines: _Lines) -> Finding | None:
    spots = [broken.definition, *broken.spots] if broken.definition else list(broken.spots)
    places = [place for spot in spots if (place := lines.occurrence(spot))]
    if not places:
        return None
    first, *others = places
    return Finding(
        path=first.path,
        line=first.line,
        end_line=first.end_line,
        aspect="correctness" if broken.rule == "lost-name" else "cross-file",
        severity=_severity(broken),
        confidence=_SURE,
        verdict=Verdict.PLAUSIBLE,
        caused=True,
        title=broken.title,
        explanation=" ".join(filter(None, [_WHY[broken.rule], _told(broken, lines) if broken.tells_more else ""])),
        quote=first.quote,
        sources=(f"contracts:{broken.rule}",),
        mechanism=_SHARED.get(broken.rule, broken.rule),
        also=tuple(others),
    )


def _severity(broken: Broken) -> Severity:
    if broken.rule == "changed-default":
        return Severity.INFO
    return Severity.MEDIUM if all(is_test(spot.path) for spot in broken.spots) else Severity.HIGH


def _told(broken: Broken, lines: _Lines) -> str:
    """Name the first places, each with its code."""
    named = []
    for spot in broken.spots[:_NAMED]:
        place = lines.occurrence(spot)
        quote = f": `{place.quote.strip()}`" if place else ""
        named.append(f"{spot.path}:{spot.line}{quote} ({spot.why})")
    more = len(broken.spots) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more > 0 else "")


CONTRACTS = Contracts()
