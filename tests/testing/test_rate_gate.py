"""The token buckets: how much they let through, how long they make wait, and what the headers say."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.limits import RateHeaders
from fanfold.testing.options import RateLimits
from fanfold.testing.rate_gate import RateGate

NOON = datetime(2026, 11, 1, 12, 0, 0, 500_000, tzinfo=UTC)


def _admitted(gate: RateGate, times: int, now_s: float, tokens: int = 1) -> int:
    return sum(gate.admit(tokens, now_s) is None for _ in range(times))


def test_requests_per_minute() -> None:
    """A full bucket lets its burst through and then its rate."""
    gate = RateGate(RateLimits(requests_per_minute=1200, burst_s=1), 0.0)
    assert _admitted(gate, 100, 0.0) == 20
    assert _admitted(gate, 100, 0.5) == 10
    assert _admitted(gate, 100, 60.0) == 20


def test_the_wait_is_exact() -> None:
    """Who waits as long as the bucket says is let in; who comes earlier is not, and loses nothing."""
    gate = RateGate(RateLimits(requests_per_minute=60, burst_s=1), 0.0)
    assert gate.admit(1, 0.0) is None
    wait_s = gate.admit(1, 0.25)
    assert wait_s is not None
    assert abs(wait_s - 0.75) < 1e-3
    assert gate.admit(1, 0.25 + wait_s) is None


def test_the_slowest_bucket_counts() -> None:
    """Input tokens hold back as requests do; a call that one bucket refuses takes from none."""
    gate = RateGate(RateLimits(requests_per_minute=60, input_tokens_per_minute=6000), 0.0)
    assert gate.admit(6000, 0.0) is None
    assert gate.admit(3000, 0.0) is not None
    assert gate.admit(0, 0.0) is None
    assert dict(gate.headers(0.0, NOON))["anthropic-ratelimit-requests-remaining"] == "58"


def test_a_call_larger_than_the_bucket() -> None:
    """Input that no bucket holds goes through when the bucket is full, and is paid off after it."""
    gate = RateGate(RateLimits(input_tokens_per_minute=6000), 0.0)
    assert gate.admit(9000, 0.0) is None
    wait_s = gate.admit(1, 0.0)
    assert wait_s is not None
    assert 30 < wait_s < 31


def test_output_counts_afterwards() -> None:
    """Output is not known beforehand: it may go into debt, and then nothing is let in until that is paid."""
    gate = RateGate(RateLimits(output_tokens_per_minute=600), 0.0)
    assert gate.admit(1, 0.0) is None
    gate.spend_output(700, 0.0)
    assert gate.admit(1, 10.0) is not None
    assert gate.admit(1, 10.2) is None


def test_no_limits_no_headers() -> None:
    """Without limits everything goes through and nothing is said."""
    gate = RateGate(RateLimits(), 0.0)
    assert _admitted(gate, 1000, 0.0, tokens=10**9) == 1000
    assert gate.headers(0.0, NOON) == []


def test_headers() -> None:
    """Each bucket says its size, what is left and when it is full, and `tokens` repeats the scarcer one."""
    gate = RateGate(RateLimits(requests_per_minute=60, input_tokens_per_minute=6000, output_tokens_per_minute=600), 0.0)
    gate.admit(100, 0.0)
    gate.spend_output(300, 0.0)
    assert dict(gate.headers(0.0, NOON)) == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-requests-reset": "2026-11-01T12:00:02Z",
        "anthropic-ratelimit-input-tokens-limit": "6000",
        "anthropic-ratelimit-input-tokens-remaining": "5900",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-01T12:00:02Z",
        "anthropic-ratelimit-output-tokens-limit": "600",
        "anthropic-ratelimit-output-tokens-remaining": "300",
        "anthropic-ratelimit-output-tokens-reset": "2026-11-01T12:00:31Z",
        "anthropic-ratelimit-tokens-limit": "600",
        "anthropic-ratelimit-tokens-remaining": "300",
        "anthropic-ratelimit-tokens-reset": "2026-11-01T12:00:31Z",
    }


def test_the_engine_reads_the_headers() -> None:
    """The engine's own parser understands what the server says."""
    gate = RateGate(RateLimits(requests_per_minute=60), 0.0)
    gate.admit(1, 0.0)
    said = RateHeaders.parse(dict(gate.headers(0.0, NOON)), NOON)
    assert said
    assert said.requests
    assert (said.requests.limit, said.requests.remaining, said.requests.reset_s) == (60, 59, 1.5)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200), st.floats(1, 600), st.floats(0.1, 60))
def test_never_more_than_the_limit(pauses: list[float], per_minute: float, burst_s: float) -> None:
    """In any order of calls, no more get through than a full bucket and its refill allow."""
    gate = RateGate(RateLimits(requests_per_minute=per_minute, burst_s=burst_s), 0.0)
    now_s, admitted = 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        admitted += gate.admit(0, now_s) is None
    assert admitted <= max(1.0, per_minute / 60 * burst_s) + per_minute / 60 * now_s + 1e-3
