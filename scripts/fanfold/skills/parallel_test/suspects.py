"""The lines that failures point at: frames that meet the change, then frames by when they last changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fanfold.errors import TargetError
from fanfold.sources.blame import time_of_line
from fanfold.sources.change import FileChange
from fanfold.sources.git import Git
from fanfold.suites import BAD, Frame, TestResult

if TYPE_CHECKING:
    from fanfold.skills.parallel_test.causes import Causes

# How far from a changed line a frame may be and still point at the change: a call stands near what it depends on.
_NEAR = 3
_MOST = 5
_MOST_CALLED = 3
# Tests of a cluster that are asked what they use.
_ASKED = 20

# When a line last changed, in seconds since 1970; None when nobody knows.
Changed = Callable[[str, int], float | None]


def suspects(
    tests: Sequence[TestResult],
    changes: Mapping[str, FileChange],
    changed: Changed | None = None,
    causes: Causes | None = None,
) -> tuple[str, ...]:
    """Return the places that the failures of `tests` point at, as "path:line", the likeliest first.

    In front stand frames on changed lines, then those near one; without any outside of the tests, with `causes`,
    changed definitions that these use, and then the changed lines of theirs that failed; then frames in changed files,
    each the more tests have it and the deeper it is. Where there are none of these it is what changed in files that the
    tests import, and, where no frame is outside of the tests, what these call. Behind them, when the time of change is
    known, stand the other frames, the newest first. Frames outside of the repository are none, nor are those of the
    tests themselves that meet no change: there it was noticed.
    """
    own = {test.file for test in tests}
    depth: dict[Frame, int] = {}
    held: Counter[Frame] = Counter()
    for test in tests:
        frames = _frames(test)
        held.update(frames)
        for index, frame in enumerate(frames):
            depth[frame] = max(depth.get(frame, 0), index)
    distance = {frame: _distance(frame, changes) for frame in depth}
    ranked = sorted(depth, key=lambda f: (distance[f], -held[f], -depth[f], f.path, f.line))
    meeting, beside, rest = (
        [frame for frame in ranked if distance[frame] in which] for which in (_MET, _BESIDE, _ELSE)
    )
    outside = [frame for frame in meeting if frame.path not in own]
    used = _few(_used(tests, causes)) if causes and not outside else []
    noticed = [_place(frame) for frame in meeting if frame.path in own]
    found = [*map(_place, outside), *used, *noticed, *(_place(frame) for frame in beside if frame.path not in own)]
    if not found and causes:
        found += _few([place for test in tests[:_ASKED] for place in causes.imported(test)])
        if own.issuperset(frame.path for frame in depth):
            found += _called(tests, causes)
    rest = [frame for frame in rest if frame.path not in own]
    newest = map(_place, _newest(rest, changed)) if len(found) < _MOST else ()
    return tuple(dict.fromkeys((*found, *newest)))[:_MOST]


def _few(places: Sequence[str]) -> list[str]:
    """Leave it when these are many: a change of everything points nowhere."""
    found = list(dict.fromkeys(places))
    return found if len(found) <= _MOST else []


def _used(tests: Iterable[TestResult], causes: Causes) -> list[str]:
    """Return the changed definitions that the tests use, those first that most of them do."""
    used = Counter(one for test in list(tests)[:_ASKED] for one in causes.used(test) if one.path != test.file)
    return [f"{one.path}:{one.line}" for one, _ in sorted(used.items(), key=lambda item: (-item[1], item[0]))]


def _called(tests: Iterable[TestResult], causes: Causes) -> list[str]:
    """Return where what the tests call is defined, that first which most of them do."""
    calls = Counter(place for test in list(tests)[:_ASKED] for place in causes.called(test))
    return [place for place, _ in calls.most_common(_MOST_CALLED)]


def _place(frame: Frame) -> str:
    return f"{frame.path}:{frame.line}"


_ELSEWHERE = 3
_MET, _BESIDE, _ELSE = (0, 1), (2,), (_ELSEWHERE,)


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
    inside = [frame for frame in dict.fromkeys(told) if frame.inside]
    return [frame for frame in inside if frame.path != test.file] or inside


def _newest(frames: Sequence[Frame], changed: Changed | None) -> list[Frame]:
    if changed is None:
        return []
    times = {frame: changed(frame.path, frame.line) for frame in frames}
    known = [frame for frame in frames if times[frame] is not None]
    return sorted(known, key=lambda frame: -(times[frame] or 0.0))


# Lines that are asked for in one run; each is a process.
_MOST_BLAMED = 60


class Ages:
    """Knows when lines of the repository at `root` last changed, by git's blame, each asked for once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[tuple[str, int], float | None] = {}

    def of(self, path: str, line: int) -> float | None:
        """Return it in seconds since 1970; None for what isn't committed, or beyond what is asked in one run."""
        if (path, line) not in self._known:
            self._known[path, line] = self._asked(path, line) if len(self._known) < _MOST_BLAMED else None
        return self._known[path, line]

    @cached_property
    def _git(self) -> Git | None:
        git = Git.at(self._root)
        return git if git is not None and not git.bare and git.folder == self._root.resolve() else None

    def _asked(self, path: str, line: int) -> float | None:
        try:
            return time_of_line(self._git, path, line) if self._git else None
        except TargetError:
            return None
