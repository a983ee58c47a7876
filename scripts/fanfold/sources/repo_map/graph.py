"""How the files of a map hang together. Pure.

Own code, since it is a few lines each and the map has to be there at once: networkx takes 0.2 s to import and its
PageRank needs scipy; rustworkx needs numpy, 20 MB for both, and to copy the graph out and back.

Strongly connected components by Tarjan ("Depth-first search and linear graph algorithms", 1972), without recursion;
PageRank by power iteration, personalised as in Page, Brin, Motwani and Winograd (1999), section 6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from fanfold.sources.repo_map.values import RepoMap

_DAMPING = 0.85
_ROUNDS = 100
_CLOSE = 1e-8  # the sum of all changes at which it has converged
_IMPORT = 1.0  # what an import weighs beside references


def importers(tree: RepoMap) -> dict[str, tuple[str, ...]]:
    """Return the files that import each file, in order; those that nobody imports have no entry."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in tree.files:
        for other in tree.imports.get(path, ()):
            found[other].append(path)
    return {path: tuple(sorted(found[path])) for path in sorted(found)}


def components(tree: RepoMap) -> tuple[tuple[str, ...], ...]:
    """Return the strongly connected components of the imports: what is imported comes before what imports it.

    Each in order of its paths; one of more than one file is a cycle. The order is the same for the same map.
    """
    return tuple(tuple(sorted(part)) for part in _components(tuple(tree.files), tree.imports))


def cycles(tree: RepoMap) -> tuple[tuple[str, ...], ...]:
    """Return the components of more than one file, the largest first."""
    return tuple(sorted((part for part in components(tree) if len(part) > 1), key=lambda part: (-len(part), part)))


def layers(tree: RepoMap) -> tuple[tuple[str, ...], ...]:
    """Return the files by how far they are from those that import nothing of the tree, which are the first layer.

    A file lies one layer above the highest that it imports; those of a cycle lie in the same one.
    """
    level: dict[str, int] = {}
    for part in components(tree):
        inside = set(part)
        below = [level[other] for path in part for other in tree.imports.get(path, ()) if other not in inside]
        level.update(dict.fromkeys(part, max(below, default=-1) + 1))
    found: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for path in tree.files:
        found[level[path]].append(path)
    return tuple(map(tuple, found))


def central(tree: RepoMap, towards: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return each file's PageRank over imports and references; all of them add up to 1.

    `towards` are weights of the files that the walk starts from again (personalisation); None or no positive one
    starts from all alike. Paths that are not on the map do not count.
    """
    paths = tuple(tree.files)
    if not paths:
        return {}
    number = {path: at for at, path in enumerate(paths)}
    edges = [_weighted(tree, path, number) for path in paths]
    start = _start(paths, towards)
    rank = start
    for _ in range(_ROUNDS):
        following = _step(rank, edges, start)
        moved = sum(abs(new - old) for new, old in zip(following, rank, strict=True))
        rank = following
        if moved < _CLOSE:
            break
    return dict(zip(paths, rank, strict=True))


def _start(paths: tuple[str, ...], towards: Mapping[str, float] | None) -> list[float]:
    weights = [max(0.0, (towards or {}).get(path, 0.0)) for path in paths]
    total = sum(weights)
    return [weight / total for weight in weights] if total > 0 else [1 / len(paths)] * len(paths)


def _weighted(tree: RepoMap, path: str, number: Mapping[str, int]) -> list[tuple[int, float]]:
    """Return where a file's rank goes, and which share of it."""
    weights: dict[str, float] = dict(tree.references.get(path, {}))
    for other in tree.imports.get(path, ()):
        weights[other] = weights.get(other, 0.0) + _IMPORT
    total = sum(weights.values())
    return [(number[other], weight / total) for other, weight in weights.items()] if total > 0 else []


def _step(rank: list[float], edges: list[list[tuple[int, float]]], start: list[float]) -> list[float]:
    reached = [0.0] * len(rank)
    lost = 0.0  # of files that lead nowhere
    for share, out in zip(rank, edges, strict=True):
        if not out:
            lost += share
        for other, weight in out:
            reached[other] += share * weight
    again = 1 - _DAMPING + _DAMPING * lost
    return [_DAMPING * one + again * first for one, first in zip(reached, start, strict=True)]


def _components(nodes: Iterable[str], edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    found: list[list[str]] = []
    for root in nodes:
        if root in order:
            continue
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        waiting = [(root, iter(edges.get(root, ())))]
        while waiting:
            node, rest = waiting[-1]
            for other in rest:
                if other not in order:
                    order[other] = low[other] = len(order)
                    stack.append(other)
                    on_stack.add(other)
                    waiting.append((other, iter(edges.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], order[other])
            else:
                waiting.pop()
                if waiting:
                    low[waiting[-1][0]] = min(low[waiting[-1][0]], low[node])
                if low[node] == order[node]:
                    found.append(_popped(stack, node))
                    on_stack.difference_update(found[-1])
    return found


def _popped(stack: list[str], node: str) -> list[str]:
    part = [stack.pop()]
    while part[-1] != node:
        part.append(stack.pop())
    return part
