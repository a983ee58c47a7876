"""What `claude -p --output-format stream-json` says, read as it comes: progress, lookups, usage, and how it ended.

Its exit status and `subtype` say little: a failed call ends with `subtype: success`. What counts is `is_error`, and
then `terminal_reason`, `api_error`, `api_error_status` and the text of the result, as measured on version 2.1.330.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fanfold import errors
from fanfold.agents.api_errors import by_status
from fanfold.agents.prices import cost_usd, priced
from fanfold.agents.spec import A, AnswerTool
from fanfold.models import Usage, add_unknown

ANSWER_TOOL = "StructuredOutput"
"""The name that the CLI gives to the tool by which an answer that fits `--json-schema` is handed in."""

_LONGEST_LINE = 64 * 2**20
_SHORT = 300
_OLD = "unknown option"
# What comes before the fault in the CLI's words about an answer that does not fit.
_SCHEMA_SAYS = "does not match required schema: "


@dataclass(frozen=True, slots=True)
class Use:
    """A call of one of the CLI's own tools."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(slots=True)
class Transcript:
    """One sub-agent's events so far; `feed` takes stdout in pieces of any size.

    `began` says that the model's answer has begun, `usage` what was used so far. `uses` are the tools that it called,
    in order, `handed_in` is what it gave last as its answer. Lines that are no events count as `noise`.
    """

    model: str
    began: bool = False
    usage: Usage | None = None
    uses: list[Use] = field(default_factory=list)
    handed_in: Any = None
    result: Mapping[str, Any] | None = None
    noise: int = 0
    _rest: bytearray = field(default_factory=bytearray)
    _messages: dict[str, Usage] = field(default_factory=dict)
    _current: str = ""
    _refusal: str = ""
    _failure: str = ""
    _resets_at: float | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of stdout."""
        self._rest += data
        *lines, rest = bytes(self._rest).split(b"\n") if b"\n" in data else [bytes(self._rest)]
        self._rest = bytearray(rest if len(rest) <= _LONGEST_LINE else b"")
        for line in lines:
            self._take(line)

    def end(self) -> None:
        """Take a last line that no newline ended."""
        line, self._rest = bytes(self._rest), bytearray()
        self._take(line)

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            event = json.loads(line)
            self._event(event)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self.noise += 1

    def _event(self, event: Mapping[str, Any]) -> None:
        match event["type"]:
            case "stream_event":
                self._streamed(event["event"])
            case "assistant":
                self._spoken(event)
            case "result":
                self.result = event
                self._settle(event)
            case "rate_limit_event":
                self._limited(event["rate_limit_info"])
            case "system" if event.get("subtype") == "model_refusal_no_fallback":
                self._refusal = str(event.get("api_refusal_explanation") or event.get("api_refusal_category") or "")

    def _streamed(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "message_start":
            self.began = True
            self._current = str(event["message"]["id"])
            self._use(event["message"]["usage"])
        elif event["type"] == "message_delta":
            self._use(event["usage"])

    def _use(self, said: Mapping[str, Any]) -> None:
        """Note what one message has used so far, and what all have."""
        before = self._messages.get(self._current, Usage(requests=1))
        names = {
            "input_tokens": "input_tokens",
            "cache_write_tokens": "cache_creation_input_tokens",
            "cache_read_tokens": "cache_read_input_tokens",
            "output_tokens": "output_tokens",
        }
        counts = {ours: _count(said.get(theirs), getattr(before, ours)) for ours, theirs in names.items()}
        self._messages[self._current] = priced(self.model, Usage(requests=1, **counts))
        total = Usage()
        for usage in self._messages.values():
            total += usage
        self.usage = total

    def _spoken(self, event: Mapping[str, Any]) -> None:
        self._failure = str(event.get("error") or self._failure)
        for block in event["message"]["content"]:
            if block["type"] != "tool_use":
                continue
            if block["name"] == ANSWER_TOOL:
                self.handed_in = block["input"]
            else:
                self.uses.append(Use(str(block["name"]), dict(block["input"])))

    def _limited(self, info: Mapping[str, Any]) -> None:
        moment = info.get("resetsAt")
        if info.get("status") == "rejected" and isinstance(moment, int | float):
            self._resets_at = float(moment)

    def _settle(self, result: Mapping[str, Any]) -> None:
        """Take the usage of the result, which counts every model; the CLI's own cost stands."""
        total = Usage()
        uncached: float | None = 0.0
        for model, said in (result.get("modelUsage") or {}).items():
            read, write = _count(said.get("cacheReadInputTokens")), _count(said.get("cacheCreationInputTokens"))
            full, output = _count(said.get("inputTokens")), _count(said.get("outputTokens"))
            total += Usage(input_tokens=full, cache_write_tokens=write, cache_read_tokens=read, output_tokens=output)
            uncached = add_unknown(uncached, cost_usd(model, full=full + write + read, output=output))
        cost = result.get("total_cost_usd")
        known = isinstance(cost, int | float) and cost >= 0
        if total == Usage() and not self._messages:
            # Nothing was sent, or it was turned away.
            self.usage = Usage(requests=1)
            return
        if total == Usage():
            return
        self.usage = total.model_copy(
            update={
                "requests": max(1, len(self._messages)),
                "cost_usd": cost if known else None,
                "cost_uncached_usd": uncached,
            }
        )

    def answer(self, tool: AnswerTool[A], returncode: int, stderr: bytes) -> A:
        """Return the answer that was handed in. Raises the WorkerError that stands for how it ended otherwise."""
        if self.result is None:
            raise _without_result(returncode, stderr, self.noise)
        if self.result.get("is_error"):
            if self.handed_in is not None and self.result.get("terminal_reason") in _STOPPED:
                # Its turns or its money ended with the very turn that handed in the answer.
                return tool.validate(self.handed_in)
            raise self._failed(self.result)
        handed = self.result.get("structured_output")
        if handed is not None:
            return tool.validate(handed)
        text = str(self.result.get("result") or "").strip()
        if not text:
            raise errors.EmptyAnswer("the answer is empty")
        if not text.startswith("{"):
            raise errors.MissingToolCall(f"it ended without a call of `{tool.name}`: {_line(text)}")
        return tool.validate(text)

    def _failed(self, result: Mapping[str, Any]) -> errors.WorkerError:
        """Say what a result with `is_error` stands for."""
        said = _line(result.get("result") or "; ".join(map(str, result.get("errors") or ())) or "it gave no reason")
        said = said.rpartition(_SCHEMA_SAYS)[2].removeprefix("/")
        status = result.get("api_error_status")
        if result.get("stop_reason") == "refusal":
            return errors.Refused(f"the model declined: {_line(self._refusal) or said}")
        by_reason = _BY_REASON.get(str(result.get("terminal_reason"))) or _BY_ERROR.get(str(result.get("api_error")))
        if by_reason:
            return by_reason[0](f"{by_reason[1]}: {said}")
        if result.get("api_error") == "usage_limit_reached" or "limit_reached" in str(result.get("api_error_code")):
            return errors.NoCredit(f"{said}{self._reset()}; run the same command again then: what has an answer stays")
        if isinstance(status, int):
            return by_status(status, said, unauthorized=_REFUSED_LOGIN)
        return _by_kind(self._failure, said)

    def _reset(self) -> str:
        if self._resets_at is None:
            return ""
        try:
            return f" (until {datetime.fromtimestamp(self._resets_at, UTC):%Y-%m-%d %H:%M} UTC)"
        except (OverflowError, ValueError, OSError):
            return ""


