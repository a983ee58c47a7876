"""What runs before a test: which of it a rerun is made after, and which of it disturbs the test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from fanfold.suites import TestAttempt, TestVerdict

# Each try is a process: enough to find one test among about a hundred, whichever half it is in.
MOST_TRIES = 14

MOST_S = 20.0
"""Seconds. What is run before a test to see whether it needs that is the whole of what pytest would run, for as long as
it takes no longer in all reruns of a suite; else that of its file, if it takes no longer."""

# Where that takes longer as well: the last of it that takes so long. What a test needs is seldom far.
_NEAR_S = 5.0

_ENDED = frozenset({TestVerdict.TIMED_OUT, TestVerdict.CRASHED})


def can_lead(told: Mapping[int, Sequence[TestAttempt]], indices: Sequence[int]) -> list[int]:
    """Leave out the tests that ever hung or took their process along, and those that still run: they may be hanging.

    Nothing would be heard of what comes after them.
    """
    return [index for index in indices if told.get(index) and all(one.outcome not in _ENDED for one in told[index])]


def last_of(indices: Sequence[int], took_s: Mapping[int, float], most_s: float) -> list[int]:
    """Return the last of `indices`, as many as took no longer than `most_s` seconds together."""
    found: list[int] = []
    for index in reversed(indices):
        most_s -= took_s.get(index, 0.0)
        if most_s < 0:
            break
        found.append(index)
    return found[::-1]


@dataclass
class Leads:
    """What may run before which test of a suite, all by index.

    `paths` are the files of its tests, in pytest's order; `told` and `took_s` what has become of them so far, and how
    many seconds each took.
    """

    paths: Mapping[int, str]
    told: Mapping[int, Sequence[TestAttempt]]
    took_s: Mapping[int, float]
    spare_s: float = MOST_S

    def among(self, indices: Sequence[int]) -> list[int]:
        """Return those of `indices` that can lead."""
        return can_lead(self.told, indices)

    def of(self, index: int) -> list[int]:
        """Return what pytest runs before a test: all of it, what of it is in its file, or the last of that."""
        earlier = self.among([other for other in self.paths if other < index])
        if self.is_quick(earlier, self.spare_s):
            return earlier
        near = [other for other in earlier if self.paths[other] == self.paths[index]]
        return near if self.is_quick(near) else last_of(near, self.took_s, _NEAR_S)

    def taken(self, index: int) -> list[int]:
        """Return what `of` does, and take its time from what all reruns may spend."""
        lead = self.of(index)
        self.spare_s -= sum(self.took_s.get(other, 0.0) for other in lead)
        return lead

    def is_quick(self, indices: Sequence[int], most_s: float = MOST_S) -> bool:
        """Tell whether these take no longer than so many seconds together."""
        return sum(self.took_s.get(index, 0.0) for index in indices) <= most_s

    def has_left_out(self, index: int, before: Sequence[int]) -> bool:
        """Tell whether pytest would have run others than `before`; of those that still run it is not known yet."""
        if any(other < index and other not in self.told for other in self.paths):
            return True
        lead = self.of(index)
        return bool(lead) and list(before[-len(lead) :]) != lead


async def shortest(
    lead: Sequence[int], fails: Callable[[Sequence[int]], Awaitable[bool]], most: int = MOST_TRIES
) -> tuple[int, ...]:
    """Halve `lead` for as long as a test still fails after one of the halves; each is tried, the later one first.

    What is returned is `lead` itself or was seen to make the test fail. Where it takes tests of both halves, or `most`
    tries are made, it stays as long as it is by then.
    """
    kept = tuple(lead)
    while len(kept) > 1:
        middle = len(kept) // 2
        for half in (kept[middle:], kept[:middle]):
            if not most:
                return kept
            most -= 1
            if await fails(half):
                kept = half
                break
        else:
            return kept
    return kept
