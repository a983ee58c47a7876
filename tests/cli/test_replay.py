"""`--record` and `--replay` from the command line. Answers are scripted; no model was asked."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from fanfold.testing import MessagesServer, Reply, Rule
from fanfold.testing.examples import reported

FINDING = reported()
HOLDS = {"verdict": "holds", "reason": "It is so.", "severity": "critical", "by_this_change": True}
SCRIPT = [
    Rule("You are a verifier", [Reply(json=HOLDS)]),
    Rule("performance, security", [Reply(json={"findings": [FINDING]})]),
    Rule("", [Reply(json={"findings": []})]),
]
REVIEW = ("review", "--analyzer", "none", "--format", "json")


@pytest.fixture
def recorded(repository, fanfold, monkeypatch, tmp_path):
    """Review once with a model and record it; returns the run and the recording."""
    file = tmp_path / "run.jsonl"
    with MessagesServer(SCRIPT) as server, monkeypatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", "test")
        patch.setenv("ANTHROPIC_BASE_URL", server.url)
        ended = fanfold(*REVIEW, "--record", file)
        assert server.stats().requests == len(file.read_text().splitlines()) > 2
    return ended.run, file


def test_a_replay_gives_the_same_findings_and_costs_nothing(recorded, fanfold):
    """Without a credential and without a request; stored outcomes are neither used nor made."""
    run, file = recorded
    replayed = fanfold(*REVIEW, "--replay", file)
    assert replayed.code == 0
    assert replayed.run["findings"] == run["findings"] != []
    assert replayed.run["coverage"] == run["coverage"]
    assert (replayed.run["backend"], replayed.run["status"]) == ("replay", "complete")
    assert str(file) in replayed.run["request"]["backend_reason"]
    usage = replayed.run["usage"]
    assert (usage["requests"], usage["cost_usd"], usage["input_tokens"]) == (0, 0.0, 0)


def test_everything_is_recorded_although_it_was_answered_before(recorded, fanfold, monkeypatch, tmp_path):
    """Two recordings of the same run are the same bytes."""
    _, file = recorded
    again = tmp_path / "again.jsonl"
    with MessagesServer(SCRIPT) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        fanfold(*REVIEW, "--record", again)
    assert again.read_bytes() == file.read_bytes()


def test_another_change_is_a_named_miss(recorded, repository, fanfold):
    """The run is incomplete and says why; nothing is called."""
    _, file = recorded
    repository.write("app.py", "x = 1\n")
    ended = fanfold(*REVIEW, "--replay", file)
    assert ended.code == 3
    assert ended.run["usage"]["errors"].keys() == {"NotFound"}
    assert all("has no answer of this finder" in line for line in ended.run["coverage"]["missing"])


def test_the_repository_cannot_bring_its_own_answers(recorded, repository, fanfold):
    """A recording is taken from the user alone, as is where to write one."""
    run, file = recorded
    repository.write("fanfold.toml", f"replay = '{file}'\nrecord = 'x.jsonl'\n")
    ended = fanfold("review", "--format", "json")
    assert ended.run["backend"] == "none"
    assert "'replay' is only taken from a file that you name" in ended.err
    assert not (repository.root / "x.jsonl").exists()
    assert run


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--replay", "gone.jsonl"), "--replay gone.jsonl: there is no such file"),
        (("--replay", "app.py"), "--replay app.py, line 1: Invalid JSON"),
        (("--replay", "app.py", "--backend", "none"), "not from --backend none"),
        (("--backend", "replay"), "--replay FILE says which"),
        (("--record", "x.jsonl"), "nothing to record"),
    ],
)
def test_what_is_wrong_with_a_recording_is_one_line(repository, fanfold, arguments, says):
    """Before anything runs; exit 2."""
    ended = fanfold("review", *arguments)
    assert ended.code == 2
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert not (repository.root / ".fanfold" / "runs").exists()


def test_a_recording_that_cannot_be_written_costs_no_report(repository, fanfold, monkeypatch, tmp_path):
    """It is said on stderr, and the review is there."""
    folder = tmp_path / "folder"
    folder.mkdir()

    def answer(_request):
        with suppress(FileNotFoundError):
            folder.rmdir()
        return Reply(json={"findings": []})

    with MessagesServer(answer) as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ended = fanfold(*REVIEW, "--record", folder / "run.jsonl")
    assert json.loads(ended.out)["status"] == "complete"
    assert "can't be written" in ended.err
