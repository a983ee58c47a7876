"""What all sub-agents of an analysis share, byte for byte: rules, roles, tools, and the question."""

from __future__ import annotations

from collections.abc import Iterator

from fanfold.agents.fence import FENCE_RULE, fence
from fanfold.agents.prices import beginning_of
from fanfold.agents.spec import AnswerTool, Brief, Tool
from fanfold.pack import pack_folder
from fanfold.skills.multi_file_analysis.analyses.prompts import Analysis
from fanfold.skills.multi_file_analysis.answer import PlannerAnswer, ReducerAnswer, SynthesisAnswer, WorkerAnswer

HAND_IN_PLAN = AnswerTool(
    "hand_in_plan", "The planner's hand-in: what changes of the plan. Ends its work.", PlannerAnswer
)
HAND_IN_NOTES = AnswerTool("hand_in_notes", "A worker's hand-in: its notes. Ends its work.", WorkerAnswer)
HAND_IN_POINTS = AnswerTool("hand_in_points", "A reducer's hand-in: the points. Ends its work.", ReducerAnswer)
ANSWER = AnswerTool("answer_question", "The synthesiser's hand-in: the answer. Ends its work.", SynthesisAnswer)
ANSWERS = (HAND_IN_PLAN, HAND_IN_NOTES, HAND_IN_POINTS, ANSWER)
_CHANGE_TOKENS = 20_000
_PROMPTS = ("system", "planner", "worker", "reducer", "synthesiser")


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


def shared_context(question: str, analysis: Analysis | None, change: str = "") -> str:
    """Return what all sub-agents are told before their own task: the analysis, the question, the change it is about.

    Nothing in it depends on the files: an edit leaves what was read of the others as it is.
    """
    asked = ["The question:", fence("question", question)] if question else []
    if change:
        shown = beginning_of(change, _CHANGE_TOKENS)
        cut = " (its beginning; look the rest up)" if len(shown) < len(change) else ""
        asked += [f"The change that it is about{cut}:", fence("change", shown)]
    if analysis is None:
        return "\n\n".join(asked)
    about = f"What is asked for is a ready-made analysis, `{analysis.name}` ({analysis.title}): {analysis.question}"
    return "\n\n".join([about, analysis.for_workers, *asked])
