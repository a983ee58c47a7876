"""What a review was asked."""

from __future__ import annotations

from fanfold.analyzers import ANALYZERS, load
from fanfold.skills.request import Options


def default_analyzers() -> tuple[str, ...]:
    """Return the analyzers whose configuration can't run code of the repository under review."""
    return tuple(name for name in ANALYZERS if not load(name).runs_repository_code)


class ReviewRequest(Options):
    """One review: the target's arguments, the aspects chosen by name (none: as the change needs), the analyzers."""

    target: tuple[str, ...] = ()
    staged: bool = False
    diff: str | None = None
    pull_request: int | None = None
    aspects: tuple[str, ...] = ()
    analyzers: tuple[str, ...]
