"""What all sub-agents of an analysis share, byte for byte: rules, roles, tools, and the question."""

from __future__ import annotations

from collections.abc import Iterator

from fanfold.agents.fence import FENCE_RULE, fence
from fanfold.agents.spec import AnswerTool, Brief, Tool
from fanfold.pack import pack_folder
from fanfold.skills.multi_file_analysis.answer import ReducerAnswer, SynthesisAnswer, WorkerAnswer

HAND_IN_NOTES = AnswerTool("hand_in_notes", "A worker's hand-in: its notes. Ends its work.", WorkerAnswer)
HAND_IN_POINTS = AnswerTool("hand_in_points", "A reducer's hand-in: the points. Ends its work.", ReducerAnswer)
ANSWER = AnswerTool("answer_question", "The synthesiser's hand-in: the answer. Ends its work.", SynthesisAnswer)
ANSWERS = (HAND_IN_NOTES, HAND_IN_POINTS, ANSWER)
_PROMPTS = ("system", "worker", "reducer", "synthesiser")


def brief_of(model: str, effort: str | None, lookups: tuple[Tool, ...]) -> Brief:
    """Return the front of the prefix; roles with the same model share all of it."""
    return Brief(model, effort, system_prompt(), ANSWERS, lookups)


def system_prompt() -> str:
    """Return the rules and what every role does: each sub-agent is told all of it, so that all share one prefix."""
    return "\n\n".join([*_prompts(), FENCE_RULE]) + "\n"


def _prompts() -> Iterator[str]:
    folder = pack_folder("skills") / "multi-file-analysis" / "prompts"
    for name in _PROMPTS:
        yield (folder / f"{name}.md").read_text(encoding="utf-8").rstrip()


def shared_context(question: str, instructions: str) -> str:
    """Return what all sub-agents are told before their own task.

    Nothing in it depends on the files: an edit leaves what was read of the others as it is. `instructions` are those
    of a ready-made analysis, "" without one.
    """
    asked = ["The question:", fence("question", question)] if question else []
    return "\n\n".join([*([instructions] if instructions else []), *asked])
