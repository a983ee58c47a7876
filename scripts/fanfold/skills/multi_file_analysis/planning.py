"""Which files are read for what: all that the question may need, or those that an answer lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fanfold.skills.multi_file_analysis.analyses.prompts import Analysis
from fanfold.skills.multi_file_analysis.answer import Gap
from fanfold.skills.multi_file_analysis.plan import AreaPlan, plan_areas
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.sources.beside import DOCUMENT, beside
from fanfold.sources.repo_map.relevance import relevance
from fanfold.sources.repo_map.values import RepoMap
from fanfold.sources.snapshot import Snapshot

# What fits into this is read in one piece. Beyond it a context starts to lose things.
AREA_TOKENS = 30_000
# What a ready-made analysis may spend on the files that its facts point at, and on those that it names.
_POINTED = 0.5
_NAMED = 0.3
# What tests, documents, examples and translations count for where nobody asks for them.
_ASIDE = 0.1
_TRANSLATED = re.compile(r"(^|/)(locales?|translations|LC_MESSAGES)/", re.IGNORECASE)
# What a follow-up reads at most to close its gaps.
GAP_TOKENS = 4 * AREA_TOKENS


def planned(
    request: AnalysisRequest,
    tree: RepoMap,
    snapshot: Snapshot,
    analysis: Analysis | None,
    leads: Mapping[str, float] | None = None,
) -> AreaPlan:
    """Return who reads what for the question; `leads` are the files that an analysis' facts point at, 1 the most."""
    weighed = _weighed(request, tree, snapshot, analysis)
    if analysis:
        weighed = _led(analysis, request, tree, weighed, leads or {})
    return plan_areas(tree, weighed, allowance=AREA_TOKENS, budget=request.most_tokens)


def _weighed(
    request: AnalysisRequest, tree: RepoMap, snapshot: Snapshot, analysis: Analysis | None
) -> Mapping[str, float]:
    """Return how relevant each file is to what a person asks; where nobody asks anything, how central its code is.

    The words of a ready-made question are about code in general: they only tell documents apart.
    """
    if request.question or analysis is None:
        return relevance(tree, request.question, snapshot.each(tree.files))
    central = relevance(tree, "", ())
    spoken = relevance(tree, analysis.question, snapshot.each(tree.files))
    return {
        path: _aside(path) * (central[path] if file.facts.symbols else spoken[path])
        for path, file in tree.files.items()
    }


def _aside(path: str) -> float:
    return _ASIDE if beside(path) or _TRANSLATED.search(path) else 1.0


def _led(
    analysis: Analysis,
    request: AnalysisRequest,
    tree: RepoMap,
    weighed: Mapping[str, float],
    leads: Mapping[str, float],
) -> Mapping[str, float]:
    """Put first what facts point at, then what the analysis names, each for a share of what may be read.

    Without these shares a project's documents or tests would be all that is read of it.
    """
    from pathspec import GitIgnoreSpec

    wanted = GitIgnoreSpec.from_lines(analysis.files)
    budget = request.most_tokens or tree.tokens
    known = {path: lead * _aside(path) for path, lead in leads.items() if path in weighed}
    pointed = {path: lead * (weighed[path] if request.question else 1.0) for path, lead in known.items()}
    first = _within(tree, pointed, _POINTED * budget)
    # Of what it names, what uses those: their tests, where tests are named.
    using = {path for path, others in tree.imports.items() if not first.isdisjoint(others)}
    named = {path: weighed[path] + (path in using) for path in weighed if path not in first and wanted.match_file(path)}
    then = _within(tree, named, _NAMED * budget)
    return {
        path: (2 + pointed[path] if path in first else 1 + named[path] / 2 if path in then else score) / 3
        for path, score in weighed.items()
    }


def _within(tree: RepoMap, scores: Mapping[str, float], tokens: float) -> set[str]:
    """Return the best of these files that fit; half of it at most is documents, and nothing is a translation."""
    documents = tokens / 2
    chosen = set()
    for path in sorted(scores, key=lambda path: (-scores[path], path)):
        size = tree.files[path].facts.tokens
        is_document = DOCUMENT in beside(path)
        if _TRANSLATED.search(path) or size > (min(tokens, documents) if is_document else tokens):
            continue
        tokens -= size
        documents -= size if is_document else 0
        chosen.add(path)
    return chosen


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
