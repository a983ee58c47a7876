"""From quantities to amounts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from meter.models import Line, Plan, Tier
from meter.money import rounded


class UnpricedFeature(LookupError):
    """A plan has no price for a feature that was used."""


def volume_amount(quantity: int, tiers: tuple[Tier, ...]) -> Decimal:
    """Price all units at the tier that the whole quantity falls into."""
    for tier in tiers:
        if tier.up_to is None or quantity <= tier.up_to:
            return tier.unit_price * quantity
    raise ValueError(f"no tier reaches {quantity} units")


def usage_lines(plan: Plan, usage: Mapping[str, int]) -> list[Line]:
    """Return one line for each feature that was used, in alphabetical order."""
    lines = []
    for feature, quantity in sorted(usage.items()):
        if quantity == 0:
            continue
        tiers = plan.tiers.get(feature)
        if tiers is None:
            raise UnpricedFeature(f"plan {plan.name!r} has no price for {feature!r}")
        amount = rounded(volume_amount(quantity, tiers), plan.currency)
        lines.append(Line(text=feature, quantity=quantity, amount=amount))
    return lines
