from decimal import Decimal

from meter.models import Tier
from meter.pricing import graduated_amount

tiers = (Tier(100, Decimal("0.10")), Tier(None, Decimal("0.08")))
assert graduated_amount(100, tiers) == Decimal("10.00")
assert graduated_amount(101, tiers) == Decimal("10.08"), graduated_amount(101, tiers)
