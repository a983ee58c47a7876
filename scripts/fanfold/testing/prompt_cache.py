"""The accounting of Anthropic's prompt cache, on a clock that the caller holds.

After https://platform.claude.com/docs/en/build-with-claude/prompt-caching: a breakpoint ends a prefix that
may be read from and written to the cache. An entry can be read from the moment that the answer which writes
it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fanfold.testing.prompt import PromptBlock

# The positions that a breakpoint looks at for an entry, counted from its own.
LOOKBACK_BLOCKS = 20
_HOUR_S = 3600.0
_PRUNE_ABOVE = 10_000


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How one prompt meets the cache, in tokens; `writes` and `used` are entries as (digest, seconds of life)."""

    full: int
    read: int
    write_5m: int
    write_1h: int
    writes: tuple[tuple[bytes, float], ...] = ()
    used: tuple[tuple[bytes, float], ...] = ()

    @property
    def write(self) -> int:
        return self.write_5m + self.write_1h

    @property
    def total(self) -> int:
        return self.full + self.read + self.write


class PromptCache:
    """Which prefixes can be read, and until when; times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._expires_s: dict[bytes, float] = {}
        self._life_s: dict[bytes, float] = {}

    def look_up(self, blocks: Sequence[PromptBlock], minimum: int, now_s: float) -> CacheUse:
        """Return what a prompt reads and would write; prefixes under `minimum` tokens do neither."""
        marks = [place for place, block in enumerate(blocks) if block.life_s is not None and block.tokens >= minimum]
        hit = self._longest_hit(blocks, marks, now_s)
        read = blocks[hit].tokens if hit is not None else 0
        fresh = [blocks[place] for place in marks if hit is None or place > hit]
        short, long = _split_by_life(fresh, read)
        return CacheUse(
            full=(blocks[-1].tokens if blocks else 0) - read - short - long,
            read=read,
            write_5m=short,
            write_1h=long,
            writes=tuple((block.digest, block.life_s or 0.0) for block in fresh),
            used=self._used(blocks, marks, hit, now_s),
        )

    def start(self, use: CacheUse, now_s: float) -> None:
        """Begin a request: the entries that it uses live on from now."""
        for digest, life_s in use.used:
            self._expires_s[digest] = now_s + life_s

    def begin_answer(self, use: CacheUse, started_s: float) -> None:
        """Begin the answer of a request that started at `started_s`: what it writes can be read."""
        for digest, life_s in use.writes:
            self._expires_s[digest] = max(started_s + life_s, self._expires_s.get(digest, 0.0))
            self._life_s[digest] = life_s
        if len(self._expires_s) > _PRUNE_ABOVE:
            self._prune(started_s)

    def _longest_hit(self, blocks: Sequence[PromptBlock], marks: list[int], now_s: float) -> int | None:
        for mark in reversed(marks):
            for place in range(mark, max(mark - LOOKBACK_BLOCKS, -1), -1):
                if self._readable(blocks[place].digest, now_s):
                    return place
        return None

    def _used(
        self, blocks: Sequence[PromptBlock], marks: list[int], hit: int | None, now_s: float
    ) -> tuple[tuple[bytes, float], ...]:
        """Return the entry that is read, and those at breakpoints before it."""
        if hit is None:
            return ()
        digests = [blocks[place].digest for place in {*marks, hit} if place <= hit]
        return tuple((digest, self._life_s[digest]) for digest in digests if self._readable(digest, now_s))

    def _readable(self, digest: bytes, now_s: float) -> bool:
        return now_s < self._expires_s.get(digest, float("-inf"))

    def _prune(self, now_s: float) -> None:
        for digest in [digest for digest, expires_s in self._expires_s.items() if expires_s <= now_s]:
            del self._expires_s[digest], self._life_s[digest]


def _split_by_life(fresh: Sequence[PromptBlock], read: int) -> tuple[int, int]:
    """Return the tokens written for five minutes and for an hour; each breakpoint's life holds back to the last."""
    short = long = 0
    for block in fresh:
        part, read = block.tokens - read, block.tokens
        if block.life_s == _HOUR_S:
            long += part
        else:
            short += part
    return short, long
