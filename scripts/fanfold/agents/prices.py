"""What tokens cost, by `genai-prices`; a model that it doesn't know has an unknown cost, not none."""

from __future__ import annotations

import math
from functools import lru_cache

from fanfold.models import Usage

# Measured on the current tokenizers: characters a token. Four, the folk figure, undercounts diffs by 45 %.
_DENSE_CHARACTERS = 2.2
# No text that was measured, base64 and CJK included, came below this many UTF-8 bytes a token.
_WORST_BYTES = 1.5
# What a request carries besides its texts: roles, block structure, the system's own preamble.
_REQUEST_OVERHEAD_TOKENS = 500


def estimate_tokens(text: str) -> int:
    """Expect this many tokens of `text` (diffs and JSON; prose has fewer)."""
    return expected_tokens(len(text))


def expected_tokens(characters: int) -> int:
    """Expect this many tokens of so many characters."""
    return math.ceil(characters / _DENSE_CHARACTERS)


def beginning_of(text: str, tokens: int) -> str:
    """Return as many whole lines from the beginning of `text` as are expected to have so many tokens."""
    if estimate_tokens(text) <= tokens:
        return text
    share = tokens / estimate_tokens(text)
    return text[: int(len(text) * share)].rpartition("\n")[0]


def most_tokens(text: str) -> int:
    """Bound the tokens of a request holding `text` from above."""
    return most_tokens_of(len(text.encode("utf-8", "replace")))


def most_tokens_of(size: int) -> int:
    """Bound the tokens of a request whose texts have `size` bytes of UTF-8 from above."""
    return math.ceil(size / _WORST_BYTES) + _REQUEST_OVERHEAD_TOKENS


def cost_usd(
    model: str,
    *,
    full: int = 0,
    cache_write: int = 0,
    cache_read: int = 0,
    output: int = 0,
    batch: bool = False,
) -> float | None:
    """Price tokens in US dollars; None when the model's price is not known.

    `full` are input tokens at the full price, apart from those written to and read from the cache. In a message
    `batch` all of them cost less.
    """
    return _price(model, full, cache_write, cache_read, output, batch=batch)


@lru_cache(maxsize=4096)
def _price(model: str, full: int, write: int, read: int, output: int, *, batch: bool) -> float | None:
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    usage = PricedUsage(
        input_tokens=full + write + read,
        cache_write_tokens=write,
        cache_read_tokens=read,
        output_tokens=output,
    )
    try:
        context = {"processing": "batch"} if batch else None
        price = calc_price(usage, model_ref=model, provider_id="anthropic", price_context=context)
        return float(price.total_price)
    except LookupError:
        return None


def priced(model: str, usage: Usage, *, batch: bool = False) -> Usage:
    """Return `usage` with its cost, and what the same call would have cost without a cache."""
    read, write = usage.cache_read_tokens, usage.cache_write_tokens
    tokens = usage.input_tokens + read + write
    return usage.model_copy(
        update={
            "cost_usd": cost_usd(
                model,
                full=usage.input_tokens,
                cache_write=write,
                cache_read=read,
                output=usage.output_tokens,
                batch=batch,
            ),
            "cost_uncached_usd": cost_usd(model, full=tokens, output=usage.output_tokens, batch=batch),
        }
    )


def turn_usd(model: str, tokens: int, output: int) -> float | None:
    """Price one turn at its worst: all its `tokens` written to the cache, and the longest `output`."""
    return cost_usd(model, cache_write=tokens, output=output)
