"""The virtual-time loop: jumps over waits, lets real things happen, and says when nothing can."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.testing.virtual_time import Deadlock, LeakedTasks, VirtualTimeLoop, run_virtual


async def _slept(delay_s: float) -> float:
    await asyncio.sleep(delay_s)
    return asyncio.get_running_loop().time()


def test_time_jumps() -> None:
    """An hour of sleep takes no time, and ends at 3600.0 on the loop's clock."""
    started = time.monotonic()
    assert run_virtual(_slept(3600)) == 3600.0
    assert time.monotonic() - started < 5


@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_timers_end_in_order_at_their_times(delays: list[float]) -> None:
    """Sleeps that start together end when they should and shortest first."""
    ended: list[float] = []

    async def sleeper(delay: float) -> None:
        ended.append(await _slept(delay))

    async def main() -> None:
        await asyncio.gather(*map(sleeper, delays))

    run_virtual(main())
    assert ended == pytest.approx(sorted(delays))


def test_timeouts_are_virtual() -> None:
    """Asyncio's own timeouts run on the loop's time."""

    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(50):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 50


def test_a_thread_holds_time_still() -> None:
    """While a call runs in a thread, a timer of an hour does not go off."""
    release = threading.Event()

    async def main() -> str:
        call = asyncio.create_task(asyncio.to_thread(release.wait, 30))
        timer = asyncio.create_task(asyncio.sleep(3600))
        asyncio.get_running_loop().call_soon(release.set)
        first, _ = await asyncio.wait({call, timer}, return_when=asyncio.FIRST_COMPLETED)
        timer.cancel()
        await asyncio.wait({timer})
        return "thread" if first == {call} else "timer"

    assert run_virtual(main()) == "thread"


def test_time_jumps_again_after_a_thread() -> None:
    """When the call in the thread has ended, waiting costs nothing again."""

    async def main() -> float:
        await asyncio.to_thread(int)
        return await _slept(3600)

    assert run_virtual(main()) == pytest.approx(3600, abs=30)


@pytest.mark.parametrize("shell", [False, True])
def test_a_process_holds_time_still(shell: bool) -> None:
    """While a child process lives, a timer of an hour does not go off; its exit code arrives."""

    async def main() -> int:
        code = "import sys; sys.exit(7)"
        if shell:
            child = await asyncio.create_subprocess_shell("exit 7")
        else:
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        async with asyncio.timeout(3600):
            return await child.wait()

    assert run_virtual(main()) == 7


def test_sockets_work() -> None:
    """A real connection on loopback works, and its timeout does not jump ahead of the answer."""

    async def main() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            async with asyncio.timeout(3600):
                answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert run_virtual(main()) == b"HELLO\n"


def test_a_silent_socket_takes_real_time() -> None:
    """A socket that nobody writes to holds a short timeout for as long as it says."""

    async def main() -> tuple[float, float]:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        ours.settimeout(0)
        with ours, theirs, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await loop.sock_recv(ours, 1)
        assert isinstance(loop, VirtualTimeLoop)
        return loop.time(), loop.advanced_s

    now_s, jumped_s = run_virtual(main())
    assert now_s >= 0.02
    assert jumped_s == 0


def test_deadlock_is_said() -> None:
    """A coroutine that can never end raises and names who waits where."""

    async def main() -> None:
        await asyncio.create_task(asyncio.Event().wait(), name="the-waiter")

    with pytest.raises(Deadlock, match=r"the-waiter at .*locks\.py"):
        run_virtual(main())


def test_leaked_tasks_are_said() -> None:
    """A task that outlives the coroutine is an error, unless the caller does not ask."""

    async def main() -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.sleep(1), name="left-behind")

    with pytest.raises(LeakedTasks, match="left-behind"):
        run_virtual(main())
    assert run_virtual(main(), check_leaks=False).cancelled()


def test_errors_come_out() -> None:
    """What the coroutine raises is raised, even when it leaves tasks behind."""

    async def main() -> None:
        left.append(asyncio.create_task(asyncio.sleep(1)))
        raise LookupError("mine")

    left: list[asyncio.Task[None]] = []

    with pytest.raises(LookupError, match="mine"):
        run_virtual(main())


def test_runs_are_identical() -> None:
    """The same program gives the same times, to the last bit."""

    async def main() -> list[float]:
        return [await _slept(0.1) for _ in range(100)]

    assert run_virtual(main()) == run_virtual(main())
