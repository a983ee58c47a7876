"""Amounts are Decimals in the currency's main unit; they are rounded once, when a line is written."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_PLACES = {"JPY": 0, "KRW": 0, "BHD": 3, "KWD": 3}


def places(currency: str) -> int:
    """Return how many decimal places a currency has."""
    return _PLACES.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's smallest unit."""
    return amount.quantize(Decimal(1).scaleb(-places(currency)), ROUND_HALF_UP)


def shown(amount: Decimal, currency: str) -> str:
    return f"{rounded(amount, currency):,} {currency}"
