"""`fanfold prepare` and `fanfold merge`: a review whose sub-agents run in the host, through both of its rounds."""

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fanfold.testing import Latency, MessagesServer, Reply
from fanfold.testing.claude_code import lone_surroundings
from fanfold.testing.examples import reported
from fanfold.testing.replies import text_of

FLAWED = "return db.execute(f\"select * from t where name = '{name}'\")"
FOUND = reported(anchor="3", severity="high")
VERDICT = {"verdict": "holds", "reason": "Line 3 decides.", "severity": "high", "by_this_change": True}
EVIDENCE = [{"path": "test_app.py", "line": 2, "quote": "assert 1 == 2"}]
PLAIN = ("--aspect", "security", "--analyzer", "bandit", "--quiet")


def run_id(ended):
    found = re.search(r"fanfold merge (\S+)", ended.out)
    assert found, ended
    return found[1]


def prompts(ended):
    return [Path(path) for path in re.findall(r"^ +\d+ +(/.*\.md)$", ended.out, re.MULTILINE)]


def told(prompt):
    """Return where an agent's answer goes, and its unit, as the prompt says it."""
    text = prompt.read_text()
    place = re.search(r"Write it to `([^`]+)`", text)
    envelope = re.search(r'^\{"unit".*$', text, re.MULTILINE)
    assert place
    assert envelope
    return Path(place[1]), json.loads(envelope[0])["unit"], text


def do(prompt):
    """Be the host's agent."""
    place, unit, text = told(prompt)
    answer = {"findings": [FOUND]} if "`report_findings`" in text else VERDICT
    place.write_text(json.dumps({"unit": unit, "answer": answer}))


def test_prepare_answer_merge(repository, fanfold):
    """Two rounds of agents, and then the report, the record and the exit code of a direct run."""
    first = fanfold("prepare", "review", *PLAIN)
    assert first.code == 0
    assert "in ONE message" in first.out
    assert first.err == ""
    for prompt in prompts(first):
        do(prompt)
    second = fanfold("merge", "--quiet")
    assert "further agents (verifier)" in second.out
    assert run_id(second) == run_id(first)
    assert prompts(second)
    assert not set(prompts(first)) & set(prompts(second))
    for prompt in prompts(second):
        do(prompt)
    fanfold("review", "--backend", "none", "--analyzer", "bandit", "--quiet")
    merged = fanfold("merge", "--format", "json", "--quiet", "--fail-on", "high")
    assert merged.code == 1
    run = merged.run
    assert (run["id"], run["backend"], run["status"]) == (run_id(first), "host", "complete")
    assert run["model"] is None
    (finding,) = [f for f in run["findings"] if f["aspect"] == "security" and f["verdict"] == "confirmed"]
    assert (finding["line"], finding["title"]) == (3, FOUND["title"])
    assert {unit["kind"] for unit in run["units"]} == {"analyzer", "finder", "verifier"}
    again = fanfold("merge", run_id(first), "--quiet")
    assert FOUND["title"] in again.out
    assert FOUND["title"] in fanfold("report", run_id(first)).out


def test_agents_that_left_no_answer_are_named_and_asked_for_again(repository, fanfold):
    """When others are called for without them, the first ones stand beside them in the list; an answer then counts."""
    repository.write("app.py", 'import os\n\n\ndef f(x):\n    assert x\n    os.system("ls " + x)\n    return eval(x)\n')
    (first,) = prompts(fanfold("prepare", "review", *PLAIN))
    second = fanfold("merge", "--quiet")
    name = told(first)[0].name
    assert f"No answer in answers/{name}: start those agents again" in second.out
    assert "The answers call" not in second.out
    assert prompts(second)[0] == first
    assert len(prompts(second)) > 1
    for prompt in prompts(second):
        do(prompt)
    third = fanfold("merge", "--quiet")
    assert "No answer" not in third.out
    assert "no answer in" not in third.err


def host_model(files):
    """Play the model of a session that starts an agent for each file, and of the agents."""
    calls = itertools.count()

    def tool(name, **given):
        return {"type": "tool_use", "id": f"toolu_{next(calls)}", "name": name, "input": given}

    def script(request):
        text, said = text_of(request), json.dumps(request["messages"])
        told = re.search(r"Read (/\S+\.md) to its last line", text)
        if "THE-SESSION" in text:
            prompt = "Read {} to its last line and do exactly what it says. Reply with the one word: done."
            agents = [
                tool(
                    "Task",
                    description="one",
                    prompt=prompt.format(file),
                    subagent_type="general-purpose",
                    run_in_background=False,
                )
                for file in files
            ]
            return Reply("all done") if "tool_result" in said else Reply(blocks=agents)
        assert told
        if "tool_result" not in said:
            return Reply(blocks=[tool("Read", file_path=told[1])], latency=Latency(first_byte_s=0.2))
        if "File created" in text:
            return Reply("done")
        place = re.search(r"Write it to `([^`]+)`", text)
        unit = re.search(r'\{"unit": "([0-9a-f]+)"', text)
        assert place
        assert unit
        answer = {"findings": [FOUND]} if "aspects: security" in text else {"findings": []}
        return Reply(
            blocks=[tool("Write", file_path=place[1], content=json.dumps({"unit": unit[1], "answer": answer}))]
        )

    return script


