"""The limiter's transitions, as pure functions of what happens when."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.limiter import BUSY_SHARE, PROBE_ROUNDS, Limiter


def full(limiter: Limiter, rounds: int, now: float) -> Limiter:
    """Let `rounds` rounds of requests succeed while every slot is in use."""
    for _ in range(rounds):
        for _ in range(limiter.limit):
            limiter = limiter.succeeded(now, limiter.limit)
    return limiter


@pytest.mark.parametrize(
    ("most", "start", "begins"), [(1, None, 1), (64, None, 64), (1000, None, 64), (9, 4, 4), (3, 9, 3)]
)
def test_where_it_begins(most, start, begins):
    """By default with 64 slots at most; a wish is heard if there are that many."""
    assert Limiter.starting(most, start, 2.0).limit == begins


def test_slow_start_doubles_each_round():
    """Before the first cut every success is worth a slot."""
    limiter = Limiter(limit=4, most=100)
    assert [full(limiter, rounds, 0.0).limit for rounds in (1, 2, 3)] == [8, 16, 32]


def test_growth_after_a_cut_is_one_slot_a_round():
    """Additive increase, far below the ceiling."""
    limiter = Limiter(limit=50, most=100).rate_limited(0.0, 50)
    assert limiter.limit == 40
    assert [full(limiter, rounds, 10.0).limit for rounds in (1, 2, 3)] == [41, 42, 43]


def test_a_burst_of_rejections_cuts_once_a_cooldown():
    """The second rejection within the cooldown changes nothing, the first one after it cuts again."""
    limiter = Limiter(limit=100, most=100, cooldown_s=2.0).rate_limited(0.0, 100)
    assert limiter.limit == 80
    assert limiter.rate_limited(1.9, 80) == limiter
    assert limiter.rate_limited(2.0, 80).limit == 64


def test_no_growth_while_the_limit_is_not_in_use():
    """Below 80 % in use a success proves nothing about one slot more."""
    limiter = Limiter(limit=10, most=100)
    assert limiter.succeeded(0.0, 7) == limiter
    assert limiter.succeeded(0.0, 8).limit == 11


def test_no_growth_within_a_cooldown_of_a_cut():
    """What succeeds right after a cut was sent before it."""
    limiter = Limiter(limit=10, most=100, cooldown_s=2.0).rate_limited(0.0, 10)
    assert full(limiter, 5, 1.9) == limiter


def test_a_server_failure_pauses_growth_and_cuts_nothing():
    """5xx and 529 hold the limit for a cooldown."""
    limiter = Limiter(limit=10, most=100, cooldown_s=2.0).overloaded(0.0)
    assert limiter.limit == 10
    assert full(limiter, 5, 1.9) == limiter
    assert full(limiter, 1, 2.0).limit > 10


def test_the_ceiling_is_remembered_and_probed_just_above():
    """Up to the limit that was rejected a round buys a slot; from there on it takes many rounds for one."""
    limiter = Limiter(limit=20, most=100).rate_limited(0.0, 20)
    assert (limiter.limit, limiter.ceiling) == (16, 20)
    limiter = full(limiter, 4, 10.0)
    assert limiter.limit == 20
    assert full(limiter, PROBE_ROUNDS - 1, 10.0).limit == 20
    assert full(limiter, PROBE_ROUNDS, 10.0).limit == 21


def test_the_ceiling_is_what_was_in_use():
    """A rejection with few slots taken says that few were too many."""
    assert Limiter(limit=50, most=100).rate_limited(0.0, 12).ceiling == 12


EVENTS = st.lists(st.tuples(st.sampled_from(["ok", "429", "529"]), st.floats(0, 3), st.floats(0, 1)), max_size=200)


@given(most=st.integers(1, 200), start=st.integers(1, 200), events=EVENTS)
def test_it_stays_within_its_bounds_and_grows_only_when_busy(most, start, events):
    """Under any course of events: 1 ≤ limit ≤ most, one step up at a time, growth only at 80 % in use or more."""
    limiter, now = Limiter.starting(most, start, 2.0), 0.0
    for what, later, share in events:
        now += later
        in_use = round(share * limiter.limit)
        before = limiter
        match what:
            case "ok":
                limiter = limiter.succeeded(now, in_use)
                assert limiter.limit in (before.limit, before.limit + 1)
                assert limiter.limit == before.limit or in_use >= BUSY_SHARE * before.limit
            case "429":
                limiter = limiter.rate_limited(now, in_use)
                assert limiter.limit in (before.limit, max(1, math.floor(before.limit * 0.8)))
            case _:
                limiter = limiter.overloaded(now)
                assert limiter.limit == before.limit
        assert 1 <= limiter.limit <= most
