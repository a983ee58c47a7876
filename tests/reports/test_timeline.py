"""The timeline: each unit's time in one lane, what hung on what, and a drawing that stays small and harmless."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.events import Event
from fanfold.models import Status, Timing, UnitRecord, Usage
from fanfold.reports.hostile import ATTACK
from fanfold.reports.samples import FULL, HOSTILE
from fanfold.reports.timeline import Bar, Timeline, timeline_of
from fanfold.reports.timeline_svg import MOST_BARS, MOST_LANES, marks_of, notes_on, timeline_svg, told_of

SECONDS = st.integers(0, 60).map(float)


def unit(label, start_s, end_s, queued_s=0.0, **fields):
    values = {"key": label, "label": label, "kind": "finder", "status": Status.OK, "attempts": 1, **fields}
    return UnitRecord(queued_s=queued_s, started_s=start_s, ended_s=end_s, **values)


def run_of(*units, wall_s=0.0):
    return FULL.model_copy(update={"units": units, "timing": Timing(wall_s=wall_s)})


def labels(bars):
    return [bar.label for bar in bars]


@st.composite
def many_units(draw):
    spans = draw(st.lists(st.tuples(SECONDS, SECONDS, SECONDS, st.integers(0, 3)), max_size=40))
    return tuple(
        unit(f"u{n}", queued + waited, queued + waited + took, queued, attempts=attempts)
        for n, (queued, waited, took, attempts) in enumerate(spans)
    )


@given(many_units())
def test_every_unit_that_ran_is_in_one_lane_and_no_two_overlap(units):
    """There are as many lanes as units ran at once, and the path is a chain of bars of which none begins too early."""
    timeline = timeline_of(run_of(*units))
    ran = [one for one in units if one.attempts]
    assert sorted(labels(timeline.bars)) == sorted(one.label for one in ran)
    for lane in timeline.lanes:
        assert all(before.end_s <= after.start_s for before, after in pairwise(lane))
    moments = {one.started_s for one in ran}
    busy = [
        sum(one.started_s <= at < one.ended_s or at == one.started_s == one.ended_s for one in ran) for at in moments
    ]
    assert len(timeline.lanes) <= max(busy, default=0) + sum(one.started_s == one.ended_s for one in ran)
    path = timeline.critical
    assert all(before.end_s <= after.start_s + 0.001 for before, after in pairwise(path))
    assert not ran or path[-1].end_s == max(one.ended_s for one in ran)
    assert {bar.key for bar in path} == {bar.key for bar in timeline.bars if bar.critical}


@given(many_units())
def test_as_many_wait_as_were_queued_and_not_started(units):
    """The number of those that wait is never below none, and ends at none."""
    steps = timeline_of(run_of(*units)).waiting
    assert all(number >= 0 for _, number in steps)
    assert not steps or steps[-1][1] == 0
    for at, number in steps:
        assert number == sum(u.queued_s <= at < u.started_s for u in units if u.attempts)


def test_stored_outcomes_and_units_that_never_ran_take_no_lane():
    """They are told apart from work."""
    units = (unit("a", 0, 1), unit("b", 0.2, 0.2, reused=True), unit("c", 0, 0, attempts=0, status=Status.NOT_RUN))
    timeline = timeline_of(run_of(*units))
    assert [labels(lane) for lane in timeline.lanes] == [["a"]]
    assert timeline.reused == ((0.2, "b"),)
    assert timeline.never == ("c",)


def test_the_path_goes_back_from_what_ended_last():
    """Each of its bars began when the one before it ended; what ended earlier held nothing up."""
    timeline = timeline_of(run_of(unit("a", 0, 5), unit("b", 0, 3), unit("c", 3, 4), unit("d", 5, 9), unit("e", 4, 8)))
    assert labels(timeline.critical) == ["a", "d"]
    assert timeline.idle_s == 0


def test_idle_seconds_of_the_path_are_told():
    """What the path waited for with nobody at work."""
    assert timeline_of(run_of(unit("a", 1, 2), unit("b", 5, 6))).idle_s == pytest.approx(4)


def test_the_record_alone_tells_retries_hedges_and_who_primed():
    """Without events a unit is one bar with marks."""
    units = (
        unit("a", 1, 5, usage=Usage(cache_write_tokens=9), attempts=3),
        unit("b", 2, 5, usage=Usage(cache_write_tokens=9), hedged=True),
    )
    timeline = timeline_of(run_of(*units))
    assert not timeline.exact
    assert [(bar.attempts, bar.hedged, bar.primes) for bar in timeline.bars] == [(3, False, True), (1, True, False)]
    assert notes_on(timeline.bars[0])[:3] == ["waited 1.0 s", "3 attempts", "primed the cache"]


def told(*lines):
    return [Event(at_s, name, key, attributes) for at_s, name, key, attributes in lines]


ATTEMPTS = told(
    (0.0, "run.started", None, {}),
    (0.0, "unit.planned", "a", {"label": "A", "kind": "finder", "lane": "m", "prefix": "p"}),
    (0.0, "unit.planned", "b", {"label": "B", "kind": "finder", "lane": "m", "prefix": "p"}),
    (0.0, "unit.planned", "c", {"label": "C", "kind": "fold", "lane": "n", "needs": ["b"]}),
    (0.0, "unit.planned", "x", {"label": "X", "kind": "analyzer", "lane": "process"}),
    (0.1, "prefix.priming", None, {"prefix": "p"}),
    (0.1, "attempt.started", "a", {"number": 1, "hedge": False}),
    (0.1, "attempt.started", "x", {"number": 1, "hedge": False}),
    (2.0, "attempt.began", "a", {"number": 1, "hedge": False}),
    (2.0, "attempt.started", "b", {"number": 1, "hedge": False}),
    (3.0, "attempt.ended", "b", {"number": 1, "hedge": False, "status": "failed"}),
    (4.0, "attempt.started", "b", {"number": 2, "hedge": False}),
    (5.0, "attempt.started", "b", {"number": 2, "hedge": True}),
    (5.5, "attempt.ended", "a", {"number": 1, "hedge": False, "status": "ok"}),
    (6.0, "attempt.ended", "b", {"number": 2, "hedge": True, "status": "ok"}),
    (6.0, "attempt.ended", "b", {"number": 2, "hedge": False, "status": "cancelled"}),
    (6.9, "attempt.ended", "x", {"number": 1, "hedge": False, "status": "ok"}),
    (7.0, "attempt.started", "c", {"number": 1, "hedge": False}),
)


def test_events_tell_of_each_attempt():
    """Attempts, hedges and the primer's first word; what has no end goes on to the last event."""
    timeline = timeline_of(run_of(unit("A", 0, 9)), ATTEMPTS)
    assert timeline.exact
    assert [(b.label, b.number, b.hedge, b.status, b.since_s, b.start_s, b.end_s) for b in timeline.bars] == [
        ("A", 1, False, "ok", 0.0, 0.1, 5.5),
        ("X", 1, False, "ok", 0.0, 0.1, 6.9),
        ("B", 1, False, "failed", 0.0, 2.0, 3.0),
        ("B", 2, False, "cancelled", 3.0, 4.0, 6.0),
        ("B", 2, True, "ok", 5.0, 5.0, 6.0),
        ("C", 1, False, "cancelled", 0.0, 7.0, 7.0),
    ]
    assert [(bar.label, bar.began_s) for bar in timeline.bars if bar.primes] == [("A", 2.0)]


