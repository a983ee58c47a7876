"""Shards that a tool makes by itself: what is missing is known when all of them have ended."""

import asyncio
import os
from dataclasses import dataclass

import pytest

from fanfold.engine.supervisor import Supervisor
from fanfold.runners.base import Item
from fanfold.runners.command import OwnCommand
from fanfold.runners.schedule import START
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.job import Job, Settings
from fanfold.skills.parallel_test.work import running
from fanfold.suites import Environment, Suite

FILES = ("a.js", "b.js", "c.js")


@dataclass(frozen=True)
class Dealing(OwnCommand):
    """A tool that is told "shard i of n", and whose files are known."""

    def items(self, suite):
        return tuple(Item(path) for path in suite.files)


async def _ran(jobs, settings):
    async with running(jobs, settings, Supervisor()) as ran:
        return ran


def run(tmp_path, script):
    """Run a script that gets its shard's number and writes JUnit; return verdicts by file, and the durations."""
    write = """report() { printf '<testsuite><testcase name="t" file="%s" time="1"/></testsuite>' $1 > $2; }; """
    suite = Suite(
        name="s",
        framework="command",
        command=("sh", "-c", write + script),
        files=FILES,
        shards=2,
        results=("{scratch}/*.xml",),
        variables={"I": "{index}", "N": "{count}", "OUT": "{scratch}"},
    )
    durations = {START: 0.0, **dict.fromkeys(FILES, 5.0)}
    job = Job(suite, Environment(), Dealing(), durations=durations)
    settings = Settings(tmp_path, Tools(tmp_path, dict(os.environ)), 2, retries=0)
    ((done,), _) = asyncio.run(_ran([job], settings))
    return {case.file or case.name: case.verdict.value for case in done.cases}, dict(done.durations)


SPLIT = 'if [ $I = 1 ]; then report a.js "$OUT/1.xml"; report b.js "$OUT/2.xml"; else {0}; fi'


@pytest.mark.parametrize(
    ("second", "verdict"),
    [('report c.js "$OUT/3.xml"', "passed"), ("report z.js $OUT/3.xml", "lost"), ("kill -9 $$", "not_run")],
)
def test_what_no_shard_told_of(tmp_path, second, verdict):
    """A file that another shard has is not missing; one that none has is lost, or not run when one was cut off."""
    told, durations = run(tmp_path, SPLIT.format(second))
    assert (told["a.js"], told["b.js"], told["c.js"]) == ("passed", "passed", verdict)
    assert set(durations) - {START} == ({"a.js", "b.js", "c.js"} if verdict == "passed" else {"a.js", "b.js"})
