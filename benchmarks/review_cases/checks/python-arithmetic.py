from datetime import date

from meter.periods import period_of, periods

anchor = date(2026, 1, 31)
for period in periods(anchor, date(2026, 6, 1)):
    assert period == period_of(anchor, period.start), period
