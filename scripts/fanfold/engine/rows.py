"""An outcome as the store keeps it: text, and a seal that says who wrote it.

A store comes with the repository that it lies in, and a repository under review may ship one that says "no findings".
So every row carries an HMAC under a secret of the user's own; a row without a valid one is as good as absent.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from fanfold.models import Outcome, Status, Unit, Usage

# An outcome that will be the same next time.
REUSABLE = frozenset({Status.OK, Status.REFUSED})


class Unstorable(Exception):
    """An outcome's value can't be written as its unit's `returns`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One outcome; `value` and `usage` are JSON, `created` is in seconds since 1970."""

    key: str
    kind: str
    label: str
    status: str
    value: str | None
    error: str | None
    usage: str
    created: float

    def seal(self, secret: bytes) -> bytes:
        """Return the HMAC-SHA256 of all that the row says."""
        return hmac.digest(secret, json.dumps(astuple(self)).encode(), "sha256")

    def sealed_by(self, secret: bytes, seal: object) -> bool:
        return isinstance(seal, bytes) and hmac.compare_digest(self.seal(secret), seal)


def encode(unit: Unit[Any], outcome: Outcome[Any], now: float) -> Row:
    """Return the row of an outcome; raises Unstorable when the value is not what the unit `returns`."""
    return Row(
        key=unit.key,
        kind=_text(unit.kind),
        label=_text(unit.label),
        status=outcome.status.value,
        value=_dumped(unit, outcome.value) if outcome.ok else None,
        error=None if outcome.error is None else _text(outcome.error),
        usage=outcome.usage.model_dump_json(),
        created=float(now),
    )


def decode(unit: Unit[Any], row: Row) -> Outcome[Any] | None:
    """Return the outcome that `row` keeps for `unit`; None when its value is not what the unit now returns."""
    try:
        status = Status(row.status)
        value = adapter(unit.returns).validate_json(row.value or "") if status is Status.OK else None
    except Exception:  # noqa: BLE001  a validator of the value's own type may raise anything: it is paid for again
        return None
    return Outcome(
        key=unit.key, label=unit.label, kind=unit.kind, status=status, value=value, error=row.error, reused=True
    )


def usage_in(row: Row) -> Usage:
    """Return what the outcome cost when it was made; nothing known when that can't be read."""
    try:
        return Usage.model_validate_json(row.usage)
    except ValidationError:
        return Usage(cost_usd=None, cost_uncached_usd=None)


def adapter(returns: Any) -> TypeAdapter[Any]:
    """Return what turns values of `returns` into JSON and back."""
    try:
        return _adapter(returns)
    except TypeError:
        return TypeAdapter(returns)


@lru_cache(maxsize=128)
def _adapter(returns: Any) -> TypeAdapter[Any]:
    return TypeAdapter(returns)


def _dumped(unit: Unit[Any], value: Any) -> str:
    try:
        return adapter(unit.returns).dump_json(value, warnings="error").decode()
    except (PydanticSerializationError, ValueError, TypeError) as error:
        raise Unstorable(
            f"the value of {unit.label} is not what the unit returns, so it can't be kept: {error}"
        ) from error


def _text(text: str) -> str:
    """Make names that are not UTF-8 fit for it."""
    return text.encode("utf-8", "backslashreplace").decode()
