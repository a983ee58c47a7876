"""Shards of a pytest suite: whole files, and pieces of those that would hold up all the rest.

A file is split where that makes the run shorter and nowhere else, since its fixtures have to be set up again in every
piece; between classes rather than inside of one. Tests keep pytest's order inside of a shard. Everything here is a
function of what was collected and of known durations: the same run has the same shards.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fanfold.runners.pytest.collection import PytestTest
from fanfold.runners.schedule import makespan_s

# A partition this near to the least possible wall time is not worth another split.
_NEAR_ENOUGH = 1.02
# So many shards for each worker at the most, and at the least when durations are guessed, and known: whoever is free
# takes one, so that guesses are made good, and so are tests that take another time than before.
_MOST_PER_WORKER = 24
_GUESSED_PER_WORKER = 6
_KNOWN_PER_WORKER = 4
# When each shard takes a process of its own.
_COSTLY_PER_WORKER = 2
# A shard should take this many times what it costs to start one.
_WORTH_STARTS = 4
_FEW = 20


@dataclass(frozen=True, slots=True)
class Shard:
    """Tests to run one after the other in one process, by index; `expected_s` is None unless all are known."""

    tests: tuple[int, ...]
    expected_s: float | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Tests that stay together, for now: `splittable` says whether any of its boundaries may be a cut."""

    tests: tuple[PytestTest, ...]
    weight: float
    splittable: bool


def plan_shards(
    tests: Sequence[PytestTest],
    durations: Mapping[str, float],
    workers: int,
    *,
    start_s: float,
    most: int | None = None,
) -> tuple[Shard, ...]:
    """Partition `tests` for so many workers: every test is in one shard, and no shard is empty.

    `durations` are seconds by label; `start_s` is what a shard costs before its first test, in seconds. `most` is the
    most shards there may be.
    """
    known = [durations[test.label] for test in tests if test.label in durations]
    guess = sum(known) / len(known) if known else 1.0
    weigh = _Scale({test.index: durations.get(test.label, guess) for test in tests})
    total = weigh.of(tests)
    all_known = len(known) == len(tests)
    limit = 1 if _cannot_pay(len(tests), total if all_known else None, workers, start_s) else most
    if limit == 1 or workers == 1:
        pieces = [weigh.piece(tests)] if tests else []
    else:
        whole = list(_whole(tests, weigh))
        pieces = _gathered(_split(whole, weigh, total, workers, guessed=not all_known), weigh, total, workers, start_s)
    return tuple(_shard(piece, durations) for piece in _at_most(pieces, weigh, limit))


def _cannot_pay(count: int, total: float | None, workers: int, start_s: float) -> bool:
    """Tell whether starting further workers costs more than they save."""
    if total is None:
        return count < _FEW and start_s > 0.1  # noqa: PLR2004  a process has to be started for it
    return total * (1 - 1 / workers) < start_s


class _Scale:
    """What tests weigh: their seconds, or what those of others suggest."""

    def __init__(self, weights: Mapping[int, float]) -> None:
        self._weights = weights

    def of(self, tests: Iterable[PytestTest]) -> float:
        return sum(self._weights[test.index] for test in tests)

    def piece(self, tests: Sequence[PytestTest], *, splittable: bool = False) -> _Piece:
        return _Piece(tuple(tests), self.of(tests), splittable and len(tests) > 1)


def _whole(tests: Sequence[PytestTest], weigh: _Scale) -> Iterator[_Piece]:
    """Yield what belongs together: the tests of a file, or those that one name groups."""
    parts: dict[tuple[str, str], list[PytestTest]] = defaultdict(list)
    for test in tests:
        parts[("group", test.group) if test.group is not None else ("file", test.path)].append(test)
    for (kind, _), part in parts.items():
        yield weigh.piece(part, splittable=kind == "file")


