"""How often each file was changed, as git's history tells."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from fanfold.errors import TargetError
from fanfold.sources.git import Git
from fanfold.sources.text import counted, shown

MOST_COMMITS = 3_000
"""The newest ones; each takes git about a millisecond."""

_COMMIT = b"\x01"


@dataclass(frozen=True, slots=True)
class Churn:
    """The number of commits that changed each file, by its name now, and of how many commits that was counted."""

    by_path: dict[str, int]
    commits: int
    partial: bool

    @property
    def span(self) -> str:
        """What was counted, in words."""
        return (
            f"of the last {counted(self.commits, 'commit')}"
            if self.partial
            else f"of {counted(self.commits, 'commit')}"
        )


def churn(git: Git, head: str = "HEAD", most: int = MOST_COMMITS) -> Churn | str:
    """Count the commits of each file among the last `most` ones up to `head`, merges aside; or say why not.

    A file that was renamed is counted under each of its names: following names costs git more than all the rest.
    """
    try:
        records = git.records(
            "log",
            f"--max-count={most}",
            "--no-merges",
            "--no-renames",
            "--name-only",
            "--no-ext-diff",
            "--format=%x01",
            "-z",
            "--end-of-options",
            head,
            "--",
        )
        counts: Counter[str] = Counter()
        commits = 0
        for record in records:
            name = record.lstrip(b"\n")
            if name.startswith(_COMMIT):
                commits += 1
                name = name[1:].lstrip(b"\n")
            if name:
                counts[shown(name)] += 1
    except TargetError as error:
        return f"git can't tell its history: {error}"
    if git.shallow:
        return "the clone is shallow: its history was not fetched"
    return Churn(dict(counts), commits, partial=commits == most)
