"""A watched process is limited, its output bounded, and whatever it starts ends with it."""

from __future__ import annotations

import asyncio
import signal
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.watched import HeadAndTail, Limits, Watched, run_watched

QUICK = 0.1


def watch(code: str, folder: Path, *words: str, **options) -> Watched:
    mark = ("FANFOLD_TEST_MARK", uuid.uuid4().hex)
    argv = [sys.executable, "-c", code, *words]
    return asyncio.run(run_watched(argv, cwd=folder, env={mark[0]: mark[1]}, mark=mark, **options))


def gone(pid: int) -> bool:
    """Tell whether a process has ended; one that nobody has waited for has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  what is waited for happens in another process
        await asyncio.sleep(0.01)


@given(parts=st.lists(st.binary(max_size=300)), limit=st.integers(2, 400))
def test_head_and_tail_are_kept(parts: list[bytes], limit: int) -> None:
    """What is kept begins and ends as the whole did, is the whole when there is room, and counts what is missing."""
    sink, whole, half = HeadAndTail(limit), b"".join(parts), limit // 2
    for part in parts:
        sink.write(part)
    assert sink.kept().startswith(whole[:half])
    assert sink.kept().endswith(whole[half:][-half:])
    assert sink.truncated == (len(whole) > 2 * half)
    if not sink.truncated:
        assert sink.kept() == whole
    else:
        assert b"[... %d bytes ...]" % (len(whole) - 2 * half) in sink.kept()


def test_a_flood_fills_no_memory() -> None:
    """A hundred megabytes leave little more than the limit behind."""
    sink = HeadAndTail(1_000_000)
    for _ in range(100):
        sink.write(bytes(1_000_000))
    assert len(sink.kept()) < 1_000_100
    assert sink.written == 100_000_000


def test_what_ends_by_itself_says_how(tmp_path: Path) -> None:
    """Exit code and both outputs come back, and nothing was left."""
    done = watch("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", tmp_path)
    assert (done.returncode, done.why, done.stdout, done.stderr, done.strays) == (3, "exited", b"out\n", b"err\n", 0)


def test_a_hang_is_said_then_interrupted(tmp_path: Path) -> None:
    """Slow is said once, before the end; SIGINT comes first, so that the program can still say where it was."""
    said: list[float] = []
    code = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('I was asleep')"
    done = watch(code, tmp_path, limits=Limits(slow_s=0.05, timeout_s=0.4, grace_s=5), slow=said.append)
    assert (done.why, done.stdout, done.returncode) == ("timed_out", b"I was asleep\n", 0)
    assert len(said) == 1
    assert 0.05 <= said[0] < 0.4


def test_what_ignores_every_signal_is_killed(tmp_path: Path) -> None:
    """A program that ignores SIGINT and SIGTERM ends by SIGKILL, and its child that does the same with it."""
    code = (
        "import os, signal, subprocess, sys, time\n"
        "for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "print(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    done = watch(code, tmp_path, limits=Limits(timeout_s=0.5, grace_s=QUICK))
    assert (done.why, done.returncode) == ("timed_out", -signal.SIGKILL)
    assert gone(int(done.stdout))


@pytest.mark.parametrize("env", ["None", "{}"], ids=["marked", "without-its-environment"])
def test_who_leaves_the_session_is_found(tmp_path: Path, env: str) -> None:
    """A child in a session of its own, orphaned, ends with the program: by its mark, or because it was seen before."""
    code = (
        "import subprocess, sys, time\n"
        f"silent = dict(env={env}, stdout=subprocess.DEVNULL)\n"
        "child = subprocess.Popen(['/bin/sleep', '60'], start_new_session=True, **silent)\n"
        "print(child.pid, flush=True)\ntime.sleep(float(sys.argv[1]))\n"
    )
    done = watch(code, tmp_path, "0" if env == "None" else "0.6")
    assert (done.why, done.returncode, done.strays) == ("exited", 0, 1)
    assert gone(int(done.stdout))


def test_memory_of_children_counts(tmp_path: Path) -> None:
    """A child that takes too much ends the whole program, and the peak is told."""
    code = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'x = bytearray(200_000_000); import time; time.sleep(60)'])\n"
    )
    done = watch(code, tmp_path, limits=Limits(memory_bytes=150_000_000, grace_s=QUICK))
    assert done.why == "out_of_memory"
    assert done.peak_bytes > 150_000_000


def test_cancelled_nothing_stays(tmp_path: Path) -> None:
    """A cancellation ends the program and what it has started, in and out of its session."""
    code = (
        "import subprocess, pathlib, time\n"
        "pids = [subprocess.Popen(['sleep', '60'], start_new_session=apart).pid for apart in (True, False)]\n"
        "pathlib.Path('draft').write_text(' '.join(map(str, pids)))\n"
        "pathlib.Path('draft').rename('pids')\ntime.sleep(60)\n"
    )

    async def story() -> None:
        mark = ("FANFOLD_TEST_MARK", uuid.uuid4().hex)
        limits = Limits(grace_s=QUICK)
        argv = [sys.executable, "-c", code]
        env = {mark[0]: mark[1], "PATH": "/bin:/usr/bin"}
        task = asyncio.create_task(run_watched(argv, cwd=tmp_path, env=env, mark=mark, limits=limits))
        await until((tmp_path / "pids").exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert all(gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_a_flood_is_bounded(tmp_path: Path) -> None:
    """A program that prints 200 MB ends by itself, with its first and last words kept."""
    code = "import sys\nprint('first')\nfor _ in range(200): sys.stdout.write('x' * 1_000_000)\nprint('last')"
    done = watch(code, tmp_path, max_output=100_000)
    assert done.returncode == 0
    assert done.truncated
    assert done.stdout.startswith(b"first\n")
    assert done.stdout.endswith(b"last\n")
    assert len(done.stdout) < 101_000
