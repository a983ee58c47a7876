"""Did this change bring it? By the diff first, then by blame: a line that only moved was there before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from fanfold.engine.gather import gather
from fanfold.errors import TargetError
from fanfold.models import Finding, Verdict
from fanfold.sources.blame import carried_over
from fanfold.sources.git import Git
from fanfold.sources.snapshot import WorkingTree
from fanfold.sources.target import Target

_AT_ONCE = 4


async def with_origins(target: Target, findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, those whose lines all stood in the base already marked as not introduced.

    Where git can't tell (a patch, the index, no base), what the diff says stands.
    """
    base = target.base
    if base is None or (target.head is None and not isinstance(target.snapshot, WorkingTree)):
        return list(findings)
    paths = sorted({finding.path for finding in findings if finding.introduced and not _decided(finding)})
    told = await gather([partial(asyncio.to_thread, _carried, target, base, path) for path in paths], jobs=_AT_ONCE)
    carried = {path: outcome.value or frozenset() for path, outcome in zip(paths, told, strict=True)}
    return [_marked(finding, carried.get(finding.path, frozenset())) for finding in findings]


def _decided(finding: Finding) -> bool:
    """Is it known whose it is: proved by the base, or said by verifiers?

    A change can break a line that it does not touch. An analyzer's own findings are plausible by themselves.
    """
    heard = finding.verdict in {Verdict.CONFIRMED, Verdict.PLAUSIBLE} and any(":" not in s for s in finding.sources)
    return heard or finding.caused


def _carried(target: Target, base: str, path: str) -> frozenset[int]:
    try:
        git = Git.at(target.root)
        return carried_over(git, base, target.head, path) if git else frozenset()
    except TargetError:
        return frozenset()


def _marked(finding: Finding, carried: frozenset[int]) -> Finding:
    """A line without a letter or digit decides nothing: braces and blanks move about in every change."""
    texts = enumerate(finding.quote.split("\n"), finding.line)
    telling = [number for number, text in texts if any(letter.isalnum() for letter in text)]
    if _decided(finding) or not finding.introduced or not telling or not carried.issuperset(telling):
        return finding
    return finding.model_copy(update={"introduced": False})
