"""Plan an analysis: which files are read together, by which unit, and what nobody reads.

Pure. Sizes are tokens, as the map estimates them; lines count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from fanfold.skills.multi_file_analysis.labels import labels
from fanfold.skills.multi_file_analysis.packing import pack
from fanfold.sources.repo_map.facts import is_data
from fanfold.sources.repo_map.graph import used_first
from fanfold.sources.repo_map.values import FileFacts, LeftOut, MappedFile, RepoMap

PART_OVERHEAD = 16
"""Tokens that a part costs beside its text: its fence and its path."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a unit reads of one file: lines `line` to `end_line`, the whole file where `whole`.

    `tokens` counts the text and what shows it. `content` is the key of the whole file's bytes.
    """

    path: str
    line: int
    end_line: int
    tokens: int
    whole: bool
    content: str

    @property
    def shown(self) -> str:
        return self.path if self.whole else f"{self.path}:{self.line}-{self.end_line}"


@dataclass(frozen=True, slots=True)
class AreaTask:
    """What one worker reads: parts in the order of reading, what is used before what uses it.

    `label` is a person's name for it; `relevance` that of its most relevant file, from 0 to 1. Neither is for the
    prompt: they depend on files elsewhere, and the unit's key must not. `question` is a narrower one than the
    person's, when the planner asked one; "" otherwise.
    """

    parts: tuple[Part, ...]
    label: str = ""
    relevance: float = 0.0
    question: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.path for part in self.parts))

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in self.parts)


@dataclass(frozen=True, slots=True)
class AreaPlan:
    """Who reads what: every line of every file on the map is in exactly one part, or its file is left out by name.

    `areas` come most relevant first, and where the question makes no difference what is used before what uses it.
    `ranked` are the files that are read, most relevant first, by `relevance`. `notes` say what became of a planner's
    wishes.
    """

    areas: tuple[AreaTask, ...]
    left_out: tuple[LeftOut, ...] = ()
    ranked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    relevance: Mapping[str, float] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return sum(area.tokens for area in self.areas)


def plan_areas(
    repo_map: RepoMap, relevance: Mapping[str, float], *, allowance: int, budget: int | None = None
) -> AreaPlan:
    """Pack the files of the map into areas of at most `allowance` tokens, at most `budget` tokens in all.

    `relevance` is what `repo_map.relevance` says; a file that it does not name counts 0. The budget is given out most
    relevant first. What is left out of the map stays left out. ValueError for an allowance that holds no line.
    """
    if allowance <= PART_OVERHEAD:
        raise ValueError(f"an allowance of {allowance} tokens holds no file: it takes more than {PART_OVERHEAD}")
    ranked = sorted(repo_map.files.values(), key=lambda file: (-relevance.get(file.path, 0.0), file.path))
    chosen, left_out = _choose(ranked, allowance, budget)
    groups = pack(chosen, ties_among(repo_map, {part.path for part in chosen}), allowance)
    areas = arranged([AreaTask(tuple(group)) for group in groups], repo_map, relevance)
    read = {part.path for part in chosen}
    return AreaPlan(
        areas=areas,
        left_out=(*repo_map.left_out, *sorted(left_out)),
        ranked=tuple(file.path for file in ranked if file.path in read),
        relevance=relevance,
    )


def arranged(areas: Sequence[AreaTask], repo_map: RepoMap, relevance: Mapping[str, float]) -> tuple[AreaTask, ...]:
    """Name areas and put them in order, and the parts of each: what is used before what uses it."""
    ordered = [replace(area, parts=_in_order(area.parts, repo_map)) for area in areas]
    named = [
        replace(area, label=label, relevance=max((relevance.get(path, 0.0) for path in area.paths), default=0.0))
        for area, label in zip(ordered, labels([area.parts for area in ordered]), strict=True)
    ]
    by_use = _areas_by_use(named, repo_map)
    return tuple(sorted(by_use, key=lambda area: -area.relevance))


def split_file(file: MappedFile, allowance: int) -> tuple[Part, ...]:
    """Return the parts of a file, each within the allowance: one, or more between definitions where it is longer.

    () when even one line is longer. A part's tokens are estimated: the file's, by its share of lines.
    """
    facts = file.facts
    if facts.tokens + PART_OVERHEAD <= allowance:
        return (Part(file.path, 1, facts.lines, facts.tokens + PART_OVERHEAD, whole=True, content=file.content),)
    most = int((allowance - PART_OVERHEAD) * facts.lines / facts.tokens)
    if most < 1:
        return ()
    parts = []
    for line, end in _spans(facts, most):
        tokens = ceil(facts.tokens * (end - line + 1) / facts.lines) + PART_OVERHEAD
        parts.append(Part(file.path, line, end, min(tokens, allowance), whole=False, content=file.content))
    return tuple(parts)


def _spans(facts: FileFacts, most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most `most` lines that end before a definition, an outer one rather than an inner one."""
    borders = _borders(facts)
    first = 1
    while facts.lines - first + 1 > most:
        # The later half of what fits: a border further up would make short parts.
        window = range(first + most, first + most // 2, -1)
        best = min(window, key=lambda line: borders.get(line, _NO_BORDER), default=first + most)
        yield first, best - 1
        first = best
    yield first, facts.lines


_NO_BORDER = 1_000_000


def _borders(facts: FileFacts) -> Mapping[int, int]:
    """Return the lines at which a definition begins, and how many others it is nested in."""
    depths: dict[int, int] = {}
    open_until: list[int] = []
    for symbol in sorted(facts.symbols, key=lambda symbol: (symbol.line, -symbol.end_line)):
        while open_until and open_until[-1] < symbol.line:
            open_until.pop()
        depths.setdefault(symbol.line, len(open_until))
        open_until.append(symbol.end_line)
    return depths


def _choose(ranked: Iterable[MappedFile], allowance: int, budget: int | None) -> tuple[tuple[Part, ...], list[LeftOut]]:
    """Give out the budget in this order; what a file leaves may still do for a smaller one.

    Of long data the beginning shows what it is: where there is a budget, all of it is read of the first file alone.
    """
    chosen: list[Part] = []
    left_out: list[LeftOut] = []
    left = budget
    for place, file in enumerate(ranked):
        parts = split_file(file, allowance) if file.facts.tokens else ()
        wanted = parts[:1] if place and is_data(file.facts) else parts
        taken = parts if left is None else _affordable(wanted, left)
        if why := _why_left(file, parts, taken, budget):
            left_out.append(LeftOut(file.path, why, file.size))
        chosen += taken
        if left is not None:
            left -= sum(part.tokens for part in taken)
    return tuple(sorted(chosen, key=lambda part: (part.path, part.line))), left_out


def _affordable(parts: Sequence[Part], left: int) -> tuple[Part, ...]:
    """Return the parts from a file's beginning that fit into what is left."""
    for count, part in enumerate(parts):
        left -= part.tokens
        if left < 0:
            return tuple(parts[:count])
    return tuple(parts)


def _why_left(file: MappedFile, parts: Sequence[Part], taken: Sequence[Part], budget: int | None) -> str:
    if not file.facts.tokens:
        return "empty"
    if not parts:
        return "one of its lines alone is longer than a unit may be"
    if len(taken) == len(parts):
        return ""
    if taken and is_data(file.facts):
        return f"lines {parts[len(taken)].line}-{parts[-1].end_line} are more of its data"
    if taken:
        return f"lines {parts[len(taken)].line}-{parts[-1].end_line} are beyond the {budget:,} tokens that may be read"
    return f"beyond the {budget:,} tokens that may be read: others are more relevant"


def ties_among(repo_map: RepoMap, among: set[str]) -> Iterator[tuple[str, str, float]]:
    """Yield what ties two of these files together, and how much: an import counts as two mentions."""
    for path in sorted(among):
        for other in repo_map.imports.get(path, ()):
            if other in among:
                yield path, other, 2.0
        for other, weight in repo_map.references.get(path, {}).items():
            if other in among:
                yield path, other, weight


def _in_order(parts: Sequence[Part], repo_map: RepoMap) -> tuple[Part, ...]:
    """Put parts in the order of reading. It depends on the imports of these files alone, and so does the unit's key."""
    by_path: dict[str, list[Part]] = {}
    for part in sorted(parts, key=lambda part: (part.path, part.line)):
        by_path.setdefault(part.path, []).append(part)
    uses = {path: [other for other in repo_map.imports.get(path, ()) if other in by_path] for path in by_path}
    return tuple(part for path in used_first(uses) for part in by_path[path])


def _areas_by_use(areas: Sequence[AreaTask], repo_map: RepoMap) -> list[AreaTask]:
    """Put areas in the order in which one would read them: what is used before what uses it."""
    owner: dict[str, int] = {}
    by_name = sorted(areas, key=lambda area: [(part.path, part.line) for part in area.parts])
    for index, area in enumerate(by_name):
        for path in area.paths:
            owner.setdefault(path, index)
    uses: dict[int, list[int]] = {}
    for index, area in enumerate(by_name):
        imported = (other for path in area.paths for other in repo_map.imports.get(path, ()))
        uses[index] = sorted({owner[other] for other in imported if other in owner} - {index})
    return [by_name[index] for index in used_first(uses)]
