"""Token buckets, what a server reports, and the tempo of one that reports nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.limits import LaneLimits, RateHeaders, Window
from fanfold.engine.pacing import Bucket, Pacer, Tempo

SLACK_S = 0.001


@given(
    rate=st.floats(0.1, 1000),
    capacity=st.floats(1, 1000),
    gaps=st.lists(st.floats(0, 10), min_size=1, max_size=100),
)
def test_a_bucket_gives_no_more_than_its_rate(rate, capacity, gaps):
    """Who waits as told takes at most the capacity and what was refilled since, over any time."""
    bucket, now = Bucket(rate, capacity, capacity, 0.0), 0.0
    for taken, gap in enumerate(gaps, start=1):
        now += gap
        now += bucket.wait_s(1, now)
        bucket.take(1, now)
        assert taken <= capacity + rate * now + 1e-6


def test_a_request_larger_than_the_bucket_goes_when_it_is_full():
    """Else it would never go; the debt is refilled before anything else goes."""
    bucket = Bucket(rate=10, capacity=100, level=100, at=0.0)
    assert bucket.wait_s(250, 0.0) == 0.0
    bucket.take(250, 0.0)
    assert bucket.wait_s(1, 0.0) == pytest.approx(15.1 + SLACK_S)


def test_configured_rates_pace_requests_and_tokens():
    """The tighter of the two decides."""
    pacer = Pacer(LaneLimits(requests_per_minute=60, tokens_per_minute=600), 0.0)
    assert pacer.wait_s(10, 0.0) == 0.0
    pacer.sent(10, 0.0)
    assert pacer.wait_s(0, 0.0) == pytest.approx(1 + SLACK_S)
    pacer.sent(30, 2.0)
    assert pacer.wait_s(10, 4.0) == pytest.approx(1 + SLACK_S)


def report(remaining: float) -> RateHeaders:
    return RateHeaders(requests=Window(limit=600, remaining=remaining, reset_s=(600 - remaining) / 10))


def test_a_report_paces_from_what_is_left():
    """Ten a second, none left: the next goes a tenth of a second later."""
    pacer = Pacer(LaneLimits(), 0.0)
    pacer.sent(0, 0.0)
    pacer.counted(0)
    pacer.report(report(0), 0.0)
    assert pacer.wait_s(0, 0.0) == pytest.approx(0.1 + SLACK_S)


def test_a_limit_that_is_whole_again_sooner_than_in_a_minute():
    """Of a limit of 20, none left, and all of it in a second: 20 a second come back, not 20 a minute."""
    assert Window(20, 0, 1.0).refill_per_s == 20
    assert Window(1200, 1190, 1.0).refill_per_s == 20
    assert Window(1200, 0, None).refill_per_s == 20


def test_requests_on_their_way_are_not_in_the_report():
    """Three sent, one answered with five left: three may go, not five."""
    pacer = Pacer(LaneLimits(), 0.0)
    for _ in range(3):
        pacer.sent(0, 0.0)
    pacer.counted(0)
    pacer.report(report(5), 0.0)
    for _ in range(3):
        assert pacer.wait_s(0, 0.0) == 0.0
        pacer.sent(0, 0.0)
    assert pacer.wait_s(0, 0.0) > 0


def test_a_rejected_request_gives_back_what_it_did_not_take():
    """The server counts no request that it turns away."""
    pacer = Pacer(LaneLimits(), 0.0)
    for _ in range(40):
        pacer.sent(0, 0.0)
    pacer.counted(0)
    pacer.report(report(0), 0.0)
    for _ in range(39):
        pacer.spared(0)
    assert pacer.wait_s(0, 0.0) == pytest.approx(0.1 + SLACK_S)


def test_a_server_that_holds_less_than_a_minute():
    """After a long rest only as many go at once as the server was seen to have left."""
    pacer = Pacer(LaneLimits(), 0.0)
    pacer.sent(0, 0.0)
    pacer.counted(0)
    pacer.report(report(2), 0.0)
    for _ in range(2):
        assert pacer.wait_s(0, 1000.0) == 0.0
        pacer.sent(0, 1000.0)
    assert pacer.wait_s(0, 1000.0) > 0


def test_the_tighter_of_two_token_limits_counts():
    """Input tokens and all tokens are reported apart; what has less left decides."""
    pacer = Pacer(LaneLimits(), 0.0)
    pacer.report(RateHeaders(tokens=Window(60000, 500), input_tokens=Window(60000, 100)), 0.0)
    assert pacer.wait_s(100, 0.0) == 0.0
    assert pacer.wait_s(300, 0.0) == 0.0  # larger than was ever seen to be there: it goes when that is full
    pacer.sent(100, 0.0)
    assert pacer.wait_s(100, 0.0) == pytest.approx(0.1 + SLACK_S)


def test_no_tempo_before_the_first_rejection():
    """Nothing is held back that nobody has complained about."""
    tempo = Tempo()
    for _ in range(100):
        tempo.sent(0.0)
    assert tempo.wait_s(0.0) == 0.0


def test_the_tempo_is_what_was_admitted_over_the_time_it_took():
    """50 sent, 30 rejected, and a second until sending goes on: 20 a second."""
    tempo = Tempo()
    for _ in range(50):
        tempo.sent(0.0)
    for _ in range(30):
        tempo.rejected()
    tempo.learn(1.0)
    tempo.sent(1.0)
    assert tempo.wait_s(1.0) == pytest.approx(0.05 + SLACK_S)


def test_the_tempo_grows_again():
    """Far below the rate that was refused it doubles each second, so a limit that was raised is found."""
    tempo = Tempo()
    tempo.sent(0.0)
    tempo.rejected()
    tempo.learn(1.0)
    now, sent = 1.0, 0
    while now < 8.0:
        if wait_s := tempo.wait_s(now):
            now += wait_s
        else:
            tempo.sent(now)
            sent += 1
    assert 100 < sent < 250
