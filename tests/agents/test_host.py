"""The `host` backend: prompts go out once, answers come in by their keys, and are nothing but text."""

import asyncio
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold import errors
from fanfold.agents.backends import Premises
from fanfold.agents.host import HostBackend, prompt_of
from fanfold.agents.host_folder import LARGEST_ANSWER, HostFolder, Manifest
from fanfold.agents.spec import AgentSpec, Answered, Brief
from fanfold.engine.fan_out import fan_out
from fanfold.models import Status, Unit
from fanfold.testing.examples import REPORT, Answer

SYSTEM = "You are one of several."


def spec(task="Find.", role="finder", **fields):
    brief = Brief("claude-opus-5-5", None, SYSTEM, (REPORT,))
    values = {"role": role, "brief": brief, "context": "The change.", "answer": REPORT, "max_tokens": 1000}
    return AgentSpec(task=task, **{**values, **fields})


@pytest.fixture
def premises(tmp_path):
    return Premises(None, tmp_path / ".fanfold", run="20260101-000000-abcd")


@pytest.fixture
def place(premises):
    return premises.folder / "runs" / premises.run / "host"


def outcomes(premises, *specs):
    """Ask as a run does; returns status, value and error of each."""

    async def run():
        backend = HostBackend(premises)

        async def ask(unit, attempt):
            return await backend.ask(unit.payload, attempt)

        units = [Unit(key=one.key, label=one.task, payload=one) for one in specs]
        try:
            return await fan_out(units, ask)
        finally:
            await backend.close()

    return asyncio.run(run())


def answer(place, name, content):
    path = place / "answers" / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_prompt_is_self_contained_and_written_once(premises, place):
    """It holds what every backend sends, where the answer goes, and its shape; asking again changes nothing."""
    one = spec()
    for _ in range(2):
        (outcome,) = outcomes(premises, one)
        assert outcome.status is Status.NOT_RUN
    assert [path.name for path in (place / "prompts").iterdir()] == ["001-finder.md"]
    text = (place / "prompts" / "001-finder.md").read_text()
    for part in (SYSTEM, "The change.", "Find.", str(place / "answers" / "001-finder.json")):
        assert part in text
    assert json.dumps(REPORT.schema, indent=1) in text
    assert f'{{"unit": "{one.key}"' in text


@given(context=st.text(alphabet="ab\n", max_size=40), task=st.text(alphabet="ab\n", min_size=1, max_size=20))
def test_a_prompt_says_how_long_it_is(context, task):
    """Who reads with a tool that cuts knows when all of it was there; the key of the answer stands in the last part."""
    text = prompt_of(spec(task, context=context), Path("/x/answer.json"))
    said = re.search(r"This file has (\d+) lines", text)
    assert said is not None
    assert int(said[1]) == len(text.removesuffix("\n").split("\n"))
    assert text.index('{"unit"') > len(text) // 2


def test_an_answer_counts_by_its_key_not_by_its_file(premises, place):
    """Swapped and renamed files still reach their units; the cost is unknown, and the value the same as elsewhere."""
    one, two = spec("One."), spec("Two.")
    outcomes(premises, one, two)
    answer(place, "001-finder.json", {"unit": two.key, "answer": {"words": ["two"]}})
    answer(place, "whatever it is.txt", {"unit": one.key, "answer": {"words": ["one"]}})
    first, second = outcomes(premises, one, two)
    assert first.value == Answered(answer=Answer(words=["one"]))
    assert second.value == Answered(answer=Answer(words=["two"]))
    assert first.usage.cost_usd is None


BAD = {
    "no JSON": ("I found nothing.", "not JSON"),
    "cut off": ('{"unit": "x", "answer": {"wor', "not JSON"),
    "another shape": ([1, 2], "one object"),
    "no key": ({"answer": {"words": []}}, "one object"),
    "no answer": ({"unit": "KEY"}, "one object"),
    "wrong answer": ({"unit": "KEY", "answer": {"words": "x"}}, "does not fit its schema: words"),
    "deep": ("[" * 100_000, "not JSON"),
    "large": (" " * (LARGEST_ANSWER + 1), "larger than 4 MB"),
    "empty": ("", "not JSON"),
}


@pytest.mark.parametrize(("content", "says"), BAD.values(), ids=BAD)
def test_a_bad_answer_is_named_and_the_rest_counts(premises, place, content, says):
    """Its unit fails with the file and what is wrong with it; the other is ok, the third is not run."""
    one, two, three = spec("One."), spec("Two."), spec("Three.")
    outcomes(premises, one, two, three)
    text = content if isinstance(content, str) else json.dumps(content).replace("KEY", one.key)
    answer(place, "001-finder.json", text)
    answer(place, "002-finder.json", {"unit": two.key, "answer": {"words": []}})
    bad, good, missing = outcomes(premises, one, two, three)
    assert (bad.status, good.status, missing.status) == (Status.FAILED, Status.OK, Status.NOT_RUN)
    assert bad.error is not None
    assert bad.error.startswith("answers/001-finder.json: ")
    assert says in bad.error
    assert missing.error == "no answer in answers/003-finder.json"


