"""A timeline as SVG, for inside of a page: its colours are the page's, its size is bounded whatever the run was."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from os.path import commonprefix
from typing import NamedTuple

from markupsafe import Markup, escape

from fanfold.reports.amounts import count, duration
from fanfold.reports.escape import clip, one_line
from fanfold.reports.timeline import Bar, Timeline

MOST_BARS = 1_200
MOST_LANES = 64
_WIDTH = 840.0
_GUTTER = 28.0
_AXIS = 22.0
_QUEUE = 34.0
_KINDS = 6
_LETTER = 6.3  # pixels, about
_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
_TICKS = 8
_MINUTE_S = 60
_LANE_HEIGHTS = ((10, 22.0), (20, 18.0), (MOST_LANES, 9.0))
_LABELLED = 14.0
_LEAST_LETTERS = 6
_NOTCH = 4.0
_WHOLE = re.compile(r".*[ /:]", re.DOTALL)


@dataclass(slots=True)
class _Drawn:
    """Neighbours of a lane that are too narrow to be told apart, or one bar that is wide enough."""

    bars: list[Bar]
    end_s: float

    @property
    def start_s(self) -> float:
        return self.bars[0].start_s

    @property
    def one(self) -> bool:
        return len(self.bars) == 1

    @property
    def kind(self) -> str:
        """What most of them are."""
        return Counter(bar.kind for bar in self.bars).most_common(1)[0][0]


class _Look(NamedTuple):
    """How bars of a kind look: the number of their colour, and what their labels have in common."""

    colour: int
    head: str


@dataclass(frozen=True, slots=True)
class _Scale:
    end_s: float

    def x(self, at_s: float) -> float:
        return _GUTTER + (_WIDTH - _GUTTER) * min(1.0, max(0.0, at_s / self.end_s))

    def pixels(self, seconds: float) -> float:
        return (_WIDTH - _GUTTER) * seconds / self.end_s


def timeline_svg(timeline: Timeline) -> Markup:
    """Return the timeline as an SVG element; "" when no worker did anything."""
    if not timeline.lanes:
        return Markup()
    scale = _Scale(timeline.end_s)
    lanes = _drawn(_folded(timeline.lanes), scale)
    height = next(height for most, height in _LANE_HEIGHTS if len(lanes) <= most)
    top = _AXIS + (_QUEUE if timeline.waiting else 0.0)
    bottom = top + height * len(lanes) + 6.0
    parts = [
        *_axis(scale, bottom),
        *(_queue(timeline.waiting, scale) if timeline.waiting else ()),
        *_rows(lanes, timeline, scale, top, height),
    ]
    whole = bottom + (_AXIS if timeline.reused else 0.0)
    if timeline.reused:
        parts += _reused(timeline.reused, scale, bottom)
    said = f"Timeline: {count(len(timeline.lanes), 'worker')}, {duration(timeline.end_s)}"
    head = f'<svg class="timeline" viewBox="0 0 {_WIDTH:.0f} {whole:.0f}" role="img" aria-label="{escape(said)}">'
    return Markup("\n".join([head + _PATTERNS, *parts, "</svg>"]))  # noqa: S704  every text in it is escaped


_PATTERNS = (
    '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="1" y1="0" x2="1" y2="5" class="hatching"/></pattern></defs>'
)


def _folded(lanes: Sequence[Sequence[Bar]]) -> list[list[Bar]]:
    """Return at most MOST_LANES lanes; what the last ones held is in one."""
    kept = [list(lane) for lane in lanes[:MOST_LANES]]
    if len(lanes) > MOST_LANES:
        rest = (bar for lane in lanes[MOST_LANES - 1 :] for bar in lane)
        kept[-1] = sorted(rest, key=lambda bar: bar.start_s)
    return kept


def _drawn(lanes: Sequence[Sequence[Bar]], scale: _Scale) -> list[list[_Drawn]]:
    """Join neighbours until there are few enough bars: first those below a pixel or two, then wider ones."""
    narrow = 1.5
    while True:
        drawn = [_joined(lane, scale, narrow) for lane in lanes]
        if sum(map(len, drawn)) <= MOST_BARS or narrow > _WIDTH:
            return drawn
        narrow *= 1.6


def _joined(lane: Sequence[Bar], scale: _Scale, narrow: float) -> list[_Drawn]:
    joined: list[_Drawn] = []
    for bar in lane:
        last = joined[-1] if joined else None
        close = last is not None and scale.pixels(bar.start_s - last.end_s) < narrow / 2
        if last and close and scale.pixels(bar.took_s) < narrow and scale.pixels(last.bars[-1].took_s) < narrow:
            last.bars.append(bar)
            last.end_s = max(last.end_s, bar.end_s)
        else:
            joined.append(_Drawn([bar], bar.end_s))
    return joined


# -- the parts


def _axis(scale: _Scale, bottom: float) -> Iterator[str]:
    step = _step(scale.end_s)
    for number in range(int(scale.end_s / step) + 1):
        at = scale.x(number * step)
        yield f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_AXIS - 5:.1f}" y2="{bottom:.1f}"/>'
        anchor = ' text-anchor="end"' if at > _WIDTH - 3 * _GUTTER and number else ""
        yield f'<text x="{at:.1f}" y="{_AXIS - 9:.1f}"{anchor}>{_moment(number * step)}</text>'


def _step(end_s: float) -> float:
    """Return the least step, in seconds as a clock has them or a part of one, that makes few enough ticks."""
    parts = (step / 10**digits for digits in range(4, 0, -1) for step in (1, 2, 5))
    return next((step for step in (*parts, *_STEPS_S) if end_s / step <= _TICKS), end_s / _TICKS)


def _moment(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:g} s"
    return duration(seconds).removesuffix(" 0 s").removesuffix(" 0 min")


def _queue(waiting: Sequence[tuple[float, int]], scale: _Scale) -> Iterator[str]:
    """Draw how many units waited, as an area; of several steps within a pixel the highest."""
    most = max(number for _, number in waiting)
    base, room = _AXIS + _QUEUE - 8, _QUEUE - 16
    points = [f"M{_GUTTER:.1f} {base:.1f}"]
    for at, steps in groupby(waiting, key=lambda step: round(scale.x(step[0]))):
        numbers = [number for _, number in steps]
        levels = {max(numbers): None, numbers[-1]: None}
        points += [f"H{at}V{base - room * level / most:.1f}" for level in levels]
    points.append(f"V{base:.1f}Z")
    yield f'<g class="queue"><title>{count(most, "unit")} waited at most</title><path d="{"".join(points)}"/></g>'
    yield f'<text class="over" x="{_WIDTH:.0f}" y="{base - room:.1f}" text-anchor="end">up to {most:,} waiting</text>'


def _rows(
    lanes: Sequence[Sequence[_Drawn]], timeline: Timeline, scale: _Scale, top: float, height: float
) -> Iterator[str]:
    looks = {kind: _Look(number % _KINDS, _head(timeline.bars, kind)) for number, kind in enumerate(timeline.kinds)}
    for number, lane in enumerate(lanes):
        y = top + height * number
        more = len(timeline.lanes) - MOST_LANES + 1
        name = f"+{more}" if number == MOST_LANES - 1 and more > 1 else f"{number + 1}"
        size = ' class="small"' if height < _LABELLED else ""
        yield f'<text{size} x="{_GUTTER - 8:.0f}" y="{y + height * 0.68:.1f}" text-anchor="end">{name}</text>'
        free_s = 0.0
        for drawn in lane:
            yield from _bar(drawn, scale, (y, height), looks[drawn.kind], free_s)
            free_s = drawn.end_s


def _head(bars: Iterable[Bar], kind: str) -> str:
    """Return what the labels of a kind begin with, whole words and folders of it: its colour says that already."""
    labels = {one_line(bar.label) for bar in bars if bar.kind == kind}
    shared = commonprefix(list(labels)) if len(labels) > 1 else ""  # noqa: RUF071  of characters, as is meant
    whole = _WHOLE.match(shared)
    return whole[0] if whole else ""


def _bar(drawn: _Drawn, scale: _Scale, row: tuple[float, float], look: _Look, free_s: float) -> Iterator[str]:
    y, height = row[0] + 1.5, row[1] - 5.0
    first = drawn.bars[0]
    x, end = scale.x(first.start_s), scale.x(drawn.end_s)
    width = max(1.0, end - x - (0.6 if end - x > 3 else 0.0))  # noqa: PLR2004  neighbours stay apart
    yield f'<g class="{_classes(drawn, look.colour)}"><title>{escape(_told(drawn))}</title>'
    waited = scale.x(max(first.since_s, free_s))
    if first.waited_s and x - waited > 1.0:
        yield f'<line class="wait" x1="{waited:.1f}" x2="{x:.1f}" y1="{y + height / 2:.1f}" y2="{y + height / 2:.1f}"/>'
    yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5"/>'
    box = (x, y, width, height)
    yield from _marks(first, scale, box, look.head) if drawn.one else _flaws(drawn, (x, y, width))
    if path := [bar for bar in drawn.bars if bar.critical]:
        start, long = scale.x(path[0].start_s), scale.pixels(path[-1].end_s - path[0].start_s)
        yield f'<rect class="path" x="{start:.1f}" y="{y + height + 1:.1f}" width="{max(1.0, long):.1f}" height="1.8"/>'
    yield "</g>"


def _flaws(drawn: _Drawn, box: tuple[float, float, float]) -> Iterator[str]:
    """Draw which share of bars that are drawn as one did not end well."""
    x, y, width = box
    if share := sum(not bar.ok for bar in drawn.bars) / len(drawn.bars):
        yield f'<rect class="flaw" x="{x:.1f}" y="{y:.1f}" width="{max(1.0, width * share):.1f}" height="3"/>'


def _marks(bar: Bar, scale: _Scale, box: tuple[float, float, float, float], head: str) -> Iterator[str]:
    """Draw what is to be seen inside of a bar: how far it primed, how often it was tried again, its label.

    A label that doesn't fit is shown without the `head` that it shares with others.
    """
    x, y, width, height = box
    used = 0.0
    if bar.primes:
        used = min(width, max(3.0, scale.x(bar.began_s) - x)) if bar.began_s else min(width, 8.0)
        shape = f'x="{x:.1f}" y="{y:.1f}" width="{used:.1f}" height="{height:.1f}"'
        yield f'<rect class="primes" {shape} fill="url(#hatch)"/>'
    for _ in range(min(bar.attempts - 1, 5, int((width - used) / _NOTCH))):
        used += _NOTCH
        yield f'<line class="notch" x1="{x + used:.1f}" x2="{x + used:.1f}" y1="{y:.1f}" y2="{y + height:.1f}"/>'
    letters = int((width - used - 10) / _LETTER)
    text = one_line(bar.label)
    text = text if len(text) <= letters else text.removeprefix(head)
    if height + 5 >= _LABELLED and letters >= min(_LEAST_LETTERS, len(text)):
        yield f'<text x="{x + used + 5:.1f}" y="{y + height * 0.5 + 4:.1f}">{escape(clip(text, letters))}</text>'


def _reused(reused: Sequence[tuple[float, str]], scale: _Scale, top: float) -> Iterator[str]:
    """Draw a diamond wherever stored outcomes were taken; those within some pixels are one."""
    y = top + _AXIS / 2
    for _, near in groupby(reused, key=lambda one: round(scale.x(one[0]) / 8)):
        same = list(near)
        x = max(scale.x(same[0][0]), _GUTTER + 5)
        names = ", ".join(one_line(label) for _, label in same[:8]) + (", …" if len(same) > 8 else "")  # noqa: PLR2004
        told = f"{len(same):,} reused from an earlier run: {names}"
        yield f'<g class="bar reused"><title>{escape(told)}</title>'
        yield f'<path d="M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z"/></g>'
    yield f'<text class="over" x="{_WIDTH:.0f}" y="{y + 4:.1f}" text-anchor="end">{len(reused):,} reused</text>'


def _classes(drawn: _Drawn, colour: int) -> str:
    bars = drawn.bars
    marks = {
        "failed": drawn.one and not bars[0].ok,
        "hedge": drawn.one and (bars[0].hedge or bars[0].hedged),
        "critical": any(bar.critical for bar in bars),
    }
    return " ".join(["bar", f"t{colour}", *(name for name, is_so in marks.items() if is_so)])


# -- in words


def marks_of(timeline: Timeline) -> set[str]:
    """Return which marks the drawing has, so that a legend explains those and no other."""
    bars = timeline.bars
    marks = {
        "path": bool(timeline.critical),
        "failed": any(not bar.ok for bar in bars),
        "hedge": any(bar.hedge or bar.hedged for bar in bars),
        "primes": any(bar.primes for bar in bars),
        "notch": any(bar.attempts > 1 for bar in bars),
        "wait": _waited_in_vain(timeline),
        "reused": bool(timeline.reused),
    }
    return {name for name, is_so in marks.items() if is_so}


def _waited_in_vain(timeline: Timeline) -> bool:
    """Did a unit wait, longer than a pixel, while a worker had nothing to do?"""
    scale = _Scale(timeline.end_s)
    for lane in timeline.lanes:
        free_s = 0.0
        for bar in lane:
            if scale.pixels(bar.start_s - max(bar.since_s, free_s)) > 1.0:
                return True
            free_s = bar.end_s
    return False


def told_of(bar: Bar) -> str:
    """Return what a bar stands for, in a line."""
    said = [one_line(bar.label), bar.kind, bar.status.replace("_", " "), duration(bar.took_s)]
    said.append(f"from {_moment(round(bar.start_s, 2))}")
    return " · ".join([*said, *notes_on(bar)])


def notes_on(bar: Bar) -> list[str]:
    """Return what was special about a bar, a word or two each."""
    notes = {
        f"waited {duration(bar.waited_s)}": bar.waited_s >= 0.05,  # noqa: PLR2004  less is shown as nothing
        f"attempt {bar.number}": bar.number > 1,
        f"{bar.attempts} attempts": bar.attempts > 1,
        "a hedge": bar.hedge,
        "hedged": bar.hedged,
        "primed the cache": bar.primes,
        "on the critical path": bar.critical,
    }
    return [note for note, is_so in notes.items() if is_so]


def _told(drawn: _Drawn) -> str:
    if drawn.one:
        return told_of(drawn.bars[0])
    bars = drawn.bars
    failed = sum(not bar.ok for bar in bars)
    busy = sum(bar.took_s for bar in bars)
    marks = [f"{failed:,} not ok"] if failed else []
    marks += ["on the critical path"] if any(bar.critical for bar in bars) else []
    labels = _some(bar.label for bar in bars)
    return " · ".join(
        [f"{count(len(bars), 'unit')}: {labels}", duration(busy), f"from {_moment(round(drawn.start_s, 2))}", *marks]
    )


def _some(labels: Iterable[str]) -> str:
    names = [one_line(label) for label in labels]
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")  # noqa: PLR2004  enough to know what they are
