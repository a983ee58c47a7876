from decimal import Decimal

import pytest

from meter.models import Plan, Tier
from meter.pricing import UnpricedFeature, usage_lines, volume_amount

TIERS = (Tier(100, Decimal("0.10")), Tier(None, Decimal("0.08")))
PLAN = Plan("Team", "EUR", Decimal(20), {"calls": TIERS})


def test_volume_takes_the_tier_of_the_whole_quantity():
    assert volume_amount(50, TIERS) == Decimal("5.00")
    assert volume_amount(200, TIERS) == Decimal("16.00")


def test_a_feature_without_a_price_is_an_error():
    with pytest.raises(UnpricedFeature):
        usage_lines(PLAN, {"storage": 1})
