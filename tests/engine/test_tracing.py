"""Spans: the run, its units, their attempts, with OpenTelemetry's names."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from fanfold import Supervisor, Unit, Usage, fan_out
from fanfold.engine.attempt import Attempt
from fanfold.engine.events import EventLog
from fanfold.engine.hedge import HedgePolicy
from fanfold.engine.tracing import Spans, span_listener
from fanfold.errors import BadRequest, Overloaded
from fanfold.testing.virtual_time import run_virtual

SCRIPTS = Path(__file__).parents[2] / "scripts"
EPOCH_NS = 1_700_000_000_000_000_000
USAGE = Usage(input_tokens=1, cache_read_tokens=300, output_tokens=4, cost_usd=0.5, requests=1)


class Traced:
    """A tracer provider whose spans stay in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.spans = Spans(self.provider, wall_ns=lambda: EPOCH_NS)

    def ended(self, name: str | None = None) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if name in (None, span.name)]

    def run(self, worker: Callable[[Unit[Any], Attempt], Any], *units: Unit[Any], **options: Any) -> None:
        """Run units under a supervisor; no span is current after it."""

        async def main() -> None:
            log = EventLog(listeners=[self.spans.see])
            async with Supervisor(jobs=4, events=log, **options) as supervisor:
                await fan_out(units, worker, supervisor=supervisor)

        before = context.get_current()
        run_virtual(main())
        assert context.get_current() == before


@pytest.fixture
def traced() -> Traced:
    return Traced()


def agent(number: int = 1) -> Unit[int]:
    return Unit(key=f"k{number}", label=f"part {number}", payload=number, kind="security", lane="model:claude-opus-5-5")


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def seconds(span: ReadableSpan) -> tuple[float, float]:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.start_time - EPOCH_NS) / 1e9, (span.end_time - EPOCH_NS) / 1e9


async def answer(unit: Unit[int], attempt: Attempt) -> int:
    await asyncio.sleep(1)
    attempt.began()
    attempt.charge(USAGE)
    await asyncio.sleep(2)
    return unit.payload


def test_a_run_is_a_tree_of_spans(traced):
    """The run holds its units and these their attempts, each from its start to its end."""
    traced.run(answer, agent(1), agent(2))
    (run,), units, attempts = (traced.ended(n) for n in ("invoke_workflow", "unit security", "invoke_agent security"))
    assert parent_of(run) is None
    assert {parent_of(unit) for unit in units} == {id_of(run)}
    assert sorted(parent_of(attempt) or 0 for attempt in attempts) == sorted(map(id_of, units))
    assert {seconds(span) for span in traced.ended()} == {(0.0, 3.0)}
    assert {span.kind for span in traced.ended()} == {SpanKind.INTERNAL}
    assert all(span.status.status_code is StatusCode.UNSET for span in traced.ended())
    assert len(traced.ended()) == 5


def test_an_attempt_has_the_attributes_of_the_conventions(traced):
    """Model, tokens and the time to the first event have OpenTelemetry's names; what it has none for is fanfold's."""
    traced.run(answer, agent())
    (attempt,), (unit,) = traced.ended("invoke_agent security"), traced.ended("unit security")
    assert attempt.attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.agent.name": "security",
        "gen_ai.request.model": "claude-opus-5-5",
        "gen_ai.response.time_to_first_chunk": 1.0,
        "gen_ai.usage.input_tokens": 301,
        "gen_ai.usage.cache_read.input_tokens": 300,
        "gen_ai.usage.output_tokens": 4,
        "fanfold.usage.cost_usd": 0.5,
        "fanfold.usage.requests": 1,
        "fanfold.attempt.number": 1,
        "fanfold.attempt.hedge": False,
        "fanfold.attempt.status": "ok",
    }
    assert unit.attributes is not None
    assert unit.attributes["fanfold.unit.label"] == "part 1"
    assert unit.attributes["fanfold.unit.status"] == "ok"
    assert unit.attributes["fanfold.unit.attempts"] == 1


def test_what_is_no_model_call_is_not_called_one(traced):
    """A test process or an analyzer has spans without any gen_ai attribute."""
    traced.run(answer, Unit(key="k", label="l", payload=1, kind="ruff", lane="process"))
    (attempt,) = traced.ended("attempt")
    assert not [name for name in attempt.attributes or () if name.startswith("gen_ai.") and "usage" not in name
                and "time_to" not in name]  # fmt: skip
    assert len(traced.ended("unit ruff")) == 1


def test_a_failure_is_an_error_of_its_span(traced):
    """A failed attempt, and a unit that ends badly, have an error status and type; a retried unit ends well."""
    failures = [Overloaded("529"), None, BadRequest("no such field")]

    async def worker(unit: Unit[int], attempt: Attempt) -> int:
        if failure := failures.pop(0):
            raise failure
        return 1

    traced.run(worker, agent(1))
    traced.run(worker, agent(2))
    attempts, units = traced.ended("invoke_agent security"), traced.ended("unit security")
    assert [(a.attributes or {}).get("error.type") for a in attempts] == ["Overloaded", None, "BadRequest"]
    assert [a.status.status_code for a in attempts] == [StatusCode.ERROR, StatusCode.UNSET, StatusCode.ERROR]
    assert [u.status.status_code for u in units] == [StatusCode.UNSET, StatusCode.ERROR]
    assert (units[1].attributes or {})["error.type"] == "failed"
    assert units[1].status.description == "no such field"