def test_a_fence_around_the_json_is_forgiven(premises, place):
    """Models put one there whatever they are told."""
    one = spec()
    outcomes(premises, one)
    answer(place, "001-finder.json", f'```json\n{{"unit": "{one.key}", "answer": {{"words": []}}}}\n```\n')
    assert outcomes(premises, one)[0].ok


def test_two_answers_to_one_unit_do_not_depend_on_their_order(premises, place):
    """The one in the unit's own file goes before a copy, wherever that sorts."""
    one = spec()
    outcomes(premises, one)
    for name in ("000.json", "zzz.json"):
        answer(place, name, {"unit": one.key, "answer": {"words": ["copy"]}})
    answer(place, "001-finder.json", {"unit": one.key, "answer": {"words": ["own"]}})
    assert outcomes(premises, one)[0].value.answer == Answer(words=["own"])


def test_files_that_are_no_files_are_not_read(premises, place, tmp_path):
    """No link is followed, no pipe waited for, no folder entered."""
    specs = [spec(task) for task in ("One.", "Two.", "Three.")]
    outcomes(premises, *specs)
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps({"unit": specs[0].key, "answer": {"words": ["leaked"]}}))
    (place / "answers" / "001-finder.json").symlink_to(outside)
    os.mkfifo(place / "answers" / "002-finder.json")
    (place / "answers" / "003-finder.json").mkdir()
    assert [outcome.status for outcome in outcomes(premises, *specs)] == [Status.FAILED] * 3


def test_answers_to_other_units_are_strangers(premises, place):
    """An answer whose unit is not in the plan any more is named, not lost in silence."""
    one = spec()
    outcomes(premises, one)
    answer(place, "001-finder.json", {"unit": "f" * 32, "answer": {"words": []}})
    backend = HostBackend(premises)
    assert [stranger.file for stranger in backend.strangers] == ["001-finder.json"]
    assert outcomes(premises, one)[0].status is Status.NOT_RUN


def test_a_later_role_waits_for_the_round_before_it(premises, place):
    """Who would be asked something else once the first have answered is not asked yet; then it is the next round."""
    finder, verifier = spec("Find."), spec("Verify.", role="verifier")
    first, second = outcomes(premises, finder, verifier)
    assert second.error == "it waits for what each finder answers"
    assert first.error == "it waits for an agent of the host"
    answer(place, "001-finder.json", {"unit": finder.key, "answer": {"words": []}})
    outcomes(premises, finder, verifier)
    rounds = [(unit.role, unit.round) for unit in HostFolder(place).load().units]
    assert rounds == [("finder", 1), ("verifier", 2)]


def test_a_missing_answer_does_not_hold_the_next_round_up(premises, place):
    """What was asked for in an earlier round and never came is missing; the others go on."""
    one, two, verifier = spec("One."), spec("Two."), spec("Verify.", role="verifier")
    outcomes(premises, one, two, verifier)
    answer(place, "001-finder.json", {"unit": one.key, "answer": {"words": []}})
    *_, last = outcomes(premises, one, two, verifier)
    assert last.error == "it waits for an agent of the host"


def test_unanswered_units_cost_no_request(premises):
    """Nothing was asked of any model."""
    (outcome,) = outcomes(premises, spec())
    assert outcome.usage.requests == 0
    assert outcome.usage.errors == {}


@pytest.mark.parametrize("what", ["arguments", "seal", "cwd"])
def test_a_manifest_that_somebody_else_wrote_is_refused(premises, place, what):
    """A repository can't bring a run along that runs a command of its choice."""
    outcomes(premises, spec())
    path = place / "manifest.json"
    said = json.loads(path.read_text())
    said[what] = ["--analyzer", "mypy"] if what == "arguments" else "x"
    path.write_text(json.dumps(said))
    with pytest.raises(errors.TargetError, match="prepare again"):
        HostFolder(place).load()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"seal": 5}', "\xff"])
def test_a_manifest_that_is_none_is_refused(premises, place, content):
    """One clear line, whatever stands there."""
    HostFolder(place).make()
    (place / "manifest.json").write_text(content)
    with pytest.raises(errors.TargetError, match="prepare again"):
        HostFolder(place).load()


@pytest.mark.parametrize("name", ["host", "host/prompts", "host/answers"])
def test_a_link_in_the_folders_place_is_not_used(premises, tmp_path, name):
    """Prompts are written, and answers read, nowhere else."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = premises.folder / "runs" / premises.run / name
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(errors.OutputError, match="symbolic link"):
        HostBackend(premises)
    assert not list(elsewhere.iterdir())


def test_without_a_run_there_is_no_folder(tmp_path):
    """The backend says what it lacks."""
    with pytest.raises(errors.UsageError):
        HostBackend(Premises(None, tmp_path))


def test_a_manifest_comes_back_as_it_was_written(premises, place):
    """Its seal holds for exactly what it says."""
    folder = HostFolder(place)
    folder.make()
    manifest = Manifest(fanfold="1", run="r", command="review", arguments=("--", "ü", "\n"), cwd="/x")
    folder.save(manifest)
    assert folder.load() == manifest
