"""What an analyzer is: a program that reads code and reports findings, the same ones each time.

Analyzers are deterministic evidence. Their findings are `plausible`: a rule matched, which is more than a
claim and less than a proof that it matters here. Their sources read `analyzer:rule`, and their `mechanism`
is shared with other analyzers that report exactly the same fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fanfold.models import Finding, Frozen
from fanfold.sources.target import Target


@dataclass(frozen=True, slots=True)
class AnalyzerRequest:
    """What to look at.

    `root` is a folder in which the files lie as they are at the head of the target, `before` one with the
    same files at its base, or None. `paths` are relative to both, spelled as `fanfold.sources.text.shown`
    does. Those that are missing, that are no regular files, or that lead out of the root are ignored. `target`
    is what is under review as a whole, for analyzers that look `beyond` the changed files.
    """

    root: Path
    paths: tuple[str, ...]
    before: Path | None = None
    timeout_s: float | None = None
    target: Target | None = None


class Analysis(Frozen):
    """What an analyzer found; `notes` say in a sentence each what it could not look at, and why."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


class Analyzer(Protocol):
    """A program that looks at files on its own, in a process of its own.

    `runs_repository_code` is True when its configuration can run code of the repository: then it is used
    only when asked for by name. `reads` are the names of configuration files that change what it says; they
    are looked for in the root and in the folders of the files.
    """

    @property
    def name(self) -> str:
        """The one it is registered under."""
        ...

    @property
    def runs_repository_code(self) -> bool:
        """Can its configuration run code of the repository? Then it is used only when asked for by name."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of configuration files that change what it says, looked for from each file's folder upwards."""
        ...

    @property
    def beyond(self) -> bool:
        """Does it look at more of the tree than the changed files? Then it also runs when files are only removed.

        All files that it wants, and the names of all others, then enter the content key of what it says.
        """
        ...

    def wants(self, path: str) -> bool:
        """Tell by its name whether a file is for this analyzer."""
        ...

    def unavailable(self) -> str | None:
        """Return None when it can run, else why not and what to do about it; starts no process."""
        ...

    def version(self) -> str:
        """Return what its findings depend on besides the files: the program and the choice of rules."""
        ...

    async def analyze(self, request: AnalyzerRequest) -> Analysis:
        """Look at the files.

        Raises:
            TimeoutError: after `request.timeout_s` seconds.
            WorkerError: the program crashed, or its answer can't be read; one line says which.
        """
        ...
