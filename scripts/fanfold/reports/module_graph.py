"""The module graph drawn as SVG: what imports stands above what it imports; every node can be reached by keyboard.

Layers are those of the map; within a layer, nodes stand near those that they are linked to (the barycentre heuristic
of Sugiyama, Tagawa and Toda, 1981), in rows when there are too many for one. The same graph gives the same drawing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fanfold.reports.amounts import count
from fanfold.reports.analysed import Link, Module, ModuleGraph
from fanfold.reports.escape import one_line

MOST_LINKS = 400
"""Links that are drawn; of more, those of most files."""

_WIDTH = 1000.0
_BOX, _HEIGHT = 188.0, 38.0
_GAP, _ROW_GAP, _LAYER_GAP = 14.0, 36.0, 58.0
_IN_A_ROW = int((_WIDTH + _GAP) / (_BOX + _GAP))
_SWEEPS = 8
_DENSE = 60  # links from which on they are drawn thinly, and those that others imply only where they are looked at
_EVERYWHERE = frozenset({"app", "cmd", "include", "internal", "lib", "pkg", "python", "source", "src"})
_LETTERS = 27  # that a line of a box holds
_LINE = 14.0  # from one line of a label to the next
_PAST = 0.85  # of a box: what a curve is led aside, of which it goes three quarters
_EDGE, _TOP = 8.0, 36.0  # links within the first row bend above it


@dataclass(frozen=True, slots=True)
class Placed:
    """A module in the drawing: its number in the graph, and where its box's upper left corner is."""

    number: int
    module: Module
    label: str
    x: float
    y: float


def module_graph_svg(graph: ModuleGraph) -> Markup:
    """Return the drawing as an `svg` element, "" when there is nothing to draw; each node leads to `#m0`, `#m1`."""
    if not graph.modules:
        return Markup()
    placed = layout(graph)
    height = max(one.y for one in placed.values()) + _HEIGHT + _EDGE
    links = [link for link in strongest(graph.links, MOST_LINKS) if {link.source, link.target} <= placed.keys()]
    implied = implied_links(graph)
    out, into = _degrees(graph)
    said = f"Module graph: {count(len(graph.modules), 'module')}, {count(len(graph.links), 'link')}"
    parts = [
        Markup('<svg class="graph{}" viewBox="0 0 {:.0f} {:.0f}" role="group" aria-label="{}">').format(
            " dense" if len(links) > _DENSE else "", _WIDTH + 2 * _EDGE, height, said
        ),
        _ARROW,
        *(
            _edge(placed[link.source], placed[link.target], link, implied=(link.source, link.target) in implied)
            for link in links
        ),
        *(_node(one, out[name], into[name]) for name, one in placed.items()),
        Markup("</svg>"),
    ]
    return Markup("").join(parts)


_ARROW = Markup(
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
    '<path d="M0 0L8 4L0 8z"/></marker></defs>'
)


def module_graph_style(graph: ModuleGraph) -> str:
    """Return the rule by which the links of a node stand out while it is looked at."""
    if not graph.modules:
        return ""
    looked_at = ",\n".join(
        f".graph:has(.n{n}:is(:hover, :focus-within, .here)) .e{n}" for n in range(len(graph.modules))
    )
    return f"{looked_at} {{ opacity: 1; stroke-width: 2; stroke: var(--accent); }}\n"


def implied_links(graph: ModuleGraph) -> set[tuple[str, str]]:
    """Return the links, as source and target, that a way over others says as well; none where there are few links.

    Of a graph without cycles what is left is its transitive reduction (Aho, Garey and Ullman, 1972); of links within
    a cycle those of most files are left.
    """
    links = strongest(graph.links, MOST_LINKS)
    if len(links) <= _DENSE:
        return set()
    layer = {module.name: module.layer for module in graph.modules}
    near: dict[str, set[str]] = defaultdict(set)
    implied: set[tuple[str, str]] = set()
    for link in sorted(links, key=lambda link: (_span(link, layer), -link.files, link.source, link.target)):
        if _leads(near, link.source, link.target):
            implied.add((link.source, link.target))
        else:
            near[link.source].add(link.target)
    return implied


