"""Files that are both complicated and often changed: where defects gather (Tornhill, Your Code as a Crime Scene)."""

from __future__ import annotations

from fanfold.reports.analysed import Table
from fanfold.skills.multi_file_analysis.analyses.sources import Sources, of_file, production, table
from fanfold.sources.repo_map.values import RepoMap

_LEAST_COMMITS = 2  # in one alone all files came at once


def hot_spots(tree: RepoMap, sources: Sources) -> Table:
    """Return the files by commits × complexity; by complexity alone where there is no history."""
    if isinstance(sources.history, str):
        return _by_complexity(tree, sources.history)
    if sources.history.commits < _LEAST_COMMITS:
        return _by_complexity(tree, "the history is a single commit")
    commits = sources.history.by_path
    ranked = sorted(
        ((commits.get(path, 0) * file.facts.complexity, path) for path, file in production(tree)),
        key=lambda found: (-found[0], found[1]),
    )
    return table(
        "hot-spots",
        "Hot spots",
        f"Commits × complexity, {sources.history.span}. Complexity is the number of branches in a file's functions.",
        ("commits × complexity", "commits", "complexity", "lines"),
        (
            of_file(path, tree.files[path], score, commits[path], facts.complexity, facts.lines)
            for score, path in ranked
            if score and (facts := tree.files[path].facts)
        ),
    )


def _by_complexity(tree: RepoMap, why: str) -> Table:
    ranked = sorted(production(tree), key=lambda found: (-found[1].facts.complexity, found[0]))
    return table(
        "hot-spots",
        "Most complicated files",
        f"By complexity alone, as {why}. Complexity is the number of branches in a file's functions.",
        ("complexity", "lines"),
        (
            of_file(path, file, file.facts.complexity, file.facts.lines)
            for path, file in ranked
            if file.facts.complexity
        ),
    )
