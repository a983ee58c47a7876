"""Dates and times as the clinic counts them."""

from datetime import timedelta


def age(born, day):
    """Return how many birthdays somebody has had on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def working_days(first, last):
    """Count the days from Monday to Friday from `first` up to, not including, `last`; 0 when there is none."""
    if last <= first:
        return 0
    weeks, rest = divmod((last - first).days, 7)
    return weeks * 5 + sum((first + timedelta(days=n)).weekday() < 5 for n in range(rest))


def overlap(start, minutes, other_start, other_minutes):
    """Tell whether two times have a moment in common; one may begin when the other ends."""
    end = start + timedelta(minutes=minutes)
    other_end = other_start + timedelta(minutes=other_minutes)
    return start < other_end and other_start < end
