"""A child process ends when it is told to, with all that it started, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanfold.engine.process import Completed, ProcessTimeoutError, run_process
from fanfold.errors import FinalError, TransientError

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, in at most 20 s, and fail on anything that was not closed (warnings are errors)."""

    async def bounded() -> T:
        async with asyncio.timeout(20):
            return await work

    result = asyncio.run(bounded())
    gc.collect()
    return result


def sh(script: str, cwd: Path, *words: str, **options: Any) -> Coroutine[Any, Any, Completed]:
    return run_process(["/bin/sh", "-c", script, "sh", *words], cwd=cwd, **({"timeout_s": None} | options))


def open_files() -> set[str]:
    return {file.name for file in Path("/dev/fd").iterdir()}


class Witness:
    """A FIFO that processes hold open: its end is reached when the last of them is gone, zombie or not."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    async def line(self) -> str:
        """Return the next line that a holder writes."""
        return await self._until(lambda text: text.endswith("\n"))

    async def gone(self) -> None:
        """Return when nobody holds it any more."""
        await self._until(lambda _: False)

    async def _until(self, enough: Callable[[str], bool]) -> str:
        loop, text = asyncio.get_running_loop(), ""
        while not enough(text):
            readable = asyncio.Event()
            loop.add_reader(self._fd, readable.set)
            await readable.wait()
            loop.remove_reader(self._fd)
            data = os.read(self._fd, 1 if enough("\n") else 4096)
            if not data:
                return text
            text += data.decode()
        return text

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    made = Witness(tmp_path / "witness")
    yield made
    made.close()


def test_returns_outputs_and_exit_code(tmp_path: Path) -> None:
    """Both outputs and the exit code come back as they were."""
    done = run(sh("printf out; printf err >&2; exit 3", tmp_path))
    assert done == Completed(3, b"out", b"err", truncated=False)


def test_runs_in_the_folder_with_the_environment_given(tmp_path: Path) -> None:
    """`cwd` and `env` are the child's; nothing else of the parent's environment is there."""
    done = run(sh("pwd; env", tmp_path, env={"ONLY": "this"}))
    folder, *variables = done.stdout.decode().splitlines()
    assert Path(folder).resolve() == tmp_path.resolve()
    assert "ONLY=this" in variables
    assert not [line for line in variables if line.startswith(("HOME=", "PATH=", "VIRTUAL_ENV="))]


def test_words_reach_the_program_unchanged(tmp_path: Path) -> None:
    """There is no shell between: spaces, quotes, newlines, dashes and odd bytes arrive as they are."""
    words = ["a b", 'it\'s "q"', "line\nbreak", "-rf", "$HOME;*", "é", os.fsdecode(b"caf\xe9")]
    script = "import os, sys; os.write(1, b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
    done = run(run_process([sys.executable, "-c", script, *words], cwd=tmp_path, timeout_s=None))
    assert done.stdout.split(b"\0") == [os.fsencode(word) for word in words]


def test_stdin_is_given_whole_and_ended(tmp_path: Path) -> None:
    """Input far larger than a pipe arrives whole, followed by its end."""
    data = bytes(range(256)) * 4096
    done = run(run_process(["cat"], cwd=tmp_path, timeout_s=None, stdin=data))
    assert done.stdout == data


@pytest.mark.parametrize("stdin", [None, b""])
def test_without_input_the_program_reads_an_end(tmp_path: Path, stdin: bytes | None) -> None:
    """A program that reads its input when there is none doesn't wait for a person."""
    assert run(run_process(["cat"], cwd=tmp_path, timeout_s=None, stdin=stdin)).stdout == b""


