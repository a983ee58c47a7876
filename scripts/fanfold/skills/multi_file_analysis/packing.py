"""Pack pieces of files into groups of bounded size: what belongs together goes together, and an edit moves little.

Bottom up, folder by folder: a folder that fits is one group. One that does not joins its pieces along the strongest
ties first (Kruskal's algorithm with a bound on the size), then neighbours in order of name. Each decision looks at the
pieces in question alone, and sizes and ties count by coarse steps, so that an edit in one file decides little
differently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, log2
from os.path import commonprefix
from typing import Generic, NamedTuple, Protocol, TypeVar
from zlib import crc32

from fanfold.sources.folders import folder_of


class Piece(Protocol):
    """Something of a size, in tokens, that stands in a file."""

    @property
    def path(self) -> str: ...
    @property
    def tokens(self) -> int: ...


P = TypeVar("P", bound=Piece)
Ties = Mapping[str, Mapping[str, float]]

# A group that is fuller than this has little to gain in the folders above.
_FULL = 0.75


def pack(pieces: Iterable[P], edges: Iterable[tuple[str, str, float]], allowance: int) -> list[tuple[P, ...]]:
    """Return groups of pieces, none larger than `allowance` tokens unless one piece alone is.

    `edges` tie two files together: their paths and a weight; the direction does not count.
    """
    ties = _ties(edges)
    waiting: dict[str, list[_Group[P]]] = defaultdict(list)
    for piece in sorted(pieces, key=lambda piece: piece.path):
        waiting[folder_of(piece.path)].append(_Group((piece,), min(coarse(piece.tokens), allowance)))
    done: list[_Group[P]] = []
    for folder in _deepest_first(waiting):
        groups = _pack_folder(waiting.pop(folder, []), ties, allowance)
        for group in groups:
            full = not folder or group.size > _FULL * allowance
            (done if full else waiting[folder_of(folder)]).append(group)
    return [group.pieces for group in done]


class _Group(NamedTuple, Generic[P]):
    """Pieces that stay together, in order of their paths, and their size in coarse steps."""

    pieces: tuple[P, ...]
    size: int

    @property
    def first(self) -> str:
        return self.pieces[0].path


def _pack_folder(groups: Sequence[_Group[P]], ties: Ties, allowance: int) -> list[_Group[P]]:
    """Join the groups of one folder, with those that its subfolders left over, as far as they fit."""
    groups = sorted(groups, key=lambda group: group.first)
    if sum(group.size for group in groups) <= allowance:
        return [_joined(groups)] if groups else []
    groups = _join_along(groups, _tied(groups, ties), allowance)
    return _join_along(groups, _neighbours(groups), allowance)


def _joined(groups: Sequence[_Group[P]]) -> _Group[P]:
    pieces = sorted((piece for group in groups for piece in group.pieces), key=lambda piece: piece.path)
    return _Group(tuple(pieces), sum(group.size for group in groups))


def _join_along(groups: Sequence[_Group[P]], pairs: Iterable[tuple[int, int]], allowance: int) -> list[_Group[P]]:
    """Join the groups that each pair names, in this order, where the result fits."""
    owner = list(range(len(groups)))
    members = {index: [index] for index in owner}
    sizes = {index: groups[index].size for index in owner}
    for a, b in pairs:
        large, small = sorted((owner[a], owner[b]), key=lambda index: -len(members[index]))
        if large != small and sizes[large] + sizes[small] <= allowance:
            for index in members[small]:
                owner[index] = large
            members[large] += members.pop(small)
            sizes[large] += sizes.pop(small)
    joined = [_joined([groups[index] for index in sorted(indices)]) for indices in members.values()]
    return sorted(joined, key=lambda group: group.first)


def _tied(groups: Sequence[_Group[P]], ties: Ties) -> list[tuple[int, int]]:
    """Return the pairs of groups that a tie connects, the strongest first."""
    owner = {piece.path: index for index, group in enumerate(groups) for piece in group.pieces}
    strength: dict[tuple[int, int], float] = defaultdict(float)
    for path, index in owner.items():
        for other, weight in ties.get(path, {}).items():
            if (to := owner.get(other, index)) > index:
                strength[index, to] += weight
    # By powers of two: a tie that an edit made a little stronger stays where it was in the order.
    return sorted(strength, key=lambda pair: (-int(log2(strength[pair])), _chance(groups, pair)))


def _neighbours(groups: Sequence[_Group[P]]) -> list[tuple[int, int]]:
    """Return the pairs that stand beside each other by name, those with more of it in common first."""
    pairs = [(index, index + 1) for index in range(len(groups) - 1)]
    return sorted(pairs, key=lambda pair: (-_alike(groups[pair[0]], groups[pair[1]]), _chance(groups, pair)))


def _alike(a: _Group[P], b: _Group[P]) -> int:
    # By characters: `test_a.py` and `test_b.py` are more alike than `test_a.py` and `views.py`.
    return len(commonprefix([a.pieces[-1].path, b.first]))  # noqa: RUF071  not as paths


def _chance(groups: Sequence[_Group[P]], pair: tuple[int, int]) -> tuple[int, str, str]:
    """Decide between equals: by something that no other group has a part in, unlike a position."""
    names = groups[pair[0]].first, groups[pair[1]].first
    return crc32("\0".join(names).encode("utf-8", "surrogatepass")), *names


def _ties(edges: Iterable[tuple[str, str, float]]) -> Ties:
    """Add up edges in both directions. A file that many lean on belongs to each of them the less."""
    edges = list(edges)
    fan_in: dict[str, int] = defaultdict(int)
    for _, to, _ in edges:
        fan_in[to] += 1
    ties: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for path, other, weight in edges:
        if weight > 0 and path != other:
            shared = weight / 2 ** int(log2(fan_in[other]))
            ties[path][other] += shared
            ties[other][path] += shared
    return ties


def coarse(tokens: int) -> int:
    """Round up to a power of the fourth root of two: about nine per cent on average, and an edit seldom shows."""
    return ceil(2 ** (ceil(4 * log2(tokens)) / 4)) if tokens > 0 else 0


def _deepest_first(folders: Iterable[str]) -> Iterator[str]:
    """Yield each folder, and all above it to the root "", after everything in it."""
    known = {""}
    for folder in folders:
        above = folder
        while above not in known:
            known.add(above)
            above = folder_of(above)
    yield from sorted(known, key=lambda folder: (-folder.count("/") - bool(folder), folder))
