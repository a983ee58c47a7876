"""What suites of one folder have in common before any test: can it be built at all?

They run at once, and wait for the same locks and the same network. What one of them has found out, the others need not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fanfold.errors import FinalError
from fanfold.skills.parallel_test.job import Job

T = TypeVar("T")
_Key = tuple[str, str, str]


class Builds:
    """Of each folder in each environment, by framework, why nothing can be built there, once that is known."""

    def __init__(self) -> None:
        self._broken: dict[_Key, asyncio.Future[str]] = {}

    def _of(self, job: Job) -> asyncio.Future[str]:
        key = (job.suite.framework, job.suite.folder, job.environment.name)
        if key not in self._broken:
            self._broken[key] = asyncio.get_running_loop().create_future()
        return self._broken[key]

    def broken(self, job: Job, why: str) -> None:
        """Take note that nothing can be built where a job runs."""
        if not self._of(job).done():
            self._of(job).set_result(why)

    async def unless_broken(self, job: Job, work: Coroutine[object, object, T]) -> T:
        """Do some work, and end it when it turns out meanwhile that nothing can be built there.

        Raises:
            FinalError: nothing can be built there.
        """
        broken = self._of(job)
        if broken.done():
            work.close()
            raise FinalError(broken.result())
        running = asyncio.ensure_future(work)
        try:
            either: set[asyncio.Future[Any]] = {running, broken}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise FinalError(broken.result())
            return running.result()
        finally:
            if not running.done():
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
