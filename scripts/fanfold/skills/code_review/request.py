"""What a review was asked."""

from __future__ import annotations

from fanfold.analyzers import ANALYZERS, load
from fanfold.skills.code_review.prompts import aspects
from fanfold.skills.request import Options


def default_aspects() -> tuple[str, ...]:
    """Return the aspects that a review covers unless told otherwise."""
    return tuple(aspects())


def default_analyzers() -> tuple[str, ...]:
    """Return the analyzers whose configuration can't run code of the repository under review."""
    return tuple(name for name in ANALYZERS if not load(name).runs_repository_code)


class ReviewRequest(Options):
    """One review: the target's arguments, the aspects of its sub-agents, the analyzers beside them."""

    target: tuple[str, ...] = ()
    staged: bool = False
    diff: str | None = None
    aspects: tuple[str, ...]
    analyzers: tuple[str, ...]
