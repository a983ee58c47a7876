"""What an analysis was asked."""

from __future__ import annotations

from pydantic import Field

from fanfold.skills.request import Options

# About what ten workers read side by side: enough for most questions, and no bill that surprises anybody.
MOST_TOKENS = 300_000


class AnalysisRequest(Options):
    """One analysis: a question, a ready-made analysis by its name, or both; the files it is about.

    `include` and `exclude` are globs as in an ignore file. `most_tokens` bounds how much code workers read, None: all
    of it. `continues` is the run whose notes are used again.
    """

    question: str = ""
    analysis: str = ""
    paths: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    most_tokens: int | None = Field(default=MOST_TOKENS, ge=1)
    continues: str | None = None