def test_claude_codes_own_agents_answer(claude_program, repository, fanfold, tmp_path):
    """In the real CLI the agents of one message run side by side, and need leave for that one folder alone."""
    prepared = fanfold("prepare", "review", "--effort", "max", "--aspect", "security", "--aspect", "tests", "--quiet")
    files = prompts(prepared)
    assert len(files) == 2
    with MessagesServer(host_model(files)) as server:
        done = subprocess.run(
            [claude_program, "-p", f"THE-SESSION\n{prepared.out}", "--allowedTools", "Edit(.fanfold/runs/**)"],
            cwd=repository.root,
            env=lone_surroundings(tmp_path / "claude-home", server.url),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "all done" in done.stdout, done
        assert server.stats().in_flight_max >= 2
    merged = fanfold("merge", "--now", "--format", "json", "--quiet")
    assert FOUND["title"] in {finding["title"] for finding in merged.run["findings"]}
    assert {unit["status"] for unit in merged.run["units"] if unit["label"] in {"security", "tests"}} == {"ok"}


def test_what_is_missing_is_said(repository, fanfold):
    """An agent that never answered was not run, one that answered badly failed, and the rest counts."""
    prepared = fanfold(
        "prepare",
        "review",
        "--aspect",
        "security",
        "--aspect",
        "correctness",
        "--aspect",
        "tests",
        "--quiet",
        "--effort",
        "max",
    )
    finders = prompts(prepared)
    assert len(finders) >= 3
    do(finders[0])
    told(finders[1])[0].write_text("Sorry, I could not do that.")
    merged = fanfold("merge", "--now", "--format", "json", "--quiet")
    assert merged.code == 3
    coverage = merged.run["coverage"]
    assert coverage["failed"] == 1
    assert coverage["not_run"] >= 1
    missing = "\n".join(coverage["missing"])
    assert "answers/002-finder.json: not JSON" in missing
    assert "no answer in answers/003-finder.json" in missing
    assert "answers/002-finder.json" in merged.err
    assert merged.run["findings"]


def test_merge_folds_at_once_when_told_so(repository, fanfold):
    """Without verifiers the report says that nobody verified what no analyzer found as well."""
    for prompt in prompts(fanfold("prepare", "review", "--aspect", "security", "--analyzer", "secrets", "--quiet")):
        do(prompt)
    merged = fanfold("merge", "--now", "--format", "json", "--quiet")
    assert merged.code == 3
    assert "unverified" in {finding["verdict"] for finding in merged.run["findings"]}


def test_the_second_merge_ends_the_waiting(repository, fanfold):
    """Verifiers that were asked for and never came do not hold the report back for ever."""
    for prompt in prompts(fanfold("prepare", "review", *PLAIN)):
        do(prompt)
    assert prompts(fanfold("merge", "--quiet"))
    last = fanfold("merge", "--quiet")
    assert last.code == 3
    assert FOUND["title"] in last.out


def test_analyzers_results_are_there_at_once(repository, fanfold):
    """Whoever never starts an agent still has them, and the record says what is missing."""
    prepared = fanfold("prepare", "review", *PLAIN)
    shown = fanfold("runs", "show", run_id(prepared))
    assert "waits for  1 of 1 answer" in shown.out
    run = json.loads((repository.root / ".fanfold/runs" / run_id(prepared) / "run.json").read_text())
    assert run["status"] == "partial"
    assert {unit["label"]: unit["status"] for unit in run["units"]}["bandit"] == "ok"


def test_review_with_the_backend_host_is_prepare(repository, fanfold):
    """Both spellings give the same prompts."""
    one, two = fanfold("prepare", "review", *PLAIN), fanfold("review", "--backend", "host", *PLAIN)
    texts = [[path.read_text().replace(run_id(ended), "ID") for path in prompts(ended)] for ended in (one, two)]
    assert texts[0] == texts[1]
    assert texts[0]


def test_a_change_meanwhile_is_no_answer_to_what_was_asked(repository, fanfold):
    """Answers about code that is gone count for nothing, by name, and the new code has not been read."""
    (prompt,) = prompts(fanfold("prepare", "review", *PLAIN))
    do(prompt)
    repository.write("app.py", "def find(db, name):\n    return None\n")
    merged = fanfold("merge", "--quiet")
    assert "answers/001-finder.json: this is not asked any more" in merged.err
    (anew,) = prompts(merged)
    assert "return None" in anew.read_text()


def test_a_diff_from_stdin_is_kept_for_the_merge(repository, fanfold, monkeypatch, tmp_path):
    """Stdin can be read once; the merge finds what it said in the run's folder."""
    diff = tmp_path / "change.diff"
    diff.write_text(repository.git("diff"))
    with diff.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        prepared = fanfold("prepare", "review", "--diff", "-", *PLAIN)
    (prompt,) = prompts(prepared)
    do(prompt)
    monkeypatch.setattr("sys.stdin", None)
    merged = fanfold("merge", "--now", "--format", "json", "--quiet")
    assert merged.run["coverage"]["ok"] >= 1
    assert FOUND["title"] in {finding["title"] for finding in merged.run["findings"]}


def test_the_merge_is_of_the_place_where_it_was_prepared(repository, fanfold, monkeypatch):
    """Paths and variables mean what they meant then; what the merge itself is told means what it means now."""
    repository.write("sub/x.py", "def x(): return eval('1')\n")
    repository.commit("Sub")
    monkeypatch.chdir(repository.root / "sub")
    monkeypatch.setenv("FANFOLD_ASPECT", "security")
    (prompt,) = prompts(fanfold("prepare", "review", "x.py", "--analyzer", "bandit", "--quiet"))
    do(prompt)
    monkeypatch.delenv("FANFOLD_ASPECT")
    monkeypatch.chdir(repository.root)
    merged = fanfold("merge", "--now", "--quiet", "--format", "json", "--output", "out.json")
    assert merged.code in {0, 3}, merged
    run = json.loads((repository.root / "out.json").read_text())
    assert run["coverage"]["not_run"] == 0
    assert "FANFOLD_ASPECT" not in os.environ
    assert Path.cwd() == repository.root


def test_nothing_to_ask_gives_the_report_at_once(repository, fanfold):
    """When every answer is in the store already, there is nobody to start."""
    for prompt in prompts(fanfold("prepare", "review", *PLAIN)):
        do(prompt)
    for prompt in prompts(fanfold("merge", "--quiet")):
        do(prompt)
    fanfold("merge", "--quiet")
    again = fanfold("prepare", "review", *PLAIN)
    assert FOUND["title"] in again.out
    assert not prompts(again)


def test_runs_that_were_not_prepared_cannot_be_merged(repository, fanfold):
    """One line says what to do."""
    fanfold("review", "--backend", "none", "--analyzer", "bandit", "--quiet")
    ended = fanfold("merge")
    assert ended.code == 2
    assert "was not prepared" in ended.err


def test_a_run_that_came_with_the_repository_is_not_merged(repository, fanfold, tmp_path, monkeypatch):
    """Its manifest is sealed by somebody else: no command of theirs is run."""
    prepared = fanfold("prepare", "review", *PLAIN)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another-user"))
    ended = fanfold("merge", run_id(prepared))
    assert ended.code == 2
    assert "was not written by your fanfold" in ended.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("prepare", "reviw"), "did you mean 'review'"),
        (("prepare", "review", "--backend", "api"), "leave --backend api out"),
        (("prepare", "review", "--aspct", "x"), "--aspct"),
        (("prepare",), "SKILL"),
        (("merge", "nope"), "no runs in"),
    ],
)
def test_usage_errors_are_one_line(repository, fanfold, arguments, says):
    """What is wrong, and what to do."""
    ended = fanfold(*arguments)
    assert ended.code == 2
    assert says in ended.err
    assert ended.err.count("\n") == 1