def test_the_path_follows_what_was_needed_and_the_primer():
    """Not what merely ended last: C needed B, B was tried again, and waited for A to begin its answer."""
    timeline = timeline_of(run_of(), ATTEMPTS)
    assert [(bar.label, bar.number) for bar in timeline.critical] == [("A", 1), ("B", 1), ("B", 2), ("C", 1)]
    assert timeline.idle_s == pytest.approx(0.1 + 1.0 + 1.0)


def test_events_without_a_plan_are_no_fault():
    """A file that begins in the middle, as a torn one may, is drawn as far as it tells."""
    timeline = timeline_of(run_of(), ATTEMPTS[8:])
    assert labels(timeline.bars) == ["b", "b", "b", "c"]


def parsed(timeline):
    return ET.fromstring(str(timeline_svg(timeline)))  # noqa: S314  our own SVG


def test_five_thousand_units_stay_a_small_drawing():
    """Bars are joined until there are few enough, lanes are folded, and no unit is lost from the count."""
    units = [
        unit(f"u{n}", n // 80, n // 80 + 0.5 + n % 3 / 4, status=Status.FAILED if n % 50 == 0 else Status.OK)
        for n in range(5_000)
    ]
    timeline = timeline_of(run_of(*units))
    svg = str(timeline_svg(timeline))
    assert len(timeline.lanes) > MOST_LANES
    assert svg.count('<g class="bar') <= MOST_BARS
    assert len(svg) < 300_000
    counted = [int(number.replace(",", "")) for number in re.findall(r"<title>([\d,]+) units:", svg)]
    assert sum(counted) + svg.count("<title>u") == 5_000
    assert "flaw" in svg


def test_a_label_that_does_not_fit_loses_what_all_of_its_kind_begin_with():
    """In a bar there is room for a few letters: those that tell it from its neighbours; its title has all of it."""
    units = [
        unit(f"verify src/shop/{name}.py:7 security", n * 3.0, n * 3 + 3.0) for n, name in enumerate(["cart", "orders"])
    ]
    svg = str(timeline_svg(timeline_of(run_of(*units, unit("verify", 0.0, 20.0, kind="sweep")))))
    assert ">cart" in svg
    assert ">orders" in svg
    assert "<title>verify src/shop/cart.py:7 security ·" in svg
    assert ">verify</text>" in svg


@given(many_units(), st.booleans())
def test_the_drawing_is_sound(units, attempts):
    """It is XML, nothing is drawn outside of it, and its legend explains the marks that it has."""
    timeline = timeline_of(run_of(*units), ATTEMPTS if attempts else ())
    if not timeline.lanes:
        assert timeline_svg(timeline) == ""
        return
    root = parsed(timeline)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        assert 0 <= x <= width + 0.1
        assert 0 <= y <= height + 0.1
        if element.tag == "rect":
            assert x + float(element.attrib["width"]) <= width + 1.1
    classes = {name for element in root.iter() for name in element.get("class", "").split()}
    drawn = {name for name in ("path", "primes", "notch", "wait", "reused") if name in classes}
    assert drawn <= marks_of(timeline)


def test_a_hostile_label_stays_text():
    """In the drawing and in what is said of a bar."""
    timeline = timeline_of(HOSTILE.model_copy(update={"units": (unit(ATTACK, 0, 1),)}))
    assert {element.tag for element in parsed(timeline).iter()} <= {
        "svg",
        "defs",
        "pattern",
        "line",
        "text",
        "g",
        "rect",
        "title",
    }
    assert "\n" not in told_of(timeline.bars[0])


@pytest.mark.parametrize("end_s", [0.001, 0.004, 0.3, 1.0, 7.0, 59.0, 61.0, 3_000.0, 90_000.0, 4e6])
def test_the_axis_has_some_ticks_at_any_length(end_s):
    """Two at least and nine at most, each with its moment."""
    svg = str(timeline_svg(timeline_of(run_of(unit("a", 0, end_s)))))
    assert 2 <= svg.count('class="grid"') <= 9


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf"), -5.0, 1e300])
def test_times_that_no_clock_would_say_are_drawn_somewhere(odd):
    """A damaged record has a timeline as well; the rest of it is right."""
    timeline = timeline_of(run_of(unit("a", 1, 2), unit("b", odd, odd, odd), wall_s=odd))
    assert labels(timeline.bars).count("a") == 1
    assert "nan" not in str(timeline_svg(timeline))
    parsed(timeline)


def test_nothing_to_draw_is_nothing():
    """A run without a unit has no timeline."""
    assert timeline_of(run_of()) == Timeline(end_s=0.001)
    assert timeline_svg(Timeline()) == ""
    assert Bar("k", "l", "k", "ok", 0, 1, 2).took_s == 1