def test_what_a_worker_traces_is_inside_of_its_attempt(traced, caplog):
    """A span that a worker opens, as the SDK does for each call, is a child of the attempt's, a hedge's included."""
    tracer = traced.provider.get_tracer("sdk")

    async def worker(unit: Unit[int], attempt: Attempt) -> int:
        with tracer.start_as_current_span(f"chat {attempt.hedge}"):
            await asyncio.sleep(1 if attempt.hedge else 60)
        return 1

    traced.run(worker, agent(1), hedge=HedgePolicy(initial_s=2.0))
    attempts = {
        (span.attributes or {})["fanfold.attempt.hedge"]: span for span in traced.ended("invoke_agent security")
    }
    for hedge in (False, True):
        (chat,) = traced.ended(f"chat {hedge}")
        assert parent_of(chat) == id_of(attempts[hedge])
    assert (attempts[False].attributes or {})["fanfold.attempt.status"] == "cancelled"
    assert caplog.records == []


def test_a_span_is_current_for_its_own_attempt_only(traced):
    """Between attempts, and in units that run at the same time, nobody sees another attempt's span."""
    seen: list[tuple[str, int, int]] = []
    failures = {"k1": [Overloaded("529")], "k2": [Overloaded("529")]}

    async def worker(unit: Unit[int], attempt: Attempt) -> int:
        await asyncio.sleep(unit.payload)
        current = trace.get_current_span()
        seen.append((unit.key, attempt.number, current.get_span_context().span_id))
        if failures[unit.key]:
            raise failures[unit.key].pop()
        return 1

    traced.run(worker, agent(1), agent(2))
    assert len({span_id for *_, span_id in seen}) == 4
    assert {span_id for *_, span_id in seen} == set(map(id_of, traced.ended("invoke_agent security")))


def test_what_was_current_is_so_again_after_an_attempt(traced):
    """Who runs a unit in a task of their own finds the span that was current before, after each try."""

    async def main() -> None:
        log = EventLog(listeners=[traced.spans.see])
        before = context.get_current()
        async with Supervisor(jobs=1, events=log) as supervisor:
            for number in (1, 2):
                await supervisor.run(agent(number), answer)
                assert context.get_current() == before

    run_virtual(main())


def test_the_span_that_was_current_holds_the_run(traced):
    """A run that is started inside of somebody's span is part of it."""
    with traced.provider.get_tracer("ci").start_as_current_span("job") as job:
        traced.run(answer, agent())
    (run,) = traced.ended("invoke_workflow")
    assert parent_of(run) == job.get_span_context().span_id


def test_what_belongs_to_no_unit_is_an_event_of_the_run(traced):
    """Pauses of a lane and failures of the store are told on the run's span."""
    log = EventLog(listeners=[traced.spans.see])
    log.emit("lane.paused", lane="too early")
    log.emit("run.started", jobs=4)
    log.emit("lane.paused", lane="a", wait_s=1.5, nothing=None)
    log.emit("run.ended", stopped="interrupted")
    (run,) = traced.ended()
    assert [(event.name, dict(event.attributes or {})) for event in run.events] == [
        ("lane.paused", {"lane": "a", "wait_s": 1.5})
    ]
    assert run.status.status_code is StatusCode.ERROR
    assert run.status.description == "interrupted"
    assert (run.attributes or {})["fanfold.run.jobs"] == 4


def test_two_units_of_one_key_have_a_span_each(traced):
    """Units that share a key are told apart in order."""
    traced.run(answer, agent(1), agent(1))
    assert len(traced.ended("unit security")) == len(traced.ended("invoke_agent security")) == 2


def test_events_that_begin_in_the_middle_make_no_spans(traced):
    """A listener that comes late hears of ends without a beginning, and of attempts without their unit."""
    log = EventLog(listeners=[traced.spans.see])
    for name in ("unit.ended", "attempt.ended", "attempt.began", "run.ended"):
        log.emit(name, "k", status="ok", number=1, hedge=False)
    assert traced.ended() == []


@pytest.fixture
def global_provider() -> Iterator[None]:
    """Take back what a test does to the process's tracer provider."""
    once, provider = trace._TRACER_PROVIDER_SET_ONCE, trace._TRACER_PROVIDER
    done = once._done
    yield
    trace._TRACER_PROVIDER, once._done = provider, done


@pytest.mark.usefixtures("global_provider")
def test_there_is_a_listener_when_a_provider_is_configured(traced):
    """Without a provider there is nothing to listen; with one the listener makes its spans."""
    assert span_listener() is None
    trace.set_tracer_provider(traced.provider)
    listen = span_listener()
    assert listen is not None
    log = EventLog(listeners=[listen])
    log.emit("run.started")
    log.emit("run.ended")
    assert [span.name for span in traced.ended()] == ["invoke_workflow"]


def test_nothing_is_imported_without_need():
    """In a process that has not set OpenTelemetry up, asking for the listener does not import it."""
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from fanfold.engine.tracing import span_listener\n"
        "assert span_listener() is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
