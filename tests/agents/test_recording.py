"""Recordings: what is kept of a run's answers, how it is written, and what is answered from it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fanfold import errors
from fanfold.agents.backends import BACKENDS, REPLAY, Premises, choose_backend
from fanfold.agents.recording import Entry, Failure, Recorder, lines_of, read_recording
from fanfold.agents.replay import ReplayBackend
from fanfold.agents.spec import A, AgentSpec, Answered, AnswerTool, Brief, Lookup
from fanfold.engine.attempt import Attempt
from fanfold.engine.fan_out import fan_out
from fanfold.models import Outcome, Status, Unit, Usage
from fanfold.testing.virtual_time import run_virtual

TOKEN = f"ghp_{'aB3dE6gH9j' * 3}k2L5m8"


class Answer(BaseModel):
    words: list[str]


REPORT = AnswerTool("report", "Hand in.", Answer)
BRIEF = Brief("claude-opus-5-5", None, "You.", (REPORT,), ({"name": "grep", "input_schema": {}},))
LOOKUP = Lookup(tool="grep", arguments={"pattern": TOKEN}, digest="0" * 16)


def spec(task: str = "a") -> AgentSpec[Answer]:
    return AgentSpec("finder", BRIEF, "Context.", task, REPORT, 1000)


class Scripted:
    """A backend that answers each task with its word, or raises; one after the other, the last one repeats."""

    name = "scripted"
    interactive = True
    notes = ()
    most: int | None = None

    def __init__(self, **said: Sequence[str | errors.WorkerError]) -> None:
        self._asked = False
        self._said = {task: iter(itertools.chain(turns, itertools.repeat(turns[-1]))) for task, turns in said.items()}

    async def ask(self, about: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        # Whoever asks first writes the cache that the others read.
        paid = {"cache_read_tokens" if self._asked else "cache_write_tokens": 10}
        self._asked = True
        attempt.charge(Usage(cost_usd=0.5, cost_uncached_usd=0.5, requests=1, **paid))
        said = next(self._said[about.task])
        if isinstance(said, errors.WorkerError):
            raise said
        return Answered(answer=about.answer.validate({"words": [said]}), lookups=(LOOKUP,))

    async def close(self) -> None:
        pass


def run(backend: Any, tasks: str) -> list[Outcome[Answered[Answer]]]:
    async def work(unit: Unit[AgentSpec[Answer]], attempt: Attempt) -> Answered[Answer]:
        answered: Answered[Answer] = await backend.ask(unit.payload, attempt)
        return answered

    async def main() -> list[Outcome[Answered[Answer]]]:
        units = [Unit(key=t, label=t, payload=spec(t), reserve_usd=1.0) for t in tasks]
        return await fan_out(units, work)

    return run_virtual(main())


def record(
    file: Path, tasks: str = "ab", **said: Sequence[str | errors.WorkerError]
) -> list[Outcome[Answered[Answer]]]:
    recorder = Recorder(Scripted(**said), file)
    outcomes = run(recorder, tasks)
    recorder.save()
    return outcomes


def replay(file: Path, tasks: str = "ab") -> list[Outcome[Answered[Answer]]]:
    return run(ReplayBackend(Premises(None, file.parent, recording=file)), tasks)


def test_a_replay_answers_what_was_recorded(tmp_path):
    """Answers and lookups come again; nothing is asked, so nothing is used."""
    file = tmp_path / "run.jsonl"
    recorded = record(file, a=["one"], b=["two"])
    replayed = replay(file)
    assert [outcome.value and outcome.value.answer for outcome in replayed] == [
        outcome.value and outcome.value.answer for outcome in recorded
    ]
    assert all(outcome.value and len(outcome.value.lookups) == 1 for outcome in replayed)
    assert all(outcome.usage == Usage() for outcome in replayed)


def test_the_same_answers_give_the_same_bytes(tmp_path):
    """In whatever order they came."""
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    record(one, "ab", a=["one"], b=["two"])
    record(two, "ba", a=["one"], b=["two"])
    assert one.read_bytes() == two.read_bytes()


def test_a_recording_of_an_earlier_version_is_read(tmp_path):
    """Those said what each sub-agent used, which nobody asks a recording for."""
    file = tmp_path / "run.jsonl"
    record(file, "a", a=["one"])
    text = file.read_text()
    assert '"usage"' not in text
    file.write_text(text.replace("}\n", ',"usage":{"input_tokens":10,"cost_usd":0.5,"requests":1}}\n'))
    assert replay(file, "a")[0].ok


def test_no_secret_is_recorded(tmp_path):
    """Neither in an answer nor in what was looked up nor in a message."""
    file = tmp_path / "run.jsonl"
    record(file, a=[f"found {TOKEN}"], b=[errors.BadRequest(f"no {TOKEN}")])
    assert TOKEN not in file.read_text()
    assert file.read_text().count("not shown") == 3


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (errors.Refused("the model declined: no"), Status.REFUSED, "declined"),
        (errors.NoCredit("no credit"), Status.FAILED, "no credit"),
        (errors.InvalidAnswer("words: wrong"), Status.FAILED, "words: wrong (asked 2 times)"),
        (errors.EmptyAnswer("the answer is empty"), Status.FAILED, "the answer is empty (asked 2 times)"),
        (errors.Overloaded("the API failed (529)"), Status.FAILED, "Overloaded: the API failed (529)"),
    ],
)
def test_failures_are_recorded_by_name(tmp_path, error, status, says):
    """A replay fails as the run did, at once where that had waited."""
    file = tmp_path / "run.jsonl"
    record(file, "a", a=[error])
    (outcome,) = replay(file, "a")
    assert outcome.status is status
    assert outcome.error is not None
    assert says in outcome.error
    assert outcome.ended_s == 0


def test_an_answer_counts_whatever_failed_before_or_after_it(tmp_path):
    """One line a sub-agent."""
    file = tmp_path / "run.jsonl"
    record(file, "a", a=[errors.InvalidAnswer("no"), "one"])
    (entry,) = read_recording(file).values()
    assert entry.answer == {"words": ["one"]}
    assert entry.failure is None
    recorder = Recorder(Scripted(a=["one", errors.ConnectionLost("late")]), file)
    run(recorder, "a")
    run(recorder, "a")
    recorder.save()
    assert replay(file, "a")[0].ok


def test_a_miss_is_a_failure_with_a_name(tmp_path):
    """It says which agent of which recording, and calls nobody."""
    file = tmp_path / "run.jsonl"
    record(file, "a", a=["one"])
    outcome = replay(file, "c")[0]
    assert outcome.status is Status.FAILED
    assert outcome.error is not None
    assert f"{file} has no answer of this finder ({spec('c').key})" in outcome.error
    assert outcome.usage == Usage(errors={"NotFound": 1})


def test_an_answer_that_was_tampered_with_is_checked(tmp_path):
    """What does not fit the schema is no answer."""
    file = tmp_path / "run.jsonl"
    record(file, "a", a=["one"])
    file.write_text(file.read_text().replace('{"words":["one"]}', '{"words":1}'))
    assert "does not fit its schema" in (replay(file, "a")[0].error or "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "line 1: Invalid JSON"),
        (b'\n{"format": 2, "key": "k", "role": "r", "interactive": true}', "line 2: format: Input should be 1"),
        (b'{"key": "k", "role": "r"}', "line 1: interactive: Field required"),
        (b'{"key": "k", "role": "r", "interactive": true, "x": 1}', "line 1: x: Extra inputs"),
        (b"\xff", "can't be read"),
    ],
)
def test_a_recording_that_cannot_be_used_says_where(tmp_path, text, says):
    """One line, with the file and the place."""
    file = tmp_path / "run.jsonl"
    file.write_bytes(text)
    with pytest.raises(errors.UsageError, match=f"--replay .*run.jsonl.*{says}"):
        ReplayBackend(Premises(None, tmp_path, recording=file))


@pytest.mark.parametrize("interactive", [True, False])
def test_agents_are_asked_what_they_were_asked_then(tmp_path, interactive):
    """Whether they could look things up is part of it."""
    file = tmp_path / "run.jsonl"
    entry = Entry(key="k", role="r", interactive=interactive, failure=Failure(name="Refused", message="no"))
    file.write_text(lines_of([entry]))
    assert ReplayBackend(Premises(None, tmp_path, recording=file)).interactive is interactive


def test_where_nothing_can_be_written_is_said_before_anybody_is_asked(tmp_path):
    """A folder that is not there, or is the file."""
    for file in (tmp_path / "gone" / "run.jsonl", tmp_path):
        with pytest.raises(errors.UsageError, match="--record"):
            Recorder(Scripted(), file)


def test_what_is_recorded_replaces_a_file_whole_or_not_at_all(tmp_path):
    """Nothing else is left in the folder, and a failed write leaves what was there."""
    file = tmp_path / "run.jsonl"
    file.write_text("before")
    recorder = Recorder(Scripted(), file)
    recorder._entries["k"] = Entry(key="k", role="\ud800", interactive=True)
    with pytest.raises(ValueError, match=r"surrogate|utf-8"):
        recorder.save()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("run.jsonl", "before")]


def test_replay_is_chosen_by_its_recording(tmp_path):
    """With a file alone, and never together with another backend."""
    file = tmp_path / "run.jsonl"
    file.touch()
    assert choose_backend("auto", {"ANTHROPIC_API_KEY": "k"}, tmp_path, str(file)).name == REPLAY
    for asked, given_file, says in (
        ("api", str(file), "not from --backend api"),
        ("replay", None, "--replay FILE"),
        ("auto", str(tmp_path / "gone"), "no such file"),
    ):
        with pytest.raises(errors.UsageError, match=says):
            choose_backend(asked, {}, tmp_path, given_file)
    assert REPLAY in BACKENDS


ENTRIES = st.builds(
    Entry,
    key=st.text("abc", min_size=1, max_size=2),
    role=st.sampled_from(["finder", "verifier"]),
    interactive=st.booleans(),
    answer=st.none() | st.dictionaries(st.text("ab\n\u2028é", max_size=3), st.text("ab\n\u2028é")),
)


@given(st.lists(ENTRIES, unique_by=lambda entry: entry.key))
def test_what_is_written_is_read(tmp_path_factory, entries):
    """Line by line, whatever breaks lines elsewhere; the order they came in makes no difference."""
    file = tmp_path_factory.mktemp("r") / "run.jsonl"
    text = lines_of(entries)
    assert text == lines_of(reversed(entries))
    file.write_text(text, encoding="utf-8")
    assert read_recording(file) == {entry.key: entry for entry in entries}


def test_an_interrupted_agent_leaves_no_line(tmp_path):
    """It has neither an answer nor a failure of its own."""
    file = tmp_path / "run.jsonl"

    class Slow(Scripted):
        async def ask(self, about: AgentSpec[A], attempt: Attempt) -> Answered[A]:
            await asyncio.sleep(10)
            return await super().ask(about, attempt)

    async def main() -> None:
        recorder = Recorder(Slow(a=["one"]), file)
        task = asyncio.ensure_future(recorder.ask(spec("a"), Attempt()))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        recorder.save()

    run_virtual(main())
    assert file.read_text() == ""
