"""Spans for OpenTelemetry: the run, its units, their attempts.

    listeners = [listen] if (listen := span_listener()) else []
    log = EventLog(path, listeners)

Names and attributes are those of the conventions for generative AI (semantic-conventions-genai 0.1.0) where there are
any, and `fanfold.…` elsewhere. An attempt's span is current while its worker runs, so that what the worker traces, the
Claude SDK's own spans for one, is inside of it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fanfold.engine.events import JSON, Event, Listener

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

# A lane with this prefix is a Claude model's bucket.
MODEL_LANE = "model:"

_PROVIDER_VARIABLE = "OTEL_PYTHON_TRACER_PROVIDER"
_SCOPE = "fanfold"
_PER_S = 1_000_000_000


def span_listener() -> Listener | None:
    """Return a listener that makes spans, None when this process has no tracer provider.

    Nothing of OpenTelemetry is imported unless somebody else has done so, or asks for it in the environment.
    """
    if "opentelemetry.trace" not in sys.modules and _PROVIDER_VARIABLE not in os.environ:
        return None
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    return Spans(provider).see


@dataclass(slots=True)
class _Open:
    """A span that has not ended."""

    span: Span
    started_s: float
    attributes: Mapping[str, Any]


class Spans:
    """Turns the events of one run into spans of `provider`'s tracer."""

    def __init__(self, provider: TracerProvider, wall_ns: Callable[[], int] = time.time_ns) -> None:
        from fanfold import __version__

        self._tracer = provider.get_tracer(_SCOPE, __version__)
        self._wall_ns = wall_ns
        self._zero_ns: int | None = None
        self._run: _Open | None = None
        self._units: dict[str | None, list[_Open]] = {}
        self._attempts: dict[tuple[str | None, JSON, JSON], list[_Open]] = {}
        self._hear: Mapping[str, Callable[[Event], None]] = {
            "run.started": self._run_started,
            "run.ended": self._run_ended,
            "unit.planned": self._unit_planned,
            "unit.ended": self._unit_ended,
            "attempt.started": self._attempt_started,
            "attempt.began": self._attempt_began,
            "attempt.ended": self._attempt_ended,
        }

    def see(self, event: Event) -> None:
        """Start or end the span that an event is about; what belongs to no unit becomes an event of the run's span."""
        if self._zero_ns is None:
            self._zero_ns = self._wall_ns() - round(event.at_s * _PER_S)
        if hear := self._hear.get(event.name):
            hear(event)
        elif event.unit is None and self._run:
            self._run.span.add_event(event.name, _attributes(event.attributes), self._ns(event))

    # -- the run

    def _run_started(self, event: Event) -> None:
        if self._run is None:
            about = {"gen_ai.operation.name": "invoke_workflow", **_attributes(event.attributes, "fanfold.run.")}
            self._run = self._start("invoke_workflow", event, about, None)

    def _run_ended(self, event: Event) -> None:
        if self._run:
            stopped = event.attributes.get("stopped")
            self._end(self._run, event, None if stopped is None else "stopped", stopped)
            self._run = None

    # -- units

    def _unit_planned(self, event: Event) -> None:
        said = event.attributes
        lane = str(said.get("lane", ""))
        about = {"fanfold.unit.key": event.unit, **_attributes(said, "fanfold.unit.")}
        if lane.startswith(MODEL_LANE):
            about |= {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.agent.name": str(said.get("kind", "")),
                "gen_ai.request.model": lane.removeprefix(MODEL_LANE),
            }
        unit = self._start(f"unit {said.get('kind', '')}", event, about, self._run)
        self._units.setdefault(event.unit, []).append(unit)

    def _unit_ended(self, event: Event) -> None:
        if unit := _taken(self._units, event.unit):
            said = event.attributes
            for name in ("status", "attempts", "hedged", "reused"):
                _set(unit.span, f"fanfold.unit.{name}", said.get(name))
            failed = said.get("status") != "ok"
            self._end(unit, event, said.get("status") if failed else None, said.get("error"))

    # -- attempts

    def _attempt_started(self, event: Event) -> None:
        from opentelemetry import context, trace

        unit = next(iter(self._units.get(event.unit, ())), None)
        about = {
            **{name: value for name, value in (unit.attributes if unit else {}).items() if name.startswith("gen_ai.")},
            **_attributes(event.attributes, "fanfold.attempt."),
        }
        kind = about.get("gen_ai.agent.name")
        attempt = self._start(f"invoke_agent {kind}" if kind else "attempt", event, about, unit)
        # This event is told inside of the context that the worker's task gets for itself.
        context.attach(trace.set_span_in_context(attempt.span))
        self._attempts.setdefault(_attempt(event), []).append(attempt)

    def _attempt_began(self, event: Event) -> None:
        if attempts := self._attempts.get(_attempt(event)):
            waited_s = event.at_s - attempts[0].started_s
            attempts[0].span.set_attribute("gen_ai.response.time_to_first_chunk", waited_s)

    def _attempt_ended(self, event: Event) -> None:
        if attempt := _taken(self._attempts, _attempt(event)):
            said = event.attributes
            usage = said.get("usage")
            for name, value in usage.items() if isinstance(usage, Mapping) else ():
                _set(attempt.span, name if name.startswith("gen_ai.") else f"fanfold.usage.{name}", value)
            _set(attempt.span, "fanfold.attempt.status", said.get("status"))
            self._end(attempt, event, said.get("error"), said.get("error"))

    # -- spans

    def _start(self, name: str, event: Event, attributes: Mapping[str, Any], parent: _Open | None) -> _Open:
        from opentelemetry import trace

        inside = trace.set_span_in_context(parent.span) if parent else None
        span = self._tracer.start_span(name, inside, attributes=_attributes(attributes), start_time=self._ns(event))
        return _Open(span, event.at_s, attributes)

    def _end(self, opened: _Open, event: Event, error: JSON, why: JSON) -> None:
        """End a span, as an error when there is one."""
        from opentelemetry.trace import Status, StatusCode

        if error is not None:
            opened.span.set_attribute("error.type", str(error))
            opened.span.set_status(Status(StatusCode.ERROR, None if why is None else str(why)))
        opened.span.end(self._ns(event))

    def _ns(self, event: Event) -> int:
        return (self._zero_ns or 0) + round(event.at_s * _PER_S)


def _attempt(event: Event) -> tuple[str | None, JSON, JSON]:
    return event.unit, event.attributes.get("number"), event.attributes.get("hedge")


def _taken(opened: dict[Any, list[_Open]], key: Any) -> _Open | None:
    """Take out the first span of a key."""
    same = opened.get(key)
    if not same:
        return None
    first = same.pop(0)
    if not same:
        del opened[key]
    return first


def _attributes(said: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return those attributes that a span can hold."""
    return {f"{prefix}{name}": value for name, value in said.items() if isinstance(value, str | bool | int | float)}


def _set(span: Span, name: str, value: JSON) -> None:
    if isinstance(value, str | bool | int | float):
        span.set_attribute(name, value)
