"""The event log: what it takes, keeps, writes, and reads back."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.engine.events import NAMES, Event, EventLog, read_events, usage_attributes, usage_of
from fanfold.errors import UsageError
from fanfold.models import Usage
from fanfold.testing.virtual_time import run_virtual

counts = st.integers(0, 10**9)
costs = st.none() | st.floats(0, 1e6)
usages = st.builds(
    Usage,
    input_tokens=counts,
    cache_write_tokens=counts,
    cache_read_tokens=counts,
    output_tokens=counts,
    cost_usd=costs,
    cost_uncached_usd=costs,
    requests=counts,
    retries=counts,
    hedges=counts,
    errors=st.dictionaries(st.text(), counts.filter(bool)),
)
texts = st.text(st.characters())
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def test_times_count_from_the_first_event():
    """Events are timed in seconds of the running loop from the first one on, whenever the log was made."""

    async def main() -> list[Event]:
        log = EventLog()
        await asyncio.sleep(5)
        log.emit("run.started")
        await asyncio.sleep(1.5)
        log.emit("unit.planned", "k", label="a")
        return log.events

    first, second = run_virtual(main())
    assert first == Event(0.0, "run.started")
    assert second == Event(1.5, "unit.planned", "k", {"label": "a"})


def test_a_name_that_is_not_known_is_a_bug():
    """A misspelt name raises, and nothing is kept of it."""
    log = EventLog()
    with pytest.raises(ValueError, match=r"'unit\.finished'"):
        log.emit("unit.finished")
    assert log.events == []


@pytest.mark.parametrize("value", [object(), {1: 2}, {"deep": [{1, 2}]}, b"bytes", Path("a")])
def test_what_json_cannot_hold_is_a_bug(value):
    """An attribute that would not survive the file raises where it is emitted."""
    with pytest.raises(TypeError, match=r"an event can't hold"):
        EventLog().emit("run.started", value=value)


def test_an_event_cannot_be_changed():
    """Events are values."""
    event = EventLog().emit("run.started")
    with pytest.raises(AttributeError):
        event.at_s = 1.0  # type: ignore[misc]  # that is the claim


def test_numbers_that_are_not_finite_and_enums_become_json():
    """Infinity and NaN are None, an enum is its value, a tuple a list."""

    class Colour(StrEnum):
        RED = "red"

    event = EventLog().emit("run.started", wait=math.inf, nan=math.nan, colour=Colour.RED, pair=(1, 2.5))
    assert event.attributes == {"wait": None, "nan": None, "colour": "red", "pair": [1, 2.5]}


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(NAMES)), st.none() | texts, st.dictionaries(texts, values, max_size=3)),
        max_size=5,
    )
)
def test_what_is_read_back_is_what_was_emitted(tmp_path_factory, emitted):
    """A file gives back every event as it was kept, whatever text is in it, lone surrogates included."""
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    with EventLog(path) as log:
        for name, unit, attributes in emitted:
            log.emit(name, unit, **{f"_{key}": value for key, value in attributes.items()})
    assert list(read_events(path)) == log.events


def test_a_line_is_there_as_soon_as_it_was_emitted(tmp_path):
    """Each event is in the file before `emit` returns, one line of JSON each."""
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.emit("run.started", jobs=8)
        log.emit("unit.planned", "k", label="two\nlines")
        lines = path.read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["run.started", "unit.planned"]


@given(usages)
def test_usage_survives_its_attribute_names(usage):
    """Usage comes back from OpenTelemetry's names as it was, from a Usage and from its dump alike."""
    assert usage_of({"usage": usage_attributes(usage)}) == usage
    assert usage_attributes(usage.model_dump()) == usage_attributes(usage)


def test_input_tokens_include_the_cached_ones():
    """OpenTelemetry counts what was written to and read from the cache as input, and names all of them."""
    usage = Usage(input_tokens=1, cache_write_tokens=20, cache_read_tokens=300, output_tokens=4)
    event = EventLog().emit("attempt.ended", "k", usage=usage)
    assert event.attributes["usage"] == {
        "gen_ai.usage.input_tokens": 321,
        "gen_ai.usage.cache_write.input_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 300,
        "gen_ai.usage.output_tokens": 4,
    }


