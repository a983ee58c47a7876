"""Where the classes of JVM reports and stacks lie: these have a class, and of its file the bare name."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

from fanfold.runners.base import Reading, Task
from fanfold.sources.text import shown
from fanfold.suites import Case, Frame, TestAttempt

_ENDINGS = (".java", ".kt", ".groovy", ".scala")
# Folders that hold no source: what was built, what tools keep.
_ASIDE = frozenset({"target", "build", "out", "node_modules"})


class _Sources:
    """The sources below a suite's folder, by their bare names; paths are relative to the root."""

    def __init__(self, task: Task) -> None:
        self._paths: dict[str, list[str]] = defaultdict(list)
        for folder, inner, names in os.walk(task.folder):
            inner[:] = sorted(name for name in inner if name not in _ASIDE and not name.startswith("."))
            for name in names:
                if name.endswith(_ENDINGS):
                    path = os.path.relpath(os.path.join(folder, name), task.root)  # noqa: PTH118  as os.walk has it
                    self._paths[name].append(shown(os.fsencode(path)))

    def of_class(self, name: str) -> str:
        """Return the file of a class, "" when it is not known."""
        package, _, bare = name.rpartition(".")
        files = (f"{bare.partition('$')[0]}{ending}" for ending in _ENDINGS)
        return next((found for file in files if (found := self._find(package, file))), "")

    def of_frame(self, frame: Frame) -> str:
        """Return the file of a frame, whose function is `package.Class.method`."""
        owner = frame.function.rpartition(".")[0].rpartition("/")[2]
        return self._find(owner.rpartition(".")[0], frame.path.rpartition("/")[2])

    def _find(self, package: str, file: str) -> str:
        """Return the one file of that name in the folders of its package; Kotlin may leave these out."""
        end = "/".join((*filter(None, package.split(".")), file))
        its = [path for path in self._paths.get(file, ()) if path == end or path.endswith(f"/{end}")]
        found = its or (self._paths.get(file, []) if file.endswith(".kt") else [])
        return found[0] if len(found) == 1 else ""


def placed(reading: Reading, task: Task) -> Reading:
    """Give each case the file of its class, and keep of its frames those in the repository, with their paths."""
    if not reading.cases:
        return reading
    sources = _Sources(task)
    return Reading(tuple(_placed(case, sources) for case in reading.cases), reading.error, reading.notes)


def _placed(case: Case, sources: _Sources) -> Case:
    file = case.file or sources.of_class(case.name.partition("::")[0])
    attempts = tuple(_with_frames(one, sources) for one in case.attempts)
    return case.model_copy(update={"file": file, "attempts": attempts})


def _with_frames(attempt: TestAttempt, sources: _Sources) -> TestAttempt:
    return attempt.model_copy(update={"frames": tuple(_inside(attempt.frames, sources))}) if attempt.frames else attempt


def _inside(frames: Iterable[Frame], sources: _Sources) -> Iterable[Frame]:
    for frame in frames:
        if path := sources.of_frame(frame):
            yield frame.model_copy(update={"path": path, "function": frame.function.rpartition(".")[2]})
