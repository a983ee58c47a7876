"""The loop of a sub-agent: ask, look up, tell, until it hands in its answer.

One engine attempt carries the conversation as far as it gets. What was said is kept for the unit's next attempt, which
goes on from the last complete turn: after a lost connection or a 429 nothing is paid twice, and after an answer that
can't be used the agent is told what was wrong with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from fanfold import errors
from fanfold.agents.conversation import (
    Call,
    Conversation,
    Handed,
    Paused,
    Replied,
    Turn,
    Unusable,
    Wanted,
    amended,
    answered,
    concluded,
    dropped,
    judge,
    paused,
    without,
)
from fanfold.agents.layout import request_of
from fanfold.agents.means import Means
from fanfold.agents.prices import expected_tokens
from fanfold.agents.spec import A, AgentSpec, Answered, Lookup
from fanfold.engine.attempt import Attempt
from fanfold.engine.gather import gather
from fanfold.models import Outcome, Usage

T = TypeVar("T")

_MOST_CALLS = 16
# An agent concludes when so many turns as slow as its slowest would take it beyond its deadline.
_TURNS_AHEAD = 3
# How often an agent whose tools are at work gives a sign of life.
_PULSE_S = 5.0
_NOTHING = Usage()
# A request of which nothing came back yet may be billed all the same.
_SENT = Usage(requests=1, cost_usd=None, cost_uncached_usd=None)
_REJECTED = Usage(requests=1)


class Reply(Protocol):
    """What a tool says."""

    @property
    def text(self) -> str: ...

    @property
    def is_error(self) -> bool: ...


class Tools(Protocol):
    """What looks things up; never raises, and ends in time."""

    async def call(self, name: str, arguments: object) -> tuple[Reply, Lookup]: ...


class Speak(Protocol):
    """Sends one request and returns the whole turn, streamed.

    Tells `attempt` of every event, and `spend` what the request has used so far. Raises WorkerError.
    """

    async def __call__(self, request: dict[str, Any], attempt: Attempt, spend: Callable[[Usage], None]) -> Turn: ...


async def converse(spec: AgentSpec[A], attempt: Attempt, speak: Speak, tools: Tools | None) -> Answered[A]:
    """Carry the conversation of `spec` on until its answer is here, with everything that was looked up for it.

    Charges `attempt` for all requests. Raises Refused, Truncated, EmptyAnswer, MissingToolCall, InvalidAnswer, or
    whatever `speak` does.
    """
    agent = _Agent(spec, attempt, speak, tools)
    while True:
        turn = await agent.next_turn()
        match judge(turn, spec.answer):
            case Handed(answer):
                return Answered(answer=answer, lookups=agent.said.lookups)
            case Wanted(calls):
                await agent.look_up(turn, calls)
            case Paused():
                agent.go_on(turn)
            case Unusable(error):
                raise agent.failed(turn, error)


class _Agent(Generic[A]):
    """One attempt at one conversation."""

    def __init__(self, spec: AgentSpec[A], attempt: Attempt, speak: Speak, tools: Tools | None) -> None:
        self._spec = spec
        self._attempt = attempt
        self._speak = speak
        self._tools = tools
        again = attempt.enlarge or attempt.correction is not None
        self._means = Means(spec, again=again, enlarged=attempt.enlarge)
        self._place = f"conversation {spec.key}"
        self._spent = _NOTHING
        self._slowest_s = 0.0
        # Read once: a hedge beside this attempt shares the memory, and goes its own way.
        self._said: Conversation | None = attempt.memory.get(self._place)

    @property
    def said(self) -> Conversation:
        """What was said so far, by this attempt and those before it."""
        return self._said or Conversation.opening(self._spec)

    @said.setter
    def said(self, said: Conversation) -> None:
        self._said = self._attempt.memory[self._place] = said

    def failed(self, turn: Turn, error: errors.WorkerError) -> errors.WorkerError:
        """Return `error`, and see that the next attempt goes on from behind it."""
        self.said = amended(self.said, turn, error, self._spec.answer.name)
        return error

    def go_on(self, turn: Turn) -> None:
        """Let the model go on after a pause, for as many turns as it has."""
        if self.said.turns >= self._spec.allowance.turns:
            raise self.failed(turn, errors.MissingToolCall("it paused, and had no turns left to go on"))
        self.said = paused(self.said, turn)

    # -- asking

    async def next_turn(self) -> Turn:
        """Ask for one more turn, if it is sure to fit into what the attempt may cost."""
        if not self._means.affords(self.said, self._spent.cost_usd):
            raise self._too_much()
        if self._spent.requests:
            await self._attempt.next_request(expected_tokens(self.said.fresh))
        request = request_of(
            self._spec,
            self.said,
            max_tokens=self._means.max_tokens,
            correction=None if self._said else self._attempt.correction,
        )
        asked_at = _now()
        turn = await self._ask(request)
        self._slowest_s = max(self._slowest_s, _now() - asked_at)
        self._spent += turn.usage
        self._attempt.charge(self._spent)
        self.said = self.said.heard(turn)
        return turn

    async def _ask(self, request: dict[str, Any]) -> Turn:
        used = _SENT

        def spend(usage: Usage) -> None:
            nonlocal used
            used = usage
            self._attempt.charge(self._spent + usage)

        spend(_SENT)
        try:
            return await self._speak(request, self._attempt, spend)
        except (errors.RateLimited, errors.Overloaded, errors.FinalError):
            if used is _SENT:
                spend(_REJECTED)
            raise

    def _too_much(self) -> errors.WorkerError:
        """Return why the attempt ends here; another one has its own reservation."""
        why = "one more turn may cost more than was reserved"
        if not self._spent.requests:
            return errors.BadRequest(f"{why}: look at less, or give it fewer turns")
        return errors.MissingToolCall(why)

    # -- looking up

    async def look_up(self, turn: Turn, calls: Sequence[Call]) -> None:
        """Reply to every call, in order, and go on; to conclude when there are no means for more."""
        tool = self._spec.answer.name
        if self.said.concluding:
            names = ", ".join(dict.fromkeys(f"`{call.name[:60]}`" for call in calls[:_MOST_CALLS]))
            raise self.failed(turn, errors.MissingToolCall(f"it was to call `{tool}` and called {names}"))
        replies = await self._replies(calls)
        after = answered(self.said, turn, replies)
        if self._has_time() and self._means.allows_more(after, self._spent.cost_usd):
            self.said = after
            return
        after = self._conclusion(turn, replies)
        if not self._means.affords(after, self._spent.cost_usd):
            self.said = dropped(self.said, tool)
            raise errors.MissingToolCall("what it wanted to know costs more than was reserved")
        self.said = after

    def _conclusion(self, turn: Turn, replies: list[Replied]) -> Conversation:
        """Tell the agent to conclude, with as many of the replies, the first ones first, as there is room for."""
        held_back = (n for n in reversed(range(len(replies))) if replies[n].lookup)
        while True:
            after = concluded(self.said, turn, replies, self._spec.answer.name)
            if self._means.affords_conclusion(after, self._spent.cost_usd):
                return after
            place = next(held_back, None)
            if place is None:
                return after
            replies[place] = without(replies[place])

    def _has_time(self) -> bool:
        """Tell whether one more turn is likely to leave time for the one that concludes."""
        return self._attempt.remaining_s() >= _TURNS_AHEAD * self._slowest_s

    async def _replies(self, calls: Sequence[Call]) -> list[Replied]:
        """Look everything up at the same time; a call too many, or of no tool, is told so."""
        refused = {n: why for n, call in enumerate(calls) if (why := self._why_not(n, call))}
        wanted = [(n, call) for n, call in enumerate(calls) if n not in refused]
        work = gather([partial(self._run, call) for _, call in wanted], jobs=_MOST_CALLS)
        outcomes = await self._while_alive(work)
        found = {n: _replied(call, outcome) for (n, call), outcome in zip(wanted, outcomes, strict=True)}
        return [found.get(n) or Replied(call, refused[n], is_error=True) for n, call in enumerate(calls)]

    async def _run(self, call: Call) -> tuple[Reply, Lookup]:
        if self._tools is None:
            raise LookupError("there are no tools here")
        return await self._tools.call(call.name, call.arguments)

    async def _while_alive(self, work: Awaitable[T]) -> T:
        """Wait for `work`, which is no silence."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=_PULSE_S)
                self._attempt.alive()
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def _why_not(self, place: int, call: Call) -> str | None:
        known = {str(tool["name"]) for tool in self._spec.brief.lookups}
        if call.name not in known:
            return f"there is no such tool for you; hand in your answer with `{self._spec.answer.name}`"
        if place >= _MOST_CALLS:
            return f"not run: at most {_MOST_CALLS} calls a turn"
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _replied(call: Call, outcome: Outcome[tuple[Reply, Lookup]]) -> Replied:
    if outcome.value is None:
        return Replied(call, f"the tool failed: {outcome.error}", is_error=True)
    reply, lookup = outcome.value
    return Replied(call, reply.text, reply.is_error, lookup)