def test_a_program_may_ignore_its_input(tmp_path: Path) -> None:
    """Input that nobody reads neither fails nor hangs."""
    done = run(run_process(["true"], cwd=tmp_path, timeout_s=None, stdin=b"x" * 1_000_000))
    assert done.returncode == 0


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 70_000), limit=st.integers(0, 70_000))
def test_output_is_bounded(tmp_path: Path, size: int, limit: int) -> None:
    """The first `max_output` bytes are kept, more is said to be truncated, and the program ends by itself."""
    data = (b"0123456789" * (size // 10 + 1))[:size]
    done = run(run_process(["cat"], cwd=tmp_path, timeout_s=None, stdin=data, max_output=limit))
    assert done == Completed(0, data[:limit], b"", truncated=size > limit)


def test_a_flood_is_drained(tmp_path: Path) -> None:
    """A program that prints 300 MB is read to its end with 1 MB kept of either output."""
    script = "head -c 150000000 /dev/zero; head -c 150000000 /dev/zero >&2; exit 7"
    done = run(sh(script, tmp_path, max_output=1_000_000))
    assert (done.returncode, len(done.stdout), len(done.stderr), done.truncated) == (
        7,
        1_000_000,
        1_000_000,
        True,
    )


def test_death_by_signal_is_a_negative_code(tmp_path: Path) -> None:
    """A program that a signal ended says which."""
    assert run(sh("kill -SEGV $$", tmp_path)).returncode == -signal.SIGSEGV


def test_timeout_ends_the_whole_group(tmp_path: Path, witness: Witness) -> None:
    """At the timeout the program's children end with it, and what it had printed is not lost."""

    async def story() -> None:
        with pytest.raises(TimeoutError, match=r"^sh did not end within 0.3 s$") as caught:
            await sh(
                'exec 9>"$1"; printf partial; sleep 1000 & sleep 1000',
                tmp_path,
                str(witness.path),
                timeout_s=0.3,
            )
        assert isinstance(caught.value, ProcessTimeoutError)
        assert caught.value.completed == Completed(-signal.SIGTERM, b"partial", b"", truncated=False)
        await witness.gone()

    run(story())


@pytest.mark.parametrize("trap", ["", "trap 'exit 5' TERM;", "trap '' TERM;"], ids=["default", "handled", "ignored"])
def test_cancellation_ends_the_whole_group(tmp_path: Path, witness: Witness, trap: str) -> None:
    """Cancelled, the group ends before the caller goes on, even when all of it ignores SIGTERM."""
    script = f'{trap} exec 9>"$1"; sleep 1000 & echo ready >&9; wait; sleep 1000'

    async def story() -> None:
        task = asyncio.create_task(sh(script, tmp_path, str(witness.path), grace_s=0.05))
        assert await witness.line() == "ready\n"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await witness.gone()

    run(story())


def test_cancelled_again_skips_the_grace(tmp_path: Path, witness: Witness) -> None:
    """A second cancellation kills at once what would have had a day to end."""

    async def story() -> None:
        script = "trap 'echo asked >&9' TERM; exec 9>\"$1\"; echo ready >&9;while :; do sleep 1000 9>&- & wait $!; done"
        task = asyncio.create_task(sh(script, tmp_path, str(witness.path), grace_s=86400))
        assert await witness.line() == "ready\n"
        task.cancel()
        assert await witness.line() == "asked\n"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await witness.gone()

    run(story())


def test_cancelled_at_any_moment_of_the_start(tmp_path: Path, witness: Witness) -> None:
    """Cancelled after any number of steps of the loop, nothing of the program stays."""

    async def story() -> None:
        for steps in range(12):
            task = asyncio.create_task(sh('exec 9>"$1"; sleep 1000 & sleep 1000', tmp_path, str(witness.path)))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        holder = os.open(witness.path, os.O_WRONLY | os.O_NONBLOCK)  # an end only comes after a beginning
        os.close(holder)
        await witness.gone()

    run(story())


def test_a_child_that_outlives_its_parent_holds_nothing_up(tmp_path: Path, witness: Witness) -> None:
    """The parent's exit is the answer: a child left with the pipes neither delays it for long nor stays."""

    async def story() -> Completed:
        done = await sh('exec 9>"$1"; sleep 1000 & printf done; exit 4', tmp_path, str(witness.path))
        await witness.gone()
        return done

    assert run(story()) == Completed(4, b"done", b"", truncated=False)


def test_a_child_without_the_pipes_is_ended_too(tmp_path: Path, witness: Witness) -> None:
    """A child that lets go of the pipes, and ignores SIGTERM, still ends with its parent."""
    script = "trap '' TERM; exec 9>\"$1\"; sleep 1000 >/dev/null 2>&1 </dev/null & exit 0"

    async def story() -> None:
        assert (await sh(script, tmp_path, str(witness.path))).returncode == 0
        await witness.gone()

    run(story())


def test_a_process_that_left_the_group_holds_nothing_up(tmp_path: Path, witness: Witness) -> None:
    """A daemon in a session of its own keeps all three pipes and the answer comes all the same."""
    script = (
        "import os, signal, sys\n"
        "if os.fork():\n    os._exit(0)\n"
        "os.setsid()\n"
        "witness = os.open(sys.argv[1], os.O_WRONLY)\n"
        "os.write(witness, b'%d\\n' % os.getpid())\n"
        "signal.pause()\n"
    )

    async def story() -> None:
        argv = [sys.executable, "-c", script, str(witness.path)]
        done = await run_process(argv, cwd=tmp_path, timeout_s=None, stdin=b"x" * 1_000_000, grace_s=0.05)
        assert done.returncode == 0
        os.kill(int(await witness.line()), signal.SIGKILL)
        await witness.gone()

    run(story())


def test_nothing_leaks(tmp_path: Path) -> None:
    """After ends of every kind the same files are open as before, and no child waits to be reaped."""

    async def story() -> None:
        await sh("cat", tmp_path, stdin=b"x")
        with pytest.raises(TimeoutError):
            await sh("sleep 1000", tmp_path, timeout_s=0)
        with pytest.raises(FinalError):
            await run_process(["no-such-program"], cwd=tmp_path, timeout_s=None)
        task = asyncio.create_task(sh("sleep 1000", tmp_path, stdin=b"x" * 1_000_000))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    # Some library's helper may be a child of this process for as long as it lives.
    before = open_files(), set(psutil.Process().children())
    run(story())
    assert (open_files(), set(psutil.Process().children())) == before


def test_many_at_once(tmp_path: Path) -> None:
    """Forty at once keep their own outputs."""

    async def story() -> list[Completed]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(sh(f"printf {n}", tmp_path)) for n in range(40)]
        return [task.result() for task in tasks]

    assert [done.stdout for done in run(story())] == [b"%d" % n for n in range(40)]


@pytest.mark.parametrize(
    ("argv", "folder", "says"),
    [
        (
            ["no-such-program"],
            ".",
            "can't start no-such-program: no such program; install it, or put it on PATH",
        ),
        (["true"], "gone", "no such folder"),
        (["{}/data"], ".", "Permission denied"),
        (["{}/broken"], ".", "Exec format error"),
        (["true", "x" * 10_000_000], ".", "Argument list too long"),
        (["true", "a\0b"], ".", "embedded null byte"),
    ],
)
def test_what_can_not_start_says_why(tmp_path: Path, argv: list[str], folder: str, says: str) -> None:
    """A program that can't be started is a final error that names it and the reason."""
    (tmp_path / "data").write_text("no program")
    (tmp_path / "broken").write_bytes(b"\x7fELF broken")
    (tmp_path / "broken").chmod(0o755)
    words = [word.replace("{}", str(tmp_path)) for word in argv]
    with pytest.raises(FinalError, match=says) as caught:
        run(run_process(words, cwd=tmp_path / folder, timeout_s=None))
    assert Path(words[0]).name in str(caught.value)


def test_a_machine_short_of_files_is_worth_another_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running out of file descriptors is a transient error."""

    def exhausted(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("subprocess.Popen", exhausted)
    with pytest.raises(TransientError, match="Too many open files"):
        run(sh("true", tmp_path))
