"""How the files of a map hang together. Pure.

Own code, since it is a few lines each and the map has to be there at once: networkx takes 0.2 s to import and its
PageRank needs scipy; rustworkx needs numpy, 20 MB for both, and to copy the graph out and back.

Strongly connected components by Tarjan ("Depth-first search and linear graph algorithms", 1972), without recursion;
PageRank by power iteration, personalised as in Page, Brin, Motwani and Winograd (1999), section 6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from operator import mul, sub
from typing import TypeVar

from fanfold.sources.folders import folder_of
from fanfold.sources.garbage import uncollected
from fanfold.sources.repo_map.values import MappedFile, Parts, RepoMap, Shape

N = TypeVar("N", bound=Hashable)

_DAMPING = 0.85
_ROUNDS = 100
_CLOSE = 1e-6  # the sum of all changes at which it has converged
_IMPORT = 1.0  # what an import weighs beside references
_PYTHON = (".py", ".pyi")
_SCRIPTS = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")
_BY_FOLDER = (".go", ".java")  # a package is a folder, and what is in it needs no import
PASS_ON = ("__init__.py", "__init__.pyi", *(f"index{ending}" for ending in _SCRIPTS))
"""How files are called that stand for their folder, and pass on what lies in it."""


def importers(tree: RepoMap) -> dict[str, tuple[str, ...]]:
    """Return the files that import each file, in order; those that nobody imports have no entry."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in tree.files:
        for other in tree.imports.get(path, ()):
            found[other].append(path)
    return {path: tuple(sorted(found[path])) for path in sorted(found)}


def distances(edges: Mapping[str, Iterable[str]], start: Iterable[str]) -> dict[str, int]:
    """Return how many edges each file that can be reached is away from the nearest of `start`, those included."""
    found = dict.fromkeys(sorted(start), 0)
    waiting = list(found)
    for path in waiting:  # it grows
        for other in edges.get(path, ()):
            if other not in found:
                found[other] = found[path] + 1
                waiting.append(other)
    return found


def components(tree: RepoMap) -> Parts:
    """Return the strongly connected components of the imports: what is imported comes before what imports it.

    Each in order of its paths; one of more than one file is a cycle. The order is the same for the same map.
    """
    if known := _shape(tree):
        return known.components
    with uncollected():
        parts = _components(tree.files, tree.imports)
        return tuple([tuple(sorted(part)) if len(part) > 1 else (part[0],) for part in parts])


def cycles(tree: RepoMap, parts: Parts | None = None) -> Parts:
    """Return the components of more than one file, the largest first; `parts` are the components, if they are known."""
    found = components(tree) if parts is None else parts
    return tuple(sorted((part for part in found if len(part) > 1), key=lambda part: (-len(part), part)))


def used_first(uses: Mapping[N, Sequence[N]]) -> list[N]:
    """Return the keys so that each comes after those it uses, except where they use each other: an order of reading."""
    return [node for part in _components(uses, uses) for node in part if node in uses]


def layers(tree: RepoMap, parts: Parts | None = None) -> Parts:
    """Return the files by how far they are from those that import nothing of the tree, which are the first layer.

    A file lies one layer above the highest that it imports; those of a cycle lie in the same one. `parts` are the
    components, if they are known.
    """
    known = _shape(tree)
    if known and (parts is None or parts is known.components):
        return known.layers
    level = dict.fromkeys(tree.files, 0)
    imports = tree.imports
    for part in components(tree) if parts is None else parts:
        if len(part) == 1:  # as most
            (path,) = part
            if out := imports.get(path):
                level[path] = max([level[other] for other in out if other != path], default=-1) + 1
            continue
        inside = set(part)
        below = [level[other] for path in part for other in imports.get(path, ()) if other not in inside]
        level.update(dict.fromkeys(part, max(below, default=-1) + 1))
    found: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for path, at in level.items():
        found[at].append(path)
    return tuple(map(tuple, found))


def shape(files: Mapping[str, MappedFile], imports: Mapping[str, tuple[str, ...]]) -> tuple[Parts, Parts]:
    """Return the components and layers of files with these imports."""
    tree = RepoMap(files, imports=imports)
    parts = components(tree)
    return parts, layers(tree, parts)


def _shape(tree: RepoMap) -> Shape | None:
    known = tree.shape
    return known if known and known.files is tree.files and known.imports is tree.imports else None


