"""Which files are read for what: all that the question may need, or those that an answer lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fanfold.skills.multi_file_analysis.analyses.prompts import Analysis
from fanfold.skills.multi_file_analysis.answer import Gap
from fanfold.skills.multi_file_analysis.plan import AreaPlan, plan_areas
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.sources.repo_map.graph import central
from fanfold.sources.repo_map.values import RepoMap

# What fits into this is read in one piece. Beyond it a context starts to lose things.
AREA_TOKENS = 30_000
# What a follow-up reads at most to close its gaps.
_GAP_TOKENS = 4 * AREA_TOKENS


def planned(request: AnalysisRequest, tree: RepoMap, analysis: Analysis | None) -> AreaPlan:
    """Return who reads what for the question."""
    question = request.question or (analysis.question if analysis else "")
    relevance = relevance_to(question, tree)
    if analysis and analysis.files:
        relevance = _first(analysis.files, relevance)
    return plan_areas(tree, relevance, allowance=AREA_TOKENS, budget=request.most_tokens)


def _first(patterns: Sequence[str], relevance: Mapping[str, float]) -> Mapping[str, float]:
    """Put the files that an analysis names before all others."""
    from pathspec import GitIgnoreSpec

    wanted = GitIgnoreSpec.from_lines(patterns)
    return {path: (1 + score) / 2 if wanted.match_file(path) else score / 2 for path, score in relevance.items()}


def planned_for(lacking: Sequence[Gap], request: AnalysisRequest, tree: RepoMap) -> AreaPlan:
    """Return who reads what for the gaps of an answer: the files that they name, or else the most relevant ones."""
    asked = " ".join(gap.question for gap in lacking)
    relevance = relevance_to(f"{request.question} {asked}", tree)
    named = set(_named(lacking, tree))
    files = {path: file for path, file in tree.files.items() if not named or path in named}
    budget = min(_GAP_TOKENS, request.most_tokens or _GAP_TOKENS)
    plan = plan_areas(replace(tree, files=files, left_out=()), relevance, allowance=AREA_TOKENS, budget=budget)
    # What is not named here is not left out: nobody wanted it.
    left_out = plan.left_out if named else ()
    return replace(plan, areas=tuple(replace(area, question=asked) for area in plan.areas), left_out=left_out)


def _named(lacking: Sequence[Gap], tree: RepoMap) -> Iterator[str]:
    """Yield the files that gaps name, or that are in folders which they name."""
    for gap in lacking:
        for said in gap.paths:
            name = said.strip().removeprefix("./").rstrip("/")
            yield from (path for path in tree.files if name and (path == name or path.startswith(f"{name}/")))


def relevance_to(question: str, tree: RepoMap) -> Mapping[str, float]:
    """Return how relevant each file is, 0 to 1: how central it is, more where its path has words of the question."""
    words = {word for word in question.lower().replace("/", " ").split() if len(word) > 2}  # noqa: PLR2004  no articles
    ranks = {path: rank * (1 + sum(word in path.lower() for word in words)) for path, rank in central(tree).items()}
    most = max(ranks.values(), default=1.0)
    return {path: rank / most for path, rank in ranks.items()}
