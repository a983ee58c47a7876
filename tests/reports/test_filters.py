"""Numbers and runs, as a person says them."""

import pytest

from fanfold.reports.filters import count, duration, money


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (2.34, "2.3 s"), (59.4, "59 s"), (60, "1 min 0 s"), (185, "3 min 5 s"), (3720, "1 h 2 min")],
)
def test_durations(seconds, text):
    """Seconds as a person says them."""
    assert duration(seconds) == text


@pytest.mark.parametrize(("usd", "text"), [(None, "unknown cost"), (0.0, "$0.00"), (0.0042, "$0.0042"), (1.5, "$1.50")])
def test_money(usd, text):
    """Unknown is not nothing."""
    assert money(usd) == text


@pytest.mark.parametrize(("number", "text"), [(0, "no retries"), (1, "1 retry"), (1200, "1,200 retries")])
def test_counts(number, text):
    """One is singular."""
    assert count(number, "retry", "retries") == text
