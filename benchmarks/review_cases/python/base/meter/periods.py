"""Billing periods: half-open intervals of dates."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, not including, `end`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


def add_months(day: date, months: int) -> date:
    """Return the same day some months later, or the last one of that month if it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def period_of(anchor: date, day: date) -> Period:
    """Return the monthly period, counted from `anchor`, that `day` falls into."""
    if day < anchor:
        raise ValueError(f"{day} is before the subscription began on {anchor}")
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    if add_months(anchor, months) > day:
        months -= 1
    return Period(add_months(anchor, months), add_months(anchor, months + 1))
