"""The skills, one room each: plan, work, fold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill.

    `name` stands in run.json and names its folder under templates/; `folder` is the one under skills/, which is also
    what Claude Code calls it; `command` runs it.
    """

    name: str
    folder: str
    command: str

    @property
    def room(self) -> str:
        """The package under fanfold.skills."""
        return self.name.replace("-", "_")


CODE_REVIEW = Skill(name="code-review", folder="parallel-code-review", command="review")
PARALLEL_TEST = Skill(name="parallel-test", folder="parallel-test", command="test")
MULTI_FILE_ANALYSIS = Skill(name="multi-file-analysis", folder="multi-file-analysis", command="analyze")
SKILLS = (CODE_REVIEW, PARALLEL_TEST, MULTI_FILE_ANALYSIS)
