"""What runs before a test: which of it a rerun is made after, and which of it disturbs the test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from fanfold.suites import TestAttempt, TestVerdict

# Each try is a process: enough to find one test among about a hundred, whichever half it is in.
MOST_TRIES = 14

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
