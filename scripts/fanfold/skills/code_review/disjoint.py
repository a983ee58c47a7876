"""Disjoint sets of indices."""

from __future__ import annotations

from collections import defaultdict


class DisjointSets:
    """Indices from 0 in disjoint sets (union-find with path halving); a set's root is its smallest member."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low

    def groups(self) -> dict[int, list[int]]:
        """Return the sets by their roots, members ascending."""
        found: dict[int, list[int]] = defaultdict(list)
        for index in range(len(self._parent)):
            found[self.root(index)].append(index)
        return found
