"""What a server says about its limits, and what a lane is told."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.limits import LaneLimits, RateHeaders, Window

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def test_the_headers_of_the_messages_api():
    """Limit, remaining and the moment of the reset, for each of four measures, whatever the case of the names."""
    headers = {
        "Anthropic-RateLimit-Requests-Limit": "1200",
        "anthropic-ratelimit-requests-remaining": "17",
        "anthropic-ratelimit-requests-reset": "2026-11-20T12:00:59Z",
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "39000",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-20T11:59:00Z",
        "content-type": "application/json",
    }
    assert RateHeaders.parse(headers, NOW) == RateHeaders(
        requests=Window(1200, 17, 59.0), input_tokens=Window(40000, 39000, 0.0)
    )


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("1.5", 1.5), ("0", 0.0), ("soon", None), ("", None), ("2026-11-20T12:00:02", 2.0), ("-3", None)],
)
def test_resets(reset, seconds):
    """A number is seconds, a moment without a zone is UTC, and what is neither is unknown."""
    headers = {"x-ratelimit-tokens-limit": "9", "x-ratelimit-tokens-remaining": "3", "x-ratelimit-tokens-reset": reset}
    assert RateHeaders.parse(headers, NOW) == RateHeaders(tokens=Window(9, 3, seconds))


def test_the_servers_own_clock_counts():
    """A reset is seen from the moment that the answer says it is, whatever this machine's clock says."""
    headers = {
        "date": "Fri, 20 Nov 2026 11:59:50 GMT",
        "ratelimit-requests-limit": "9",
        "ratelimit-requests-remaining": "3",
        "ratelimit-requests-reset": "2026-11-20T12:00:00Z",
    }
    assert RateHeaders.parse(headers) == RateHeaders(requests=Window(9, 3, 10.0))
    parsed = RateHeaders.parse({**headers, "date": "noon"})
    assert parsed is not None
    assert parsed.requests is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": "3"},
        {"anthropic-ratelimit-requests-limit": "5"},
        {"anthropic-ratelimit-requests-limit": "0", "anthropic-ratelimit-requests-remaining": "0"},
        {"anthropic-ratelimit-requests-limit": "many", "anthropic-ratelimit-requests-remaining": "few"},
        {"anthropic-ratelimit-requests-limit": "inf", "anthropic-ratelimit-requests-remaining": "nan"},
    ],
)
def test_what_says_nothing_is_none(headers):
    """Headers that are missing, partial or nonsense don't pace anything."""
    assert RateHeaders.parse(headers) is None


def test_more_left_than_there_is():
    """What remains is never more than the limit."""
    parsed = RateHeaders.parse({"ratelimit-tokens-limit": "5", "ratelimit-tokens-remaining": "50"})
    assert parsed == RateHeaders(tokens=Window(5, 5))


@given(
    st.dictionaries(
        st.sampled_from(["ratelimit-tokens-limit", "ratelimit-tokens-remaining", "ratelimit-tokens-reset"]), st.text()
    )
)
def test_no_header_breaks_the_reader(headers):
    """Whatever a server or a proxy sends, the reader returns."""
    parsed = RateHeaders.parse(headers)
    assert parsed is None or (parsed.tokens is not None and 0 <= parsed.tokens.remaining <= parsed.tokens.limit)


@pytest.mark.parametrize("name", ["limit", "start", "requests_per_minute", "first_event_s", "silence_s", "cooldown_s"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_limit_that_limits_nothing_is_refused(name, value):
    """A lane's limit is a positive number, and the error says which one is not."""
    with pytest.raises(ValueError, match=name):
        LaneLimits(**{name: value})
