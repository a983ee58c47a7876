"""Every exception that fanfold raises on purpose.

    FanfoldError
    ├── UsageError               the request can't be understood (exit 2)
    │   ├── ConfigError          a configuration file, key or value
    │   ├── TargetError          what was to be looked at can't be resolved
    │   └── TemplateError        a report template doesn't compile or render
    ├── NothingToDo              the target is empty (exit 4)
    ├── OutputError              a product can't be written
    └── WorkerError              raised by a worker; the engine turns it into an outcome
        ├── TransientError       asking again may help
        │   ├── RateLimited      429: everybody waits until `retry_after_s`
        │   ├── Overloaded       500, 502, 503, 504, 529
        │   └── ConnectionLost   refused, reset, cut, ended early, silent, not an API answer
        ├── AnswerError          the answer came and can't be used; asked again once
        │   ├── Truncated        the token limit ended it
        │   ├── EmptyAnswer      there is nothing in it
        │   ├── MissingToolCall  it ended without the call that hands in the answer
        │   └── InvalidAnswer    it does not fit its schema
        └── FinalError           asking again can't help
            ├── Unauthorized     401, 403
            ├── NoCredit         402, or a spend limit
            ├── NotFound         404: no such model
            ├── BadRequest       400, 413 and the other 4xx
            ├── Unanswered       nobody has answered it yet: it counts as not run
            └── Refused          the model declined

A message says what happened, with which value, and what to do about it.
"""

from __future__ import annotations


class FanfoldError(Exception):
    """Base of all of them."""


class UsageError(FanfoldError):
    """The request can't be understood."""


class ConfigError(UsageError):
    """A configuration file, key or value is wrong."""


class TargetError(UsageError):
    """What was to be looked at can't be resolved."""


class TemplateError(UsageError):
    """A report template doesn't compile or render."""


class NothingToDo(FanfoldError):
    """The target is empty."""


class OutputError(FanfoldError):
    """A product can't be written."""


class WorkerError(FanfoldError):
    """A worker couldn't turn its unit into a value."""


class TransientError(WorkerError):
    """Asking again may help.

    `retry_after_s` is the wait in seconds that the server asked for, None when it named none.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(TransientError):
    """Too many requests or tokens a minute: everybody in the same lane waits."""


class Overloaded(TransientError):
    """The server failed or is overloaded."""


class ConnectionLost(TransientError):
    """The connection was refused, reset, cut or silent, or the answer was no API answer."""


class AnswerError(WorkerError):
    """The answer came, was paid for, and can't be used; it is asked for once more."""


class Truncated(AnswerError):
    """The token limit ended the answer."""


class EmptyAnswer(AnswerError):
    """There is nothing in the answer."""


class MissingToolCall(AnswerError):
    """The sub-agent ended without the call that hands in its answer."""


class InvalidAnswer(AnswerError):
    """The answer does not fit its schema; the message says where."""


class FinalError(WorkerError):
    """Asking again can't help."""


class Unauthorized(FinalError):
    """The credential is missing, wrong, or may not do this."""


class NoCredit(FinalError):
    """No credit is left, or a spend limit was reached."""


class NotFound(FinalError):
    """The model or the resource does not exist."""


class BadRequest(FinalError):
    """The request itself was rejected."""


class Unanswered(FinalError):
    """Somebody else is to answer it, and has not yet."""


class Refused(FinalError):
    """The model declined to answer."""
