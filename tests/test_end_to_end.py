"""`bin/fanfold review` and `analyze` as processes of their own, in a real repository, through the launcher.

The environment is ready: its interpreter is the one that runs the tests. Sub-agents are answered by the stand-in server
on loopback; no model was asked.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fanfold.testing.analysis import reader
from fanfold.testing.options import Fault, FaultKind
from fanfold.testing.replies import Reply, Rule, text_of
from fanfold.testing.repository import ISOLATION, Repository
from fanfold.testing.server import MessagesServer
from launcher.entry import environment_name

ROOT = Path(__file__).resolve().parents[1]
FANFOLD = ROOT / "bin" / "fanfold"
PATIENCE_S = 60


@pytest.fixture
def surroundings(tmp_path):
    """Variables for a process: a new home, and a cache in which the environment stands ready."""
    cache = tmp_path / "cache"
    environment = cache / "environments" / environment_name(str(ROOT / "scripts" / "requirements.txt"))
    interpreter = environment / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    interpreter.chmod(0o755)
    (environment / "complete").touch()
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, **ISOLATION, "HOME": str(home), "FANFOLD_CACHE_DIR": str(cache)}


@pytest.fixture
def repository(tmp_path):
    """One commit and an uncommitted change with a problem in it, in a folder with a space in its name."""
    repository = Repository.init(tmp_path / "a project")
    repository.write("app.py", "def load(blob):\n    return blob\n")
    repository.commit("Load")
    repository.write("app.py", "import pickle\n\n\ndef load(blob):\n    return pickle.loads(blob)\n")
    return repository


def command(*arguments, name="review"):
    return [sys.executable, str(FANFOLD), name, *arguments]


def fanfold(repository, surroundings, *arguments, name="review"):
    return subprocess.run(
        command(*arguments, name=name),
        cwd=repository.root,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def begun(repository, surroundings, *arguments, name="review") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(*arguments, name=name),
        cwd=repository.root,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)


def wait_for(condition):
    """Wait until something outside of this process has happened; fail rather than hang."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def alive_in_session(leader):
    """Processes that still run in the session that `leader` opened."""
    listed = subprocess.run(["ps", "-eo", "sid=,stat=,pid="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [pid for sid, stat, pid in rows if int(sid) == leader and not stat.startswith("Z")]


NOTHING = Reply(json={"findings": []})
HANGS = Reply(fault=Fault(kind=FaultKind.HANG))


def with_api(surroundings, server):
    return {**surroundings, "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test"}


def test_a_review_without_a_model(repository, surroundings):
    """The report goes to stdout, progress to stderr, the exit code says done."""
    done = fanfold(repository, surroundings)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Code review: uncommitted changes (1 file)\n")
    assert "No model was called" in done.stdout
    assert "`app.py:5`" in done.stdout
    assert "[6/6]" in done.stderr


def test_a_review_with_sub_agents(repository, surroundings):
    """Real sockets, streaming, one merged report."""
    finding: dict[str, Any] = {
        "aspect": "security",
        "path": "app.py",
        "anchor": "",
        "quote": "return pickle.loads(blob)",
        "severity": "critical",
        "mechanism": "unsafe-deserialization",
        "title": "Whoever sends the blob runs code",
        "explanation": "pickle runs what the data names.",
        "failure_scenario": "A crafted blob opens a shell.",
        "suggestion": None,
        "evidence": [],
    }
    verdict = {"verdict": "holds", "reason": "It is so.", "severity": "critical", "by_this_change": True}
    rules = [
        Rule("Your aspects: performance, security", [Reply(json={"findings": [finding]})]),
        Rule("You are a verifier", [Reply(json=verdict)]),
        Rule("", [NOTHING]),
    ]
    with MessagesServer(rules) as server:
        done = fanfold(repository, with_api(surroundings, server), "--format", "json", "--fail-on", "critical")
    run = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert run["status"] == "complete"
    assert len(server.requests) == 4
    assert all(record.body["stream"] for record in server.requests)
    assert run["findings"][0]["title"] == "Whoever sends the blob runs code"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_review_reports_what_there_is(repository, surroundings, number):
    """Sub-agents hang; the signal folds: analyzers' results, what is missing, exit 130, and no process left."""
    with (
        MessagesServer([Rule("", [HANGS])]) as server,
        begun(repository, with_api(surroundings, server)) as process,
    ):
        wait_for(lambda: server.stats().in_flight > 0)
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130, err
        assert "ruff:S301" in out
        assert "Incomplete" in out
        assert "interrupted" in out
        assert alive_in_session(process.pid) == []


def test_an_interrupted_recording_holds_what_was_answered(repository, surroundings, tmp_path):
    """One answer is in, the other hangs, SIGINT: the recording is whole, and has the one."""
    file = tmp_path / "run.jsonl"
    rules = [Rule("Your aspects: performance, security", [HANGS]), Rule("", [NOTHING])]
    with (
        MessagesServer(rules) as server,
        begun(repository, with_api(surroundings, server), "--record", str(file)) as process,
    ):
        wait_for(lambda: any(record.ending == "answered" for record in server.requests))
        events = next((repository.root / ".fanfold" / "runs").glob("*/events.jsonl"))
        wait_for(lambda: events.read_text().count('"unit.ended"') == 7)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130, err
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["answer"] == {"findings": []}


def test_the_second_signal_leaves_at_once(repository, surroundings):
    """Whoever presses twice waits no longer."""
    with (
        MessagesServer([Rule("", [HANGS])]) as server,
        begun(repository, with_api(surroundings, server)) as process,
    ):
        wait_for(lambda: server.stats().in_flight > 0)
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130


def test_what_was_paid_before_a_kill_is_not_paid_again(repository, surroundings):
    """One answer is in, the other hangs, SIGKILL: the same command again asks one sub-agent, not two."""
    rules = [Rule("Your aspects: performance, security", [HANGS, NOTHING]), Rule("", [NOTHING])]
    with MessagesServer(rules) as server:
        inside = with_api(surroundings, server)
        with begun(repository, inside) as process:
            ended = lambda: sum(record.ending == "answered" for record in server.requests)  # noqa: E731
            wait_for(lambda: ended() == 1)
            events = next((repository.root / ".fanfold" / "runs").glob("*/events.jsonl"))
            wait_for(lambda: events.read_text().count('"unit.ended"') == 7)
            os.killpg(process.pid, signal.SIGKILL)
        before = len(server.requests)
        done = fanfold(repository, inside, "--format", "json")
        assert done.returncode == 0, done.stderr
        run = json.loads(done.stdout)
        assert len(server.requests) == before + 1
        assert run["coverage"]["reused"] == 7
        assert run["status"] == "complete"


@pytest.fixture
def large(repository):
    """Two modules that no worker can read together."""
    for name in ("one", "two"):
        lines = "".join(f"def {name}_{n}(value):\n    return value + {n}\n\n\n" for n in range(1500))
        repository.write(f"{name}/{name}.py", lines)
    return repository


def test_an_analysis_that_was_killed_goes_on_where_it_was(large, surroundings):
    """One part is read, another hangs, SIGKILL: the same command again reads that one, and answers."""
    question = "What do one and two do?"
    hung: list[bool] = []

    def script(request):
        if "=== two/two.py" in text_of(request) and not hung:
            hung.append(True)
            return HANGS
        return reader(request)

    with MessagesServer(script) as server:
        inside = with_api(surroundings, server)
        with begun(large, inside, question, name="analyze") as process:
            wait_for(lambda: hung and any(record.ending == "answered" for record in server.requests))
            events = next((large.root / ".fanfold" / "runs").glob("*/events.jsonl"))
            # The map, the facts, and at least one worker.
            wait_for(lambda: events.read_text().count('"unit.ended"') >= 3)
            os.killpg(process.pid, signal.SIGKILL)
        before = len(server.requests)
        done = fanfold(large, inside, question, "--format", "json", name="analyze")
        assert done.returncode == 0, done.stderr
        run = json.loads(done.stdout)
        read = [unit for unit in run["units"] if unit["kind"] == "worker"]
        assert [unit["status"] for unit in read] == ["ok"] * len(read)
        assert sum(unit["reused"] for unit in read) == len(read) - (len(server.requests) - before - 1)
        assert 0 < sum(unit["reused"] for unit in read) < len(read)
        assert {note["path"] for note in run["result"]["notes"]} >= {"one/one.py", "two/two.py"}


def test_an_interrupted_analysis_reports_what_there_is(large, surroundings):
    """Workers hang; the signal folds: the map, what is missing, exit 130, and no process left."""
    with (
        MessagesServer([Rule("", [HANGS])]) as server,
        begun(large, with_api(surroundings, server), "What do one and two do?", name="analyze") as process,
    ):
        wait_for(lambda: server.stats().in_flight > 0)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130, err
        assert "## The map" in out
        assert "interrupted" in out
        assert alive_in_session(process.pid) == []


def test_a_closed_stdout_is_no_crash(repository, surroundings):
    """`fanfold review | head -1` ends quietly."""
    with begun(repository, surroundings, "--quiet") as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        process.wait(timeout=PATIENCE_S)
        assert "Traceback" not in process.stderr.read()
        process.stdout = None
