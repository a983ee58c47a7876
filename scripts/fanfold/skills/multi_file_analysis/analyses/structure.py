"""How the files of a tree hang together: what is central, what is large, what goes round in circles or upwards."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.folding import by_folder, folded_by, only_production
from fanfold.skills.multi_file_analysis.analyses.links import ImportLines, when_loaded
from fanfold.skills.multi_file_analysis.analyses.sources import (
    BY_FILE,
    IMPORTED_BY,
    Sources,
    limited,
    of_file,
    production,
    row,
    table,
    what_it_is,
)
from fanfold.sources.beside import beside
from fanfold.sources.folders import folder_of
from fanfold.sources.outline.languages import CODE
from fanfold.sources.repo_map import graph
from fanfold.sources.repo_map.resolve import RESOLVED
from fanfold.sources.repo_map.values import RepoMap

_DECLARATIONS = (".d.ts", ".d.cts", ".d.mts", ".pyi")
_NAMED = 8
_ALSO = 3
_AT_ONCE = "while loaded"
# Elsewhere an import is no loading: TypeScript leaves types out, Java loads what is used, a header is text.
_LOADING = frozenset({"python", "javascript"})
_STARTS = 50  # files of a cycle from which a way round is looked for


def central(tree: RepoMap, _sources: Sources) -> Table:
    """Return the files that most stands on, by PageRank over imports and references."""
    rank = graph.central(tree)
    used_by = {path: len(found) for path, found in graph.importers(tree).items()}
    named = {other for found in tree.references.values() for other in found}
    ordered = sorted(production(tree), key=lambda found: (_stands_aside(found[0]), -round(rank[found[0]], 9), found[0]))
    return table(
        "central",
        "Central files",
        f"By PageRank over imports and references: what most of the rest stands on, directly or not. {IMPORTED_BY}",
        ("share %", "imported by", "imports", "lines", "what it is"),
        (
            of_file(
                path,
                file,
                round(100 * rank[path], 2),
                used_by.get(path, 0),
                len(tree.imports.get(path, ())),
                file.facts.lines,
                what_it_is(file),
            )
            for path, file in ordered
            if used_by.get(path) or (path in named and file.facts.language in CODE - BY_FILE)
        ),
    )


def _stands_aside(path: str) -> bool:
    """Tell whether nothing runs because of a file: examples, documents, and declarations of what others define."""
    return bool(beside(path)) or path.endswith(_DECLARATIONS)


def fan_out(tree: RepoMap, _sources: Sources) -> Table:
    """Return the files that import most others."""
    used_by = {path: len(found) for path, found in graph.importers(tree).items()}
    ordered = sorted(production(tree), key=lambda found: (-len(tree.imports.get(found[0], ())), found[0]))
    found = table(
        "fan-out",
        "Files that import most",
        f"How many files of the tree each one imports: what knows much of the rest, and changes with it. {IMPORTED_BY}",
        ("imports", "imported by", "lines"),
        (
            of_file(path, file, len(tree.imports[path]), used_by.get(path, 0), file.facts.lines)
            for path, file in ordered
            if path in tree.imports
        ),
    )
    return limited(found, tree, RESOLVED)


def largest(tree: RepoMap, _sources: Sources) -> Table:
    """Return the files of code that are the longest to read."""
    ordered = sorted(production(tree), key=lambda found: (-found[1].facts.tokens, found[0]))
    return table(
        "largest",
        "Largest files",
        "By about how many tokens it takes to read them.",
        ("tokens", "lines", "definitions", "complexity"),
        (
            of_file(path, file, facts.tokens, facts.lines, len(facts.symbols), facts.complexity)
            for path, file in ordered
            if (facts := file.facts).symbols and facts.language in CODE
        ),
    )


def cycles(tree: RepoMap, sources: Sources) -> Table:
    """Return the import cycles, those that exist while files are loaded first, then the largest."""
    code = only_production(tree)
    loaded = when_loaded(code, sources.read)
    at_once = {path: part for part in graph.cycles(loaded) for path in part}
    lines = ImportLines(code)
    rows = [_cycle(code, found, loaded, at_once, lines) for found in graph.cycles(code)]
    rows.sort(key=lambda found: found.cells[2] != _AT_ONCE)
    found = table(
        "cycles",
        "Import cycles",
        "Files that import one another in a circle. `deferred`: it is only closed by imports inside of functions or "
        "for type checkers. The place is where the shortest way round begins; the one shown is closed while files are "
        "loaded, where there is such a one.",
        ("files", "shortest way round", "when"),
        rows,
    )
    return limited(found, tree, RESOLVED)


def _cycle(
    tree: RepoMap, found: Sequence[str], loaded: RepoMap, at_once: Mapping[str, Sequence[str]], lines: ImportLines
) -> Row:
    """Return a row for a cycle; `at_once` are those that are closed by what is `loaded` with the files, by file."""
    closed = max((at_once[path] for path in found if path in at_once), key=len, default=None)
    way = shortest_way_round(loaded.imports if closed else tree.imports, closed or found)
    shown = way[:_NAMED] + (("…",) if len(way) > _NAMED else ())
    tells = tree.files[way[0]].facts.language in _LOADING
    when = (_AT_ONCE if closed else "deferred") if tells else None
    return row(way[0], lines.first(way[0], way[1]), len(found), " → ".join((*shown, way[0])), when)


def shortest_way_round(edges: Mapping[str, Sequence[str]], within: Sequence[str]) -> tuple[str, ...]:
    """Return the files of a short cycle among `within`, which holds one: the shortest through its first files."""
    inside = set(within)
    best: tuple[str, ...] = ()
    for start in within[:_STARTS]:
        before: dict[str, str] = {}
        waiting = deque([start])
        while waiting and start not in before:
            node = waiting.popleft()
            for other in edges.get(node, ()):
                if other in inside and other not in before:
                    before[other] = node
                    waiting.append(other)
        way = [before[start]]
        while way[-1] != start:
            way.append(before[way[-1]])
        if not best or len(way) < len(best):
            best = tuple(reversed(way))
        if len(best) == 2:  # noqa: PLR2004  shorter there is none
            break
    return best


def layering(tree: RepoMap, _sources: Sources) -> Table:
    """Return the imports between folders that go against the grain: the other way than most between them."""
    tree = replace(tree, imports=dict(_without_passing_on(tree)))
    names = by_folder(tree)
    folded = folded_by(tree, names)
    above = _order(folded)
    found = table(
        "layering",
        "Imports that go up",
        "Folders are put into the order in which few imports point from a lower one to a higher one (the heuristic of "
        "Eades, Lin and Smyth, 1993). These still do: each ties two folders together that could be layers. The file of "
        "a package that passes on what lies below it does not count.",
        ("from", "to", "files this way", "files the other way", "also in"),
        _upward(tree, names, folded, above),
    )
    return limited(found, tree, RESOLVED)


def _without_passing_on(tree: RepoMap) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the imports of each file, without those by which the file of a package hands out what lies below it."""
    for path, others in tree.imports.items():
        if path.rpartition("/")[2] in graph.PASS_ON:
            folder = folder_of(path)
            below = f"{folder}/" if folder else ""
            yield path, tuple(other for other in others if not other.startswith(below))
        else:
            yield path, others