def _split(pieces: list[_Piece], weigh: _Scale, total: float, workers: int, *, guessed: bool) -> list[_Piece]:
    """Split the heaviest until the partition is near the least wall time, or nothing is left to split."""
    share = total / workers
    # Of guesses, and of what shares fixtures, no more is expected than that it does not hold up the rest.
    coarse = share / _KNOWN_PER_WORKER
    small = share / (_GUESSED_PER_WORKER if guessed else _MOST_PER_WORKER)
    # The first test's place tells pieces of one weight apart: no two have the same.
    heap = [(-piece.weight, piece.tests[0].index, piece) for piece in pieces]
    heapq.heapify(heap)
    done: list[_Piece] = []
    while heap:
        _, _, piece = heapq.heappop(heap)
        if not piece.splittable or piece.weight <= (share / 2 if _is_costly_to_split(piece.tests) else small):
            done.append(piece)
            continue
        weights = [piece.weight, *(-weight for weight, _, _ in heap), *(one.weight for one in done)]
        if not guessed and piece.weight <= coarse and makespan_s(weights, workers) <= share * _NEAR_ENOUGH:
            done.append(piece)
            break
        for half in _halves(piece, weigh):
            heapq.heappush(heap, (-half.weight, half.tests[0].index, half))
    return sorted([*done, *(piece for _, _, piece in heap)], key=lambda piece: piece.tests[0].index)


def _is_costly_to_split(tests: Sequence[PytestTest]) -> bool:
    """Tell whether a cut would have fixtures set up twice."""
    ends = (tests[0], tests[-1])
    one_class = ends[0].owner == ends[1].owner
    return any(test.file_wide or (one_class and test.class_wide) for test in ends)


def _halves(piece: _Piece, weigh: _Scale) -> tuple[_Piece, _Piece]:
    """Cut where the halves are most alike: between classes if there are any, else between tests."""
    tests = piece.tests
    cuts = [n for n in range(1, len(tests)) if tests[n - 1].owner != tests[n].owner] or range(1, len(tests))
    before, sums = 0.0, []
    for test in tests:
        before += weigh.of([test])
        sums.append(before)
    cut = min(cuts, key=lambda n: abs(piece.weight - 2 * sums[n - 1]))
    return weigh.piece(tests[:cut], splittable=True), weigh.piece(tests[cut:], splittable=True)


def _gathered(pieces: Sequence[_Piece], weigh: _Scale, total: float, workers: int, start_s: float) -> list[_Piece]:
    """Put small neighbours together: what each costs by itself would add up."""
    per_worker = _MOST_PER_WORKER if start_s < 0.1 else _COSTLY_PER_WORKER  # noqa: PLR2004  see `_cannot_pay`
    least = max(total / workers / per_worker, min(_WORTH_STARTS * start_s, total / workers))
    gathered: list[_Piece] = []
    for piece in pieces:
        if gathered and gathered[-1].weight + piece.weight <= least:
            gathered[-1] = weigh.piece([*gathered[-1].tests, *piece.tests])
        else:
            gathered.append(piece)
    return gathered


def _at_most(pieces: list[_Piece], weigh: _Scale, most: int | None) -> list[_Piece]:
    """Deal the pieces out, longest first, when there are more than may be."""
    if most is None or len(pieces) <= most:
        return pieces
    bins: list[tuple[float, int, list[PytestTest]]] = [(0.0, number, []) for number in range(most)]
    for piece in sorted(pieces, key=lambda piece: (-piece.weight, piece.tests[0].index)):
        weight, number, tests = bins[0]
        heapq.heapreplace(bins, (weight + piece.weight, number, [*tests, *piece.tests]))
    ordered = sorted(bins, key=lambda one: one[1])
    return [weigh.piece(sorted(tests, key=lambda test: test.index)) for _, _, tests in ordered if tests]


def _shard(piece: _Piece, durations: Mapping[str, float]) -> Shard:
    known = [durations.get(test.label) for test in piece.tests]
    expected = None if None in known else sum(seconds for seconds in known if seconds is not None)
    return Shard(tuple(test.index for test in piece.tests), expected)