_STOPPED = frozenset({"max_turns", "budget_exhausted", "structured_output_retry_exhausted"})
_BY_REASON: Mapping[str, tuple[type[errors.WorkerError], str]] = {
    "max_turns": (errors.MissingToolCall, "it used up its turns before it handed in an answer"),
    "structured_output_retry_exhausted": (errors.InvalidAnswer, "the answer does not fit its schema"),
    "budget_exhausted": (errors.FinalError, "it had spent what was reserved for it before it answered"),
    "blocking_limit": (errors.BadRequest, "the request does not fit the model's context window"),
    "prompt_too_long": (errors.BadRequest, "the request does not fit the model's context window"),
}
_BY_ERROR: Mapping[str, tuple[type[errors.WorkerError], str]] = {
    "max_output_tokens": (errors.Truncated, "the token limit ended the answer"),
}
_REFUSED_LOGIN = "the API refused the login (401): log in again with `claude auth login`"


def _by_kind(kind: str, said: str) -> errors.WorkerError:
    """Say what a failure without a status stands for, by the kind that the last message names."""
    if kind == "authentication_failed":
        return errors.Unauthorized(f"the claude CLI: {said}: log in with `claude auth login`")
    if kind == "billing_error":
        return errors.NoCredit(f"the claude CLI: {said}")
    return errors.ConnectionLost(f"the claude CLI: {said}")


def _without_result(returncode: int, stderr: bytes, noise: int) -> errors.WorkerError:
    """Say what it means that the CLI ended without a result."""
    said = _line(stderr.decode("utf-8", "replace")) or "it said nothing"
    if _OLD in said:
        return errors.FinalError(f"this claude CLI is too old for fanfold ({said}): update it with `claude update`")
    if returncode < 0:
        return errors.ConnectionLost(f"the claude CLI was ended by signal {-returncode}: is the machine out of memory?")
    if noise and not returncode:
        return errors.ConnectionLost(f"the claude CLI said nothing that fanfold understands ({noise} lines)")
    return errors.ConnectionLost(f"the claude CLI ended with exit code {returncode} and no result: {said}")


def _count(value: Any, otherwise: int = 0) -> int:
    return value if isinstance(value, int) and value >= 0 else otherwise


def _line(text: object) -> str:
    """Return text as one short line that a terminal can show."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())
    return line if len(line) <= _SHORT else f"{line[:_SHORT]}…"
