"""Cache priming: one unit of a shared prefix goes first, the others follow when its answer begins.

An entry of a prompt cache becomes readable when the answer that writes it begins; N identical prefixes sent
together all pay for writing it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from fanfold.engine.ports import Tell

# A cache entry lives five minutes from the start of the last request that used it; a little is taken off for transport.
LIFE_S = 290.0
WAIT_S = 30.0


@dataclass(slots=True)
class _Prefix:
    """One shared prefix: the turn that primes it now, those that wait, and when a primed entry was last used."""

    primer: Turn | None = None
    waiting: deque[asyncio.Future[Turn]] = field(default_factory=deque)
    used_at: float | None = None
    timer: asyncio.TimerHandle | None = None
    overdue: bool = False


class Turn:
    """One attempt's leave to go; the primer's answers for the others."""

    def __init__(self, primers: Primers, name: str, *, primes: bool) -> None:
        self._primers = primers
        self.name = name
        self.primes = primes

    def sent(self) -> None:
        """The attempt starts: from here on the others wait `wait_s` at most."""
        if self.primes:
            self._primers.sent(self)

    def began(self) -> None:
        """Its answer begins: the entry can be read."""
        if self.primes:
            self.primes = False
            self._primers.primed(self.name)

    def ended(self) -> None:
        """It is over; if its answer never began the next one primes."""
        if self.primes:
            self.primes = False
            self._primers.failed(self.name)


class Primers:
    """The turns of all prefixes. `tell` hears "prefix.priming" and "prefix.primed" with the prefix."""

    def __init__(self, tell: Tell, *, wait_s: float = WAIT_S, life_s: float = LIFE_S) -> None:
        self._tell = tell
        self._wait_s = wait_s
        self._life_s = life_s
        self._prefixes: dict[str, _Prefix] = {}

    async def turn(self, name: str) -> Turn:
        """Wait for leave to send a request with this prefix."""
        prefix = self._prefixes.setdefault(name, _Prefix())
        now = asyncio.get_running_loop().time()
        if prefix.used_at is not None and now - prefix.used_at < self._life_s:
            prefix.used_at = now
            return Turn(self, name, primes=False)
        if prefix.overdue:
            return Turn(self, name, primes=False)
        if prefix.primer is None:
            return self._next(name, prefix)
        place: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        prefix.waiting.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                place.result().ended()
            raise

    def sent(self, turn: Turn) -> None:
        prefix = self._prefixes[turn.name]
        loop = asyncio.get_running_loop()
        prefix.timer = loop.call_later(self._wait_s, self._give_up_waiting, prefix, turn.name)

    def primed(self, name: str) -> None:
        prefix = self._close(name)
        prefix.used_at = asyncio.get_running_loop().time()
        self._tell("prefix.primed", prefix=name)
        self._release_all(prefix, name)

    def failed(self, name: str) -> None:
        prefix = self._close(name)
        while prefix.waiting:
            place = prefix.waiting.popleft()
            if not place.done():
                place.set_result(self._next(name, prefix))
                return

    def _next(self, name: str, prefix: _Prefix) -> Turn:
        prefix.primer = Turn(self, name, primes=True)
        prefix.used_at = None
        self._tell("prefix.priming", prefix=name)
        return prefix.primer

    def _close(self, name: str) -> _Prefix:
        prefix = self._prefixes[name]
        prefix.primer, prefix.overdue = None, False
        if prefix.timer:
            prefix.timer.cancel()
            prefix.timer = None
        return prefix

    def _give_up_waiting(self, prefix: _Prefix, name: str) -> None:
        prefix.overdue = True
        self._release_all(prefix, name)

    def _release_all(self, prefix: _Prefix, name: str) -> None:
        while prefix.waiting:
            place = prefix.waiting.popleft()
            if not place.done():
                place.set_result(Turn(self, name, primes=False))
