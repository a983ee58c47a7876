"""Parts of a large change: what belongs together is read together, and each part fits one context."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TypeAlias

from fanfold.skills.code_review.disjoint import DisjointSets
from fanfold.skills.code_review.view import FileView, Part, pieces

# The text of a file at the head of the target, None when it has none.
Read: TypeAlias = Callable[[str], str | None]

_IMPORTING = re.compile(
    r"^\W{0,12}(?:import|from|require|use|using|include|const|let|var|export|package|mod)\b.*$",
    re.MULTILINE,
)
_WORD = re.compile(r"[A-Za-z0-9_]+")
_TEST_AFFIX = re.compile(r"^tests?_|_tests?$|^test(?=[A-Z])|tests?$|\.(test|spec)$|_spec$", re.IGNORECASE)


def split(views: Sequence[FileView], allowance: int, read: Read) -> tuple[Part, ...]:
    """Pack views into parts of at most `allowance` tokens, deterministically.

    Files that import each other, and a test with its subject, go into one part while they fit; then files of one
    folder. A view that is larger alone is split between its lines.
    """
    bins: list[list[FileView]] = []
    room = 0
    for cluster in _clusters(views, read):
        fitting = [piece for view in cluster for piece in pieces(view, allowance)]
        if bins and sum(piece.tokens for piece in fitting) > room >= 0 and _fits(fitting, allowance):
            room = -1  # together in a new part rather than torn apart over two
        for piece in fitting:
            if not bins or piece.tokens > room:
                bins.append([])
                room = allowance
            bins[-1].append(piece)
            room -= piece.tokens
    return tuple(Part(number, len(bins), tuple(held)) for number, held in enumerate(bins, 1))


def _fits(views: Iterable[FileView], allowance: int) -> bool:
    return sum(view.tokens for view in views) <= allowance


def _clusters(views: Sequence[FileView], read: Read) -> list[list[FileView]]:
    """Group related files; groups in the order of their folders, files in the target's order."""
    related = DisjointSets(len(views))
    subjects: dict[str, list[int]] = defaultdict(list)
    for index, view in enumerate(views):
        subjects[_subject(view.path)].append(index)
    for same in subjects.values():
        for index in same[1:]:
            related.join(same[0], index)
    for index, view in enumerate(views):
        for other in _imported(read(view.path) or "", subjects):
            related.join(index, other)
    groups: Mapping[int, list[int]] = related.groups()
    ordered = sorted(groups.values(), key=lambda group: (_folder(views[group[0]].path), group[0]))
    return [[views[index] for index in group] for group in ordered]


def _subject(path: str) -> str:
    """Return what a file is about by its name: the same for a module and its test."""
    return _TEST_AFFIX.sub("", PurePosixPath(path).stem).lower()


def _imported(text: str, subjects: Mapping[str, Sequence[int]]) -> Iterator[int]:
    """Yield changed files that an importing line of this text names; names that several files have decide nothing."""
    words = {word.lower() for line in _IMPORTING.finditer(text) for word in _WORD.findall(line[0])}
    for word in sorted(words & subjects.keys()):
        if word not in _COMMON and len(subjects[word]) <= _FEW:
            yield from subjects[word]


_COMMON = frozenset(
    ["index", "main", "mod", "lib", "init", "__init__", "utils", "types", "app", "core", "base", "common"]
)
_FEW = 3


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)
