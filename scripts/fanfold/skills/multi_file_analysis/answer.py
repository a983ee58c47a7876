"""What sub-agents of an analysis hand in. Statements refer to notes by their ids, and to lines through these alone."""

from __future__ import annotations

from typing import Literal

from fanfold.models import Frozen


class ReportedNote(Frozen):
    """One thing that a worker saw, in its own words; the prompt describes each field."""

    statement: str
    path: str
    line: int
    end_line: int
    quote: str
    relevance: int


class WorkerAnswer(Frozen):
    """Everything that one worker notes."""

    notes: tuple[ReportedNote, ...]


class Together(Frozen):
    """Areas, by their ids, and files that one worker reads; `question` is narrower than the person's, or empty."""

    areas: tuple[str, ...]
    paths: tuple[str, ...]
    question: str


class Unread(Frozen):
    """Areas, by their ids, and files that nobody is to read."""

    areas: tuple[str, ...]
    paths: tuple[str, ...]
    why: str


class PlannerAnswer(Frozen):
    """What a planner changes of a plan."""

    together: tuple[Together, ...]
    unread: tuple[Unread, ...]


class Conflict(Frozen):
    """Notes, by their ids, that can't all be true."""

    about: str
    notes: tuple[str, ...]


class Point(Frozen):
    """What several notes say together."""

    statement: str
    notes: tuple[str, ...]
    relevance: int


class ReducerAnswer(Frozen):
    """The notes of a group, condensed."""

    points: tuple[Point, ...]
    contradictions: tuple[Conflict, ...]


class Sentence(Frozen):
    """One sentence and the ids of the notes that it stands on; `states` says that it states a fact about the code."""

    text: str
    notes: tuple[str, ...]
    states: bool


class Block(Frozen):
    """A heading, a paragraph, an item of a list, or the quotes of notes shown as code."""

    kind: Literal["heading", "paragraph", "item", "quote"]
    sentences: tuple[Sentence, ...]


class Gap(Frozen):
    """What the notes do not answer, and where the answer may stand."""

    question: str
    paths: tuple[str, ...]


class SynthesisAnswer(Frozen):
    """The answer to the question."""

    blocks: tuple[Block, ...]
    contradictions: tuple[Conflict, ...]
    lacking: tuple[Gap, ...]