def test_unknown_cost_is_kept_apart_from_no_cost():
    """A cost of None is written; a cost of 0 is the default."""
    assert usage_attributes(Usage(cost_usd=None)) == {"cost_usd": None}
    assert usage_of({"usage": {}}) == Usage()
    assert usage_of({}) is None


def test_listeners_hear_each_event_in_order():
    """Every listener gets every event from the moment it listens, after the event was kept."""
    log = EventLog()
    heard: list[tuple[str, int]] = []
    log.emit("run.started")
    log.listen(lambda event: heard.append((event.name, len(log.events))))
    log.emit("unit.planned", "k")
    log.emit("run.ended")
    assert heard == [("unit.planned", 2), ("run.ended", 3)]


def test_without_keeping_nothing_stays_in_memory():
    """A log that does not keep events holds on to none of them; listeners hear them all the same."""
    heard: list[str] = []
    log = EventLog(listeners=[lambda event: heard.append(event.name)], keep=False)
    for _ in range(1000):
        log.emit("unit.queued", "kept by nobody")
    gc.collect()
    assert log.events == []
    assert len(heard) == 1000
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Event) and thing.unit == "kept by nobody"]


@pytest.mark.parametrize(
    ("label", "why"), [("short", "Broken pipe"), ("long" * 100_000, "no space left for a whole line")]
)
def test_a_failed_write_does_not_stop_the_run(tmp_path, label, why):
    """When a line can't be written, or not all of it, that is said once; events go on being kept and heard."""
    path = tmp_path / "events.jsonl"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    heard: list[Event] = []
    with EventLog(path, [heard.append]) as log:
        log.emit("run.started")
        if label == "short":
            os.close(reader)
        for _ in range(3):
            log.emit("unit.planned", "k", label=label)
    assert len(log.events) == len(heard) == 4
    assert log.problems == [f"{path} can't be written ({why}); the run goes on without it"]
    if label != "short":
        os.close(reader)


@pytest.mark.parametrize("kind", ["no folder", "a folder", "a link", "a pipe"])
def test_a_file_that_cannot_be_opened_does_not_stop_the_run(tmp_path, kind):
    """A missing folder, a folder, somebody's link or a pipe nobody reads: said once, nothing behind it touched."""
    path, target = tmp_path / "x" / "events.jsonl", tmp_path / "mine"
    target.write_text("precious")
    if kind != "no folder":
        path.parent.mkdir()
    if kind == "a folder":
        path.mkdir()
    elif kind == "a link":
        path.symlink_to(target)
    elif kind == "a pipe":
        os.mkfifo(path)
    with EventLog(path) as log:
        log.emit("run.started")
    assert len(log.problems) == 1
    assert str(path) in log.problems[0]
    assert target.read_text() == "precious"


def test_a_torn_last_line_is_left_out(tmp_path):
    """A run that was killed in the middle of a line leaves a file that reads up to there, wherever it was cut."""
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.emit("run.started", jobs=8)
        log.emit("unit.planned", "k", label="ä")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        expected = 0 if cut < first else 1 if cut < len(whole) else 2
        assert list(read_events(path)) == log.events[:expected]


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[1]", b"nonsense", b'{"at_s":1}', b'{"at_s":"x","name":"run.started"}', b'{"at_s":1,"name":2}', b"\xff",
     b'{"at_s":1,"name":"run.started","attributes":3}', b"[" * 100_000, b'{"at_s":1,"name":"run.ended","unit":7}'],
)  # fmt: skip
def test_a_line_that_is_no_event_is_named(tmp_path, line):
    """Anything else than events is refused with file and line number, not skipped."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"at_s":0.0,"name":"run.started"}\n' + line + b"\n")
    with pytest.raises(UsageError, match=r"events\.jsonl:2: not an event"):
        list(read_events(path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    """Reading what can't be read says which file and why."""
    with pytest.raises(UsageError, match=r"none\.jsonl: can't be read: No such file"):
        list(read_events(tmp_path / "none.jsonl"))


def test_events_of_a_newer_fanfold_are_read():
    """A name that this version does not know is no error in a file: only emitting it is."""
    assert Event(0.0, "unit.praised").line() == '{"at_s":0.0,"name":"unit.praised"}\n'
