"""What a sub-agent can look up, behind one call that never raises for anything a model can say."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from fanfold.agents.fence import fence
from fanfold.agents.spec import Lookup
from fanfold.agents.tools import TOOLS
from fanfold.agents.tools.base import Answer, Arguments, Tool, ToolReply
from fanfold.agents.tools.scope import Scope
from fanfold.agents.tools.watch import TIME_LIMIT_S, TooLate, ToolError, Watch
from fanfold.agents.tools.wording import echo
from fanfold.errors import TargetError
from fanfold.sources.target import Target

_AT_ONCE = 4
_GRACE_S = 10.0  # seconds after the limit until a thread that hangs in the system is left alone
_DIGEST_DIGITS = 16
_LONGEST_ARGUMENTS = 20_000  # characters of JSON; what was asked is stored
_LONGEST_NAME = 100
_FAULTS = 3


class Toolbox:
    """The tools, on one target.

    Calls run in threads, a few at a time, each with its own limits of time and output. A call that is cancelled
    ends soon after.
    """

    def __init__(self, target: Target) -> None:
        self.scope = Scope(target)
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    @property
    def definitions(self) -> tuple[dict[str, Any], ...]:
        """The tools for the Messages API: the same bytes in the same order for every target."""
        return tuple(tool.definition for tool in TOOLS.values())

    async def call(self, name: str, arguments: object) -> tuple[ToolReply, Lookup]:
        """Return the tool's reply, and what makes it checkable later; a fault of the model's is an error reply."""
        tool = TOOLS.get(name) if isinstance(name, str) else None
        if tool is None:
            said = str(name)[:_LONGEST_NAME].encode("utf-8", "replace").decode()
            message = f"Error: there is no tool {echo(said)}: there are {', '.join(TOOLS)}"
            return _replied(said, arguments, ToolReply(text=message, is_error=True))
        try:
            asked = tool.arguments.model_validate(arguments)
        except ValidationError as error:
            return _replied(tool.name, arguments, ToolReply(text=_faults(tool, error), is_error=True))
        return _replied(tool.name, asked.model_dump(), await self._answered(tool, asked))

    async def stands(self, lookups: Iterable[Lookup]) -> bool:
        """Tell whether the same lookups give the same replies now."""
        for tool, arguments, digest in dict.fromkeys(
            (lookup.tool, json.dumps(dict(lookup.arguments), sort_keys=True), lookup.digest) for lookup in lookups
        ):
            _, now = await self.call(tool, json.loads(arguments))
            if now.digest != digest:
                return False
        return True

    async def _answered(self, tool: Tool, asked: Arguments) -> ToolReply:
        loop = asyncio.get_running_loop()
        try:
            async with self._slots.setdefault(loop, asyncio.Semaphore(_AT_ONCE)):
                answer = await self._in_time(tool, asked)
        except ToolError as error:
            text = "\n".join([*([fence("names", error.read)] if error.read else []), f"Error: {error}"])
            return ToolReply(text=text, is_error=True)
        except (TargetError, OSError, MemoryError):  # its message may hold what nobody should read
            return ToolReply(text=f"Error: {tool.name} failed or took too long: ask for less", is_error=True)
        body = [fence(tool.name, answer.body)] if answer.body else []
        return ToolReply(text="\n".join([*body, answer.note]).strip(), cut=answer.cut)

    async def _in_time(self, tool: Tool, asked: Arguments) -> Answer:
        watch = Watch()
        try:
            async with asyncio.timeout(TIME_LIMIT_S + _GRACE_S):
                return await _in_thread(partial(tool.run, self.scope, asked, watch))
        except TimeoutError as error:
            raise TooLate(f"{tool.name} did not end in time") from error
        finally:
            watch.cancel()


async def _in_thread(work: Callable[[], Answer]) -> Answer:
    """Return what `work` does, or raise what it raises.

    The thread is its own: one that the system never lets go of, on a disk that is gone, holds up neither other calls
    nor the end of the program.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Answer] = loop.create_future()

    def settle(answer: Answer | None, error: BaseException | None) -> None:
        if done.done():  # nobody waits any more
            return
        if error is not None:
            done.set_exception(error)
        elif answer is not None:
            done.set_result(answer)

    def run() -> None:
        outcome: tuple[Answer | None, BaseException | None]
        try:
            outcome = (work(), None)
        except BaseException as error:  # noqa: BLE001  it is raised where the answer is awaited
            outcome = (None, error)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, *outcome)

    Thread(target=run, name="fanfold-tool", daemon=True).start()
    return await done


def _replied(tool: str, arguments: object, reply: ToolReply) -> tuple[ToolReply, Lookup]:
    digest = hashlib.sha256(reply.text.encode()).hexdigest()[:_DIGEST_DIGITS]
    return reply, Lookup(tool=tool, arguments=_kept(arguments), digest=digest)


def _kept(arguments: object) -> Mapping[str, Any]:
    """Return arguments as they can be stored; what isn't JSON, or is huge, can't be asked again."""
    try:
        text = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
        text.encode()
        kept = json.loads(text) if isinstance(arguments, Mapping) and len(text) <= _LONGEST_ARGUMENTS else {}
    except (TypeError, ValueError, RecursionError):
        return {}
    return dict(kept)


def _faults(tool: Tool, error: ValidationError) -> str:
    """Return what is wrong with the arguments, in words that a model can act on."""
    faults = [
        f"{echo('.'.join(map(str, fault['loc'])))}: {fault['msg'][:200]}" if fault["loc"] else fault["msg"][:200]
        for fault in error.errors(include_url=False, include_input=False, include_context=False)[:_FAULTS]
    ]
    names = ", ".join(tool.arguments.model_fields)
    return f"Error: {tool.name} takes {names}. {'; '.join(faults)}"
