"""`fanfold test --executor dask`: parts of a plan as tasks of a Dask distributed cluster, merged at the end."""

from __future__ import annotations

import asyncio
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from fanfold.cli.parts import listed_tests
from fanfold.errors import UsageError
from fanfold.models import Run
from fanfold.pack import how_to_install
from fanfold.skills.parallel_test.dask_task import run_part
from fanfold.skills.parallel_test.deal import deal
from fanfold.skills.parallel_test.portions import DealtPlan

if TYPE_CHECKING:
    from fanfold.skills.parallel_test.job import Settings
    from fanfold.skills.parallel_test.request import TestRequest
    from fanfold.skills.parallel_test.run import Chosen

_CONNECT_S = 10
# So many parts for each thread of the cluster: a worker that is lost costs no more than one of them.
_PER_THREAD = 2
# A part that ends at the deadline has this long to say so.
_FOLDING_S = 5.0
DASK = "dask"


@dataclass
class Collected:
    """What came back of a plan's parts: runs by the name of the part, and why there is none of the others."""

    plan: DealtPlan
    runs: list[tuple[str, Run]] = field(default_factory=list)
    absent: dict[int, str] = field(default_factory=dict)
    interrupted: bool = False


def check_executor(given: Mapping[str, Any]) -> bool:
    """Tell whether the tests run on a cluster. Raises UsageError for options that don't go together."""
    if given["executor"] != DASK:
        if given["scheduler"] is not None:
            raise UsageError("--scheduler goes with --executor dask")
        return False
    if given["scheduler"] is None:
        raise UsageError("--executor dask: --scheduler ADDRESS is needed, as tcp://host:8786")
    for name in ("plan", "shard", "merge", "coverage", "bisect", "dry_run", "replay", "record"):
        if given[name]:
            raise UsageError(f"--executor dask and --{name.replace('_', '-')} don't go together")
    return True


def run_on_dask(chosen: Chosen, settings: Settings, request: TestRequest, given: Mapping[str, Any]) -> Collected:
    """Deal the tests out, run each part as a task, and return what came back.

    Raises:
        UsageError: distributed is not installed; nobody answers; there is no worker; no part came back.
    """
    client = _connected(given["scheduler"])
    try:
        threads = sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
        if not threads:
            raise UsageError(f"--scheduler {given['scheduler']}: it has no workers")
        plan = deal(asyncio.run(listed_tests(chosen, settings)), _PER_THREAD * threads, fewer=True)
        with _sigterm_interrupts():
            got = _gathered(client, plan, str(settings.root), _words(request, given), request.deadline_s)
    finally:
        client.close()
    if not got.runs and got.interrupted:
        raise KeyboardInterrupt
    if not got.runs:
        raise UsageError(f"--executor dask: no part came back: {next(iter(got.absent.values()))}")
    return got


def _connected(address: str) -> Any:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise UsageError(f"--executor dask: distributed is not installed: {how_to_install('dask')}") from error
    try:
        return distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        why = " ".join(str(error).split())
        raise UsageError(f"--scheduler {address}: can't be reached: {why}") from error


def _words(request: TestRequest, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options of each part. Each runs one process: a thread of the cluster is a slot for one part."""
    said = {
        "--jobs": 1,
        "--retries": request.retries,
        "--timeout": request.timeout_s,
        "--deadline": request.deadline_s,
        "--memory": given["memory"],
        "--slow": given["slow"],
        "--backend": "none",
    }
    return tuple(word for name, value in said.items() if value is not None for word in (name, str(value)))


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM do what SIGINT does, where signals can be had."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _gathered(client: Any, plan: DealtPlan, root: str, words: Sequence[str], deadline_s: float | None) -> Collected:
    """Submit a task for each part, and wait for all; an interruption or the deadline keeps what there is."""
    text, count, run = plan.model_dump_json(), len(plan.parts), secrets.token_hex(4)
    futures = {
        client.submit(run_part, text, f"{n}/{count}", root, words, key=f"fanfold-{run}-{n}", pure=False): n
        for n in range(1, count + 1)
    }
    got = Collected(plan)
    limit_s = None if deadline_s is None else deadline_s + _FOLDING_S
    try:
        for future in import_module("distributed").as_completed(futures, loop=client.loop, timeout=limit_s):
            _take(got, future, futures[future])
    except (KeyboardInterrupt, TimeoutError) as error:
        got.interrupted = isinstance(error, KeyboardInterrupt)
        why = "interrupted" if got.interrupted else "it had not ended at the deadline"
        client.cancel(list(futures), force=True)
        taken = {name for name, _ in got.runs}
        left = [n for n in futures.values() if _name(n) not in taken]
        got.absent.update(dict.fromkeys(left, why))
    return got


def _take(got: Collected, future: Any, number: int) -> None:
    """Keep what came of a part."""
    if future.status == "finished":
        try:
            got.runs.append((_name(number), Run.model_validate_json(future.result())))
        except ValidationError:
            got.absent[number] = "what came back of it is no run"
        return
    error = future.exception() if future.status == "error" else None
    got.absent[number] = " ".join(str(error).split()) if error else f"its task was {future.status}"
    click.echo(f"fanfold: {_name(number)}: {got.absent[number]}", err=True)


def _name(number: int) -> str:
    return f"task {number}"