def _span(link: Link, layer: Mapping[str, int]) -> int:
    return abs(layer.get(link.source, 0) - layer.get(link.target, 0))


def _leads(near: Mapping[str, Iterable[str]], source: str, target: str) -> bool:
    seen = {source}
    waiting = [source]
    for name in waiting:  # it grows
        if target in near.get(name, ()):
            return True
        waiting += (found := [other for other in near.get(name, ()) if other not in seen])
        seen.update(found)
    return False


def strongest(links: Sequence[Link], most: int) -> list[Link]:
    """Return at most `most` links, those of most files, in their order."""
    ranked = sorted(range(len(links)), key=lambda at: (-links[at].files, at))
    return [links[at] for at in sorted(ranked[:most])]


def shortest_names(graph: ModuleGraph) -> dict[str, str]:
    """Return for each module the end of its path that no other module's path ends with, with the folder it lies in."""
    ends: dict[str, set[str]] = defaultdict(set)
    parts = {module.name: one_line(module.name).split("/") for module in graph.modules}
    for name, said in parts.items():
        for length in range(1, len(said) + 1):
            ends["/".join(said[-length:])].add(name)
    return {name: _unique_end(said, ends) for name, said in parts.items()}


def _unique_end(said: Sequence[str], ends: Mapping[str, set[str]]) -> str:
    telling = 3 if said[-2:-1] and said[-2] in _EVERYWHERE else 2
    for length in range(min(len(said), telling), len(said) + 1):
        end = "/".join(said[-length:])
        if len(ends[end]) == 1:
            return end
    return "/".join(said)


def layout(graph: ModuleGraph) -> dict[str, Placed]:
    """Return where each module stands, by its name."""
    labels = shortest_names(graph)
    numbers = {module.name: number for number, module in enumerate(graph.modules)}
    placed: dict[str, Placed] = {}
    y = _TOP
    for layer in _ordered(graph):
        for row in _rows(layer):
            left = _EDGE + (_WIDTH - len(row) * (_BOX + _GAP) + _GAP) / 2
            for at, module in enumerate(row):
                x = left + at * (_BOX + _GAP)
                placed[module.name] = Placed(numbers[module.name], module, labels[module.name], x, y)
            y += _HEIGHT + _ROW_GAP
        y += _LAYER_GAP - _ROW_GAP
    return placed