def test_a_folder_that_is_gone_is_named(repository, fanfold, monkeypatch):
    """The run can't be repeated where it was."""
    repository.write("sub/x.py", "x = eval('1')\n")
    monkeypatch.chdir(repository.root / "sub")
    fanfold("prepare", "review", *PLAIN)
    monkeypatch.chdir(repository.root)
    shutil.rmtree(repository.root / "sub")
    ended = fanfold("merge")
    assert ended.code == 2
    assert "no folder any more" in ended.err


def test_a_dry_run_prepares_nothing(repository, fanfold):
    """The plan is shown; no folder is made."""
    ended = fanfold("prepare", "review", "--dry-run", *PLAIN)
    assert "backend     host" in ended.out
    assert not (repository.root / ".fanfold").exists()


def test_a_failing_tests_cause_is_asked_in_the_host_too(repository, fanfold):
    """`prepare` and `merge` know no skill: tests are run, what fails is a prompt, and its answer is reported."""
    repository.write("test_app.py", "def test_it():\n    assert 1 == 2\n")
    (prompt,) = prompts(fanfold("prepare", "test", "test_app.py", "--quiet"))
    place, unit, _ = told(prompt)
    said = {"enough_information": True, "cause": "ONE-IS-NOT-TWO", "evidence": EVIDENCE, "proposed_fix": ""}
    place.write_text(json.dumps({"unit": unit, "answer": said}))
    merged = fanfold("merge", "--quiet")
    assert merged.code == 1
    assert "ONE-IS-NOT-TWO" in merged.out
