"""How amounts are put into words: times, money, numbers of things."""

from __future__ import annotations

_MINUTE_S, _HOUR_S = 60, 3600


def duration(seconds: float) -> str:
    """Return seconds as `0.4 s`, `12 s`, `3 min 5 s` or `1 h 2 min`."""
    if seconds < 10:  # noqa: PLR2004  tenths matter only below
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"


def money(usd: float | None) -> str:
    """Return US dollars as `$0.42`, below a cent as `$0.0042`; unknown cost as `unknown cost`."""
    if usd is None:
        return "unknown cost"
    return f"${usd:.4f}" if 0 < usd < 0.01 else f"${usd:.2f}"  # noqa: PLR2004  a cent


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 finding`, `2 findings`, `no findings`."""
    word = noun if number == 1 else plural or f"{noun}s"
    return f"{number:,} {word}" if number else f"no {word}"
