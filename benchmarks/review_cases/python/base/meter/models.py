"""What the service talks about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum


class Status(Enum):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Event:
    """One use of a metered feature. `id` is the sender's; the same id is the same event."""

    id: str
    customer: str
    feature: str
    quantity: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` cost `unit_price` each; None is without an end."""

    up_to: int | None
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    currency: str
    base_fee: Decimal
    tiers: dict[str, tuple[Tier, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscription:
    id: str
    customer: str
    plan: Plan
    anchor: date
    ended: date | None = None


@dataclass(slots=True)
class Line:
    text: str
    quantity: int
    amount: Decimal


@dataclass(slots=True)
class Payment:
    reference: str
    amount: Decimal
    at: datetime


@dataclass(slots=True)
class Invoice:
    number: str
    customer: str
    currency: str
    lines: list[Line] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    status: Status = Status.DRAFT
    issued: date | None = None

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def due(self) -> Decimal:
        return self.total - sum((payment.amount for payment in self.payments), Decimal(0))
