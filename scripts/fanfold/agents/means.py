"""What a sub-agent may still use: its turns, its tokens, and the money that was reserved for the attempt."""

from __future__ import annotations

from typing import Any

from fanfold.agents.conversation import Conversation, bytes_of
from fanfold.agents.prices import expected_tokens, most_tokens_of, turn_usd
from fanfold.agents.spec import AgentSpec
from fanfold.agents.units import CLOSING_TOKENS, reserve_usd

_ROUNDING_USD = 1e-9


class Means:
    """Judges conversations of one attempt at `spec`; sums are US dollars, None where prices are unknown.

    Turns and tokens bound how far it looks around; the reservation bounds everything. What one more turn may cost is
    counted at its worst: all of it written to the cache, and the longest answer.
    """

    def __init__(self, spec: AgentSpec[Any], *, again: bool, enlarged: bool) -> None:
        self._spec = spec
        self.max_tokens = spec.enlarged_tokens if enlarged else spec.max_tokens
        self._reserved_usd = reserve_usd(spec, again=again)

    def affords(self, said: Conversation, spent_usd: float | None) -> bool:
        """Tell whether one more turn is sure to fit into the reservation."""
        return self._fits(spent_usd, self._worst_usd(self._most(said)))

    def affords_conclusion(self, said: Conversation, spent_usd: float | None) -> bool:
        """Tell whether a turn that concludes fits, into the tokens as well."""
        return said.tokens + self._expected(said) <= self._spec.allowance.tokens and self.affords(said, spent_usd)

    def allows_more(self, said: Conversation, spent_usd: float | None) -> bool:
        """Tell whether the agent may look around for one more turn: it and the one that concludes must fit."""
        allowance = self._spec.allowance
        if said.turns + 2 > allowance.turns or said.tokens + 2 * self._expected(said) > allowance.tokens:
            return False
        most = self._most(said)
        conclusion = most + self.max_tokens + CLOSING_TOKENS
        return self._fits(spent_usd, self._worst_usd(most), self._worst_usd(conclusion))

    def _fits(self, *amounts: float | None) -> bool:
        if self._reserved_usd is None:
            return True
        return sum(amount or 0.0 for amount in amounts) <= self._reserved_usd + _ROUNDING_USD

    def _worst_usd(self, tokens: int) -> float | None:
        return turn_usd(self._spec.model, tokens, self.max_tokens)

    def _most(self, said: Conversation) -> int:
        """Bound the tokens of the next request: what was counted, and the most that came after may have."""
        if said.counted:
            return said.counted + most_tokens_of(said.fresh)
        return most_tokens_of(self._bytes(said))

    def _expected(self, said: Conversation) -> int:
        if said.counted:
            return said.counted + expected_tokens(said.fresh)
        return expected_tokens(self._bytes(said))

    def _bytes(self, said: Conversation) -> int:
        texts = sum(len(text.encode("utf-8", "replace")) for text in self._spec.texts)
        return texts + sum(bytes_of(message.content) for message in said.messages)
