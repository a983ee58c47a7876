"""One request to the stand-in Messages API, from its arrival to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fanfold.testing.books import Books, Recorded
from fanfold.testing.http1 import HttpRequest
from fanfold.testing.model_calls import ModelCalls
from fanfold.testing.prompt_cache import CacheUse
from fanfold.testing.wire import Piece, Playback

OK = 200
_NOTHING = Playback(None)


@dataclass
class Exchange:
    """One request on its way; it belongs to the books and limits of the time when it arrived."""

    request: HttpRequest
    record: Recorded
    books: Books
    calls: ModelCalls
    clock: Callable[[], float]
    playback: Playback = _NOTHING
    use: CacheUse | None = None

    def began(self) -> None:
        """Record the status; what the request writes to the cache can be read from now on."""
        status = self.playback.status or 0
        self.books.begin(self.record, status, self.clock())
        if self.use and status == OK:
            self.calls.begin_answer(self.use, self.record.arrived_s)

    def sent(self, piece: Piece) -> None:
        """Bill the output tokens that a piece adds."""
        more = piece.tokens - self.record.usage["output_tokens"]
        if self.use and more > 0:
            self.record.usage["output_tokens"] += more
            self.calls.spend_output(self.record.model, more)

    def ended(self, ending: str) -> None:
        """Close the record."""
        self.books.close(self.record, ending, self.clock())