def _upward(tree: RepoMap, names: Mapping[str, str], folded: RepoMap, above: Mapping[str, int]) -> Iterator[Row]:
    """Yield a row for each pair of folders, those first of which the direction is clearest."""
    lines = ImportLines(tree)
    found: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for path, name in names.items():
        for other in tree.imports.get(path, ()):
            to = names.get(other, name)
            if to != name and above[to] < above[name]:
                found[name, to].append((path, lines.first(path, other)))
    weights = {pair: (_weight(folded, *pair), _weight(folded, *reversed(pair))) for pair in found}
    for pair in sorted(found, key=lambda pair: (weights[pair][0] - weights[pair][1], pair)):
        (path, line), *others = dict.fromkeys(found[pair])
        also = ", ".join(f"{other}:{at}" for other, at in others[:_ALSO]) + (", …" if len(others) > _ALSO else "")
        yield row(path, line, *pair, *weights[pair], also or None)


def _weight(folded: RepoMap, name: str, other: str) -> int:
    """Return how many files of one module import another."""
    return round(folded.references.get(name, {}).get(other, 0))


def _order(folded: RepoMap) -> dict[str, int]:
    """Return each module's place, 0 on top: what imports comes before what it imports, as far as that is possible."""
    order: dict[str, int] = {}
    for part in reversed(graph.components(folded)):
        for name in _least_feedback(part, folded.references):
            order[name] = len(order)
    return order


def _least_feedback(part: Sequence[str], weights: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Order one component so that few edges point backwards: sinks last, sources first, then who gives most."""
    left = set(part)
    head: list[str] = []
    tail: list[str] = []
    out = {name: Counter({o: w for o, w in weights.get(name, {}).items() if o in left}) for name in part}
    into: dict[str, Counter[str]] = {name: Counter() for name in part}
    for name in part:
        for other, weight in out[name].items():
            into[other][name] = weight
    while left:
        sinks = sorted(name for name in left if not out[name])
        sources = sorted(name for name in left if not into[name] and out[name])
        if sinks:
            tail.append(sinks[0])
        elif sources:
            head.append(sources[0])
        else:
            head.append(max(sorted(left), key=lambda name: out[name].total() - into[name].total()))
        gone = (tail if sinks else head)[-1]
        left.discard(gone)
        for other in into[gone]:
            out[other].pop(gone, None)
        for other in out[gone]:
            into[other].pop(gone, None)
    return head + tail[::-1]
