"""Which files are read for what: all that the question may need, or those that an answer lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fanfold.skills.multi_file_analysis.analyses.prompts import Analysis
from fanfold.skills.multi_file_analysis.answer import Gap
from fanfold.skills.multi_file_analysis.plan import AreaPlan, plan_areas
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.sources.repo_map.relevance import relevance
from fanfold.sources.repo_map.values import RepoMap
from fanfold.sources.snapshot import Snapshot

# What fits into this is read in one piece. Beyond it a context starts to lose things.
AREA_TOKENS = 30_000
# What a follow-up reads at most to close its gaps.
GAP_TOKENS = 4 * AREA_TOKENS


def planned(request: AnalysisRequest, tree: RepoMap, snapshot: Snapshot, analysis: Analysis | None) -> AreaPlan:
    """Return who reads what for the question."""
    question = request.question or (analysis.question if analysis else "")
    weighed: Mapping[str, float] = relevance(tree, question, snapshot.each(tree.files))
    if analysis and analysis.files:
        weighed = _first(analysis.files, weighed)
    return plan_areas(tree, weighed, allowance=AREA_TOKENS, budget=request.most_tokens)


def _first(patterns: Sequence[str], weighed: Mapping[str, float]) -> Mapping[str, float]:
    """Put the files that an analysis names before all others."""
    from pathspec import GitIgnoreSpec

    wanted = GitIgnoreSpec.from_lines(patterns)
    return {path: (1 + score) / 2 if wanted.match_file(path) else score / 2 for path, score in weighed.items()}


def planned_for(lacking: Sequence[Gap], request: AnalysisRequest, tree: RepoMap, snapshot: Snapshot) -> AreaPlan:
    """Return who reads what for the gaps of an answer: the files that they name, or else the most relevant ones."""
    asked = " ".join(gap.question for gap in lacking)
    weighed = relevance(tree, f"{request.question} {asked}", snapshot.each(tree.files))
    named = set(_named(lacking, tree))
    files = {path: file for path, file in tree.files.items() if not named or path in named}
    budget = min(GAP_TOKENS, request.most_tokens or GAP_TOKENS)
    plan = plan_areas(replace(tree, files=files, left_out=()), weighed, allowance=AREA_TOKENS, budget=budget)
    # What is not named here is not left out: nobody wanted it.
    left_out = plan.left_out if named else ()
    return replace(plan, areas=tuple(replace(area, question=asked) for area in plan.areas), left_out=left_out)


def _named(lacking: Sequence[Gap], tree: RepoMap) -> Iterator[str]:
    """Yield the files that gaps name, or that are in folders which they name."""
    for gap in lacking:
        for said in gap.paths:
            name = said.strip().removeprefix("./").rstrip("/")
            yield from (path for path in tree.files if name and (path == name or path.startswith(f"{name}/")))