def _rows(layer: Sequence[Module]) -> Iterator[Sequence[Module]]:
    """Deal a layer out to as few rows as hold it, of about the same length."""
    rows = -(-len(layer) // _IN_A_ROW)
    for at in range(rows):
        yield layer[at * len(layer) // rows : (at + 1) * len(layer) // rows]


def _ordered(graph: ModuleGraph) -> list[list[Module]]:
    """Return the layers from the top one down, their modules in the order in which their links cross least often."""
    by_layer: dict[int, list[Module]] = defaultdict(list)
    for module in graph.modules:
        by_layer[module.layer].append(module)
    layers = [sorted(by_layer[level], key=lambda module: module.name) for level in sorted(by_layer, reverse=True)]
    near: dict[str, set[str]] = defaultdict(set)
    for link in graph.links:
        near[link.source].add(link.target)
        near[link.target].add(link.source)
    at = {module.name: (number + 0.5) / len(layer) for layer in layers for number, module in enumerate(layer)}
    for sweep in range(_SWEEPS):
        for layer in layers[:: 1 if sweep % 2 else -1]:
            layer.sort(key=lambda module: (_barycentre(module.name, near, at), module.name))
            at.update((module.name, (number + 0.5) / len(layer)) for number, module in enumerate(layer))
    return layers


def _barycentre(name: str, near: Mapping[str, Iterable[str]], at: Mapping[str, float]) -> float:
    known = [at[other] for other in sorted(near.get(name, ())) if other in at]
    return sum(known) / len(known) if known else at[name]


def _edge(source: Placed, target: Placed, link: Link, *, implied: bool) -> Markup:
    """Draw a link: down from box to box; one that goes up or sideways, of a cycle, bends around its ends."""
    x1, x2 = source.x + _BOX / 2, target.x + _BOX / 2
    down = target.y > source.y
    y1 = source.y + (_HEIGHT if down else 0)
    y2 = target.y - 1 if down else target.y + _HEIGHT + 1
    if target.y == source.y:
        y1, y2 = source.y, target.y - 1
    bend = max(24.0, abs(y2 - y1) / 2)
    first, second = (y1 + bend, y2 - bend) if down else (y1 - bend, y2 + bend)
    if target.y == source.y:
        first, second = y1 - bend, y2 - bend
    # Past the boxes that stand right between its ends.
    aside = _BOX * _PAST if down and abs(x2 - x1) < _BOX / 2 and y2 - y1 > _HEIGHT + _ROW_GAP else 0.0
    aside = -aside if x1 + aside > _WIDTH else aside
    path = f"M{x1:.1f} {y1:.1f}C{x1 + aside:.1f} {first:.1f} {x2 + aside:.1f} {second:.1f} {x2:.1f} {y2:.1f}"
    return Markup('<path class="link{} e{} e{}" d="{}" marker-end="url(#arrow)"><title>{}</title></path>').format(
        ("" if down else " up") + (" implied" if implied else ""),
        source.number,
        target.number,
        path,
        f"{one_line(link.source)} imports {one_line(link.target)} in {count(link.files, 'file')}",
    )


def _node(one: Placed, imports: int, imported_by: int) -> Markup:
    module = one.module
    mark = " cycle" if module.cycle else ""
    return Markup(
        '<a href="#m{0}" class="bar node n{0}{1}"><title>{2}</title>'
        '<rect x="{3:.1f}" y="{4:.1f}" width="{5:.0f}" height="{6:.0f}" rx="4"/>{7}</a>'
    ).format(
        one.number,
        mark,
        _told(module, imports, imported_by),
        one.x,
        one.y,
        _BOX,
        _HEIGHT,
        _label(one),
    )


def _label(one: Placed) -> Markup:
    """Write what a module is called: on one line, or its folder above its name."""
    folder, slash, name = one.label.rpartition("/")
    lines = [("", name)]
    if len(one.label) <= _LETTERS:
        lines = [("", one.label)]
    elif folder:
        lines = [(' class="small"', _end_of(folder + slash)), ("", name)]
    middle = one.y + _HEIGHT / 2 + 4
    return Markup(
        ""
    ).join(
        Markup('<text{} x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
            Markup(css),  # noqa: S704  one of the two above
            one.x + _BOX / 2,
            middle + (at - (len(lines) - 1) / 2) * _LINE,
            text if len(text) <= _LETTERS else f"{text[: _LETTERS // 2]}…{text[-_LETTERS // 2 + 1 :]}",
        )
        for at, (css, text) in enumerate(lines)
    )


def _end_of(folder: str) -> str:
    """Return as much of a folder's end as a line holds, from a slash on where that is possible."""
    if len(folder) <= _LETTERS:
        return folder
    end = folder[1 - _LETTERS :]
    whole = end[end.find("/") :]
    return f"…{whole if len(whole) > 1 else end}"


def _told(module: Module, imports: int, imported_by: int) -> str:
    """Return what a node stands for, in a line."""
    said = [
        one_line(module.name),
        f"{count(module.files, 'file')}, {count(module.lines, 'line')}",
        f"imports {count(imports, 'module')}",
        f"imported by {count(imported_by, 'module')}",
    ]
    return " · ".join([*said, *([f"in import cycle {module.cycle}"] if module.cycle else [])])


def _degrees(graph: ModuleGraph) -> tuple[Counter[str], Counter[str]]:
    return Counter(link.source for link in graph.links), Counter(link.target for link in graph.links)


def neighbours(graph: ModuleGraph, module: Module) -> tuple[list[str], list[str]]:
    """Return what a module imports, and what imports it, most files first."""
    ranked = sorted(graph.links, key=lambda link: -link.files)
    imports = [link.target for link in ranked if link.source == module.name]
    users = [link.source for link in ranked if link.target == module.name]
    return imports, users
