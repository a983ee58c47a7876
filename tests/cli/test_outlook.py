"""Claude Code is told in time of what may outlast its Bash tool."""

import asyncio
import io

from fanfold.cli.outlook import Outlook
from fanfold.engine.events import EventLog
from fanfold.testing.virtual_time import run_virtual


def said(work, jobs=4):
    """Return what is said of `work(log)`, and when, in seconds."""
    lines: list[tuple[float, str]] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            if text.strip():
                lines.append((asyncio.get_running_loop().time(), text))
            return len(text)

    async def watched():
        with Outlook(Stream(), "20260101-000000-abcd", jobs) as outlook:
            await work(EventLog(listeners=[outlook]))

    run_virtual(watched())
    return lines


def plan(log, count, **attributes):
    for number in range(count):
        log.emit("unit.planned", str(number), label=str(number), **attributes)


def test_sub_agents_take_minutes():
    """It is said a second after they are planned, with what to do then."""

    async def work(log):
        plan(log, 8, lane="model:m")
        await asyncio.sleep(300)

    ((at_s, line),) = said(work)
    assert at_s == 1
    assert "20260101-000000-abcd may take about 3 min" in line
    for what in ("2 min", "10 min at most", "fanfold runs show", "the same command again"):
        assert what in line


def test_how_long_a_batch_waits_is_not_known():
    """Nobody is promised minutes of what can take a day; that it outlasts the tool is said as early."""

    async def work(log):
        plan(log, 8, lane="model:m")
        await asyncio.sleep(300)

    ((at_s, line),) = said(work, jobs=None)
    assert at_s == 1
    assert "may take longer than two minutes" in line


def test_what_is_reused_takes_no_time():
    """Outcomes that come from the store end before anybody is told anything."""

    async def work(log):
        plan(log, 8, lane="model:m")
        for number in range(8):
            log.emit("unit.ended", str(number), status="ok", reused=True)
        await asyncio.sleep(60)

    assert said(work) == []


def test_known_durations_count():
    """Ten minutes of tests on four cores are two and a half; a minute of them is nothing to speak of."""

    async def long(log):
        plan(log, 10, lane="process", expected_s=60.0)
        await asyncio.sleep(10)

    async def short(log):
        plan(log, 10, lane="process", expected_s=20.0)
        await asyncio.sleep(50)

    assert "about 2 min 30 s" in said(long)[0][1]
    assert said(short) == []


def test_what_nobody_knew_is_said_before_two_minutes():
    """The first run of a suite has no durations: it is spoken of while there is time."""

    async def work(log):
        plan(log, 2, lane="process", expected_s=None)
        await asyncio.sleep(500)

    ((at_s, line),) = said(work)
    assert at_s == 75
    assert "longer than two minutes" in line
