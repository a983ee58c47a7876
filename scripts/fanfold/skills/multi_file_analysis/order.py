"""The order of reading: what is used before what uses it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

N = TypeVar("N", bound=Hashable)


def used_first(uses: Mapping[N, Sequence[N]]) -> list[N]:
    """Return the nodes so that each comes after those it uses, except where they use each other.

    That is the order in which a depth-first search leaves them, an order of the condensation (Tarjan, Depth-first
    search and linear graph algorithms, 1972). Nodes that are only used, and no key, are left out.
    """
    left: dict[N, None] = {}
    entered: set[N] = set()
    for start in uses:
        if start in entered:
            continue
        entered.add(start)
        path: list[tuple[N, Iterator[N]]] = [(start, iter(uses[start]))]
        while path:
            node, others = path[-1]
            new = next((other for other in others if other in uses and other not in entered), None)
            if new is None:
                left[node] = None
                path.pop()
            else:
                entered.add(new)
                path.append((new, iter(uses[new])))
    return list(left)
