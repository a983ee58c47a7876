"""The lines that failures point at: frames that meet the change, then frames by when they last changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from fanfold.sources.change import FileChange
from fanfold.suites import BAD, Frame, TestResult

# How far from a changed line a frame may be and still point at the change: a call stands near what it depends on.
_NEAR = 3
_MOST = 5

# When a line last changed, in seconds since 1970; None when nobody knows.
Changed = Callable[[str, int], float | None]


def suspects(
    tests: Iterable[TestResult], changes: Mapping[str, FileChange], changed: Changed | None = None
) -> tuple[str, ...]:
    """Return the places that the failures of `tests` point at, as "path:line", the likeliest first.

    In front stand frames on changed lines, then those near one, then frames in changed files, each the more tests have
    it and the deeper it is; behind them, when the time of change is known, the other frames, the newest first.
    Frames outside of the repository are none, nor are those of the tests themselves while there are others.
    """
    depth: dict[Frame, int] = {}
    held: Counter[Frame] = Counter()
    for test in tests:
        frames = _frames(test)
        held.update(frames)
        for index, frame in enumerate(frames):
            depth[frame] = max(depth.get(frame, 0), index)
    ranked = sorted(depth, key=lambda f: (_distance(f, changes), -held[f], -depth[f], f.path, f.line))
    near = [frame for frame in ranked if _distance(frame, changes) < _ELSEWHERE]
    rest = [frame for frame in ranked if frame not in near]
    return tuple(f"{frame.path}:{frame.line}" for frame in (*near, *_newest(rest, changed))[:_MOST])


_ELSEWHERE = 3


def _distance(frame: Frame, changes: Mapping[str, FileChange]) -> int:
    change = changes.get(frame.path)
    if change is None:
        return _ELSEWHERE
    if change.touches(frame.line, frame.line):
        return 0
    return 1 if change.touches(max(1, frame.line - _NEAR), frame.line + _NEAR) else 2


def _frames(test: TestResult) -> list[Frame]:
    """Return the frames of a test's failures inside the repository, outermost first, each once."""
    told = [frame for attempt in test.attempts if attempt.outcome in BAD for frame in attempt.frames]
    inside = [f for f in dict.fromkeys(told) if not f.path.startswith(("/", "<", "..")) and ":" not in f.path[:3]]
    return [frame for frame in inside if frame.path != test.file] or inside


def _newest(frames: Sequence[Frame], changed: Changed | None) -> list[Frame]:
    if changed is None:
        return []
    times = {frame: changed(frame.path, frame.line) for frame in frames}
    known = [frame for frame in frames if times[frame] is not None]
    return sorted(known, key=lambda frame: -(times[frame] or 0.0))
