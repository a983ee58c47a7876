from datetime import date

import pytest

from meter.periods import Period, add_months, period_of


def test_months_end_where_they_end():
    assert add_months(date(2026, 1, 15), 1) == date(2026, 2, 15)
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)


def test_a_period_is_counted_from_the_anchor():
    assert period_of(date(2026, 1, 10), date(2026, 3, 9)) == Period(date(2026, 2, 10), date(2026, 3, 10))
    with pytest.raises(ValueError, match="before"):
        period_of(date(2026, 1, 10), date(2026, 1, 9))