def central(tree: RepoMap, towards: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return each file's PageRank over imports and references; all of them add up to 1.

    `towards` are weights of the files that the walk starts from again (personalisation); None or no positive one
    starts from all alike. Paths that are not on the map do not count. A walk from somewhere follows every name, as what
    is looked up at run time is not imported; one from everywhere would end where names are most common.
    """
    paths = tuple(tree.files)
    if not paths:
        return {}
    start = _start(paths, towards)
    incoming, leading = _incoming(tree, paths, _all_references(tree) if towards else _imported_references(tree))
    rank = start
    for _ in range(_ROUNDS):
        following = _step(rank, incoming, leading, start)
        moved = sum(map(abs, map(sub, following, rank)))
        rank = following
        if moved < _CLOSE:
            break
    total = sum(rank)
    return {path: one / total for path, one in zip(paths, rank, strict=True)}


def _start(paths: tuple[str, ...], towards: Mapping[str, float] | None) -> list[float]:
    weights = [max(0.0, (towards or {}).get(path, 0.0)) for path in paths]
    total = sum(weights)
    return [weight / total for weight in weights] if total > 0 else [1 / len(paths)] * len(paths)


_Incoming = list[tuple[list[int], list[float]]]


def _incoming(tree: RepoMap, paths: tuple[str, ...], used: _Used) -> tuple[_Incoming, list[float]]:
    """Return from where each file's rank comes, with which share, and for each file 1 if its own leads somewhere."""
    number = {path: at for at, path in enumerate(paths)}
    incoming: _Incoming = [([], []) for _ in paths]
    leading = [0.0] * len(paths)
    for at, path in enumerate(paths):
        weights = dict(used(path))
        for other in tree.imports.get(path, ()):
            weights[other] = weights.get(other, 0.0) + _IMPORT
        total = sum(weights.values())
        if total > 0:
            leading[at] = 1.0
            for other, weight in weights.items():
                sources, shares = incoming[number[other]]
                sources.append(at)
                shares.append(weight / total)
    return incoming, leading


_Used = Callable[[str], Mapping[str, float]]
"""Returns the files whose names a file uses, and how much that says."""


def _all_references(tree: RepoMap) -> _Used:
    return lambda path: tree.references.get(path, {})


def _imported_references(tree: RepoMap) -> _Used:
    """Follow a name to where it can be from: a file that is imported, passed on by one, or of the same package.

    Another file that defines the name has one like it. Scripts that import nothing anywhere share all names.
    """
    modular = any(path.endswith(_SCRIPTS) for path in tree.imports)

    def used(path: str) -> Mapping[str, float]:
        references = tree.references.get(path, {})
        near = set(tree.imports.get(path, ()))
        if path.endswith(_BY_FOLDER):
            folder = folder_of(path)
            return {
                other: weight for other, weight in references.items() if other in near or folder_of(other) == folder
            }
        if not path.endswith(_PYTHON) and not (modular and path.endswith(_SCRIPTS)):
            return references
        passing = [one for one in near if one.endswith(PASS_ON)]
        near.update(other for one in passing for other in tree.imports.get(one, ()))
        return {other: weight for other, weight in references.items() if other in near}

    return used


def _step(rank: list[float], incoming: _Incoming, leading: list[float], start: list[float]) -> list[float]:
    """Return the ranks after one more step; in sums that run outside of Python's loops, five times as fast."""
    of = rank.__getitem__
    again = 1 - _DAMPING * sum(map(mul, rank, leading))  # what starts anew, that of files that lead nowhere included
    return [
        _DAMPING * sum(map(mul, map(of, sources), shares)) + again * first
        for (sources, shares), first in zip(incoming, start, strict=True)
    ]


def _components(nodes: Iterable[N], edges: Mapping[N, Iterable[N]]) -> list[list[N]]:
    order: dict[N, int] = {}
    low: dict[N | None, int] = {None: 0}
    on_stack: set[N] = set()
    stack: list[N] = []
    found: list[list[N]] = []
    waiting: list[tuple[N | None, Iterator[N]]] = [(None, iter(nodes))]  # what leads to all of them is none of them
    while waiting:
        node, rest = waiting[-1]
        for other in rest:
            if other not in order:
                order[other] = low[other] = len(order)
                out = edges.get(other)
                if not out:  # most lead nowhere: each is one by itself
                    found.append([other])
                    continue
                stack.append(other)
                on_stack.add(other)
                waiting.append((other, iter(out)))
                break
            if other in on_stack and order[other] < low[node]:
                low[node] = order[other]
        else:
            waiting.pop()
            if node is not None:
                above = waiting[-1][0]
                low[above] = min(low[above], low[node])
                if low[node] == order[node]:
                    found.append(_popped(stack, node))
                    on_stack.difference_update(found[-1])
    return found


def _popped(stack: list[N], node: N) -> list[N]:
    part = [stack.pop()]
    while part[-1] != node:
        part.append(stack.pop())
    return part
