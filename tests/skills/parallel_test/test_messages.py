"""What a worker says arrives, whatever its tests do to files, clocks and the terminal, and wakes nobody for nothing."""

from __future__ import annotations

import asyncio
import os

from fanfold.skills.parallel_test.conversation import Conversation


def test_messages_that_the_file_can_not_take_come_by_the_socket(project):
    """A test that limits how long files may be keeps no result from being told."""
    text = """
        import resource
        def test_before(): pass
        def test_limits(): resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        def test_fails_behind(): assert 1 == 2
        def test_passes_behind(): pass
    """
    result = project.write({"test_a.py": text}).run(workers=1)
    assert result.verdicts == {
        "test_before": "passed",
        "test_limits": "passed",
        "test_fails_behind": "failed",
        "test_passes_behind": "passed",
    }


def test_a_failure_is_shown_as_pytest_shows_it(project):
    """With the indent of its first line; what parametrize gives a test is no fixture, what it gives a fixture is."""
    text = """
        import pytest
        @pytest.fixture
        def real(request): return request.param
        @pytest.mark.parametrize("real", [1], indirect=True)
        @pytest.mark.parametrize("n", [2])
        def test_fails(n, real):
            print("before it failed")
            assert n == real
    """
    (case,) = project.write({"test_a.py": text}).run().run.cases
    lines = case.attempts[0].trace.split("\n")
    shown = [line for line in lines if line.strip().startswith(("@", "def ", ">"))]
    assert [line[:4] for line in shown] == ["    ", "    ", "    ", ">   "]
    assert case.fixtures == ("real",)
    assert "before it failed" in case.attempts[0].output


def test_a_clock_that_stands_still_takes_no_time_from_a_test(project):
    """What a test takes is told by a clock that tools which stop the time do not find."""
    conftest = """
        import time, pytest
        @pytest.fixture(scope="session", autouse=True)
        def frozen():
            real = time.sleep
            time.monotonic = time.time = time.perf_counter = lambda: 5.0
            yield real
    """
    files = {"conftest.py": conftest, "test_a.py": "def test_sleeps(frozen): frozen(0.2)\n"}
    taken = project.write(files).run().first("test_sleeps").duration_s
    assert 0.2 <= taken < 60


def test_the_terminals_reporter_is_there_and_silent(project):
    """Fixtures may ask for it as under plain pytest; no dot of a worker is written anywhere."""
    text = """
        import os, pytest
        @pytest.mark.parametrize("n", range(20))
        def test_asks(n, request): assert request.config.pluginmanager.getplugin("terminalreporter")
        def test_dies(): os._exit(3)
    """
    result = project.write({"test_a.py": text}).run(workers=1)
    assert result.verdicts.pop("test_dies") == "crashed"
    assert set(result.verdicts.values()) == {"passed", "crashed"}
    assert "...." not in (result.first("test_dies").output or "")


def test_where_there_is_no_file_in_memory_one_on_disk_does(project, monkeypatch):
    """Other systems than Linux have none, and some sandboxes."""
    monkeypatch.delattr("os.memfd_create", raising=False)
    files = {"test_a.py": "def test_passes(): pass\ndef test_fails(): assert 0\n"}
    assert project.write(files).run().verdicts == {"test_passes": "passed", "test_fails": "failed"}


async def _said(lines: bytes, *, wake: bytes) -> list[str]:
    heard: list[str] = []
    talk, theirs = await Conversation.open(lambda message: heard.append(message["event"]))
    with theirs:
        os.write(talk.messages, lines)
        await asyncio.sleep(0.05)
        assert heard == []  # nobody has asked for it
        theirs.sendall(wake)
        await asyncio.sleep(0.05)
    talk.close()
    return heard


def test_what_is_written_is_heard_when_it_is_asked_for():
    """In its order, before what comes by the socket itself; half a line is none, and what is no message is left out."""
    lines = b'{"event":"a"}\n\xff\n[]\n{"event":"b"}\n{"event":"half'
    assert asyncio.run(_said(lines, wake=b'\n{"event":"c"}\n')) == ["a", "b", "c"]


async def _late() -> list[str]:
    heard: list[str] = []
    talk, theirs = await Conversation.open(lambda message: heard.append(message["event"]))
    with theirs:
        os.write(talk.messages, b'{"event":"last words"}\n')
    talk.close()
    talk.close()
    talk.read()
    return heard


def test_what_was_said_last_is_heard_at_the_end():
    """Hanging up hears what nobody had asked for; once is enough."""
    assert asyncio.run(_late()) == ["last words"]
