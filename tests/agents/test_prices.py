"""Money is known, or said to be unknown."""

import pytest

from fanfold.agents.prices import cost_usd, estimate_tokens, most_tokens, priced, turn_usd
from fanfold.models import Usage


def test_cached_tokens_have_their_own_price():
    """The published prices of opus: 4 in, 20 out, 5 to write, 0.20 to read, a million tokens."""
    million = 1_000_000
    assert cost_usd("claude-opus-5-5", full=million) == pytest.approx(4)
    assert cost_usd("claude-opus-5-5", cache_write=million) == pytest.approx(5)
    assert cost_usd("claude-opus-5-5", cache_read=million) == pytest.approx(0.20)
    assert cost_usd("claude-opus-5-5", output=million) == pytest.approx(20)


def test_an_unknown_model_has_an_unknown_cost():
    """Unknown is not nothing, and it stays unknown in a sum."""
    assert cost_usd("no-such-model", full=1) is None
    usage = priced("no-such-model", Usage(input_tokens=1)) + Usage(cost_usd=1.0)
    assert usage.cost_usd is None


def test_usage_knows_what_it_would_have_cost_without_the_cache():
    """All input at the full price."""
    usage = priced("claude-sonnet-5-5", Usage(input_tokens=1000, cache_read_tokens=9000, output_tokens=100))
    assert usage.cost_uncached_usd == pytest.approx(cost_usd("claude-sonnet-5-5", full=10_000, output=100))
    assert usage.cost_usd is not None
    assert usage.cost_uncached_usd is not None
    assert usage.cost_usd < usage.cost_uncached_usd


@pytest.mark.parametrize("text", ["", "x", "diff\n+a\n-b\n" * 100, "漢字" * 100, "QUJDREVGRw==" * 50])
def test_the_worst_case_is_above_the_estimate(text):
    """What is reserved is never less than what is expected."""
    assert most_tokens(text) > estimate_tokens(text)
    worst = turn_usd("claude-opus-5-5", most_tokens(text), 1000)
    expected = cost_usd("claude-opus-5-5", cache_write=estimate_tokens(text), output=1000)
    assert worst is not None
    assert expected is not None
    assert worst > expected
