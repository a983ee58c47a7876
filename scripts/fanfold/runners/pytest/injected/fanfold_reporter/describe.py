"""What there is to run, and what failed, as messages can hold it."""

from __future__ import annotations

import ast
import traceback
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from fanfold_reporter.channel import bounded, shown

if TYPE_CHECKING:
    from types import TracebackType

    import pytest

TEXT = 16_000
MESSAGE = 4_000
_OUTPUT = 8_000
_FRAMES = 60
_FIRST_FRAMES = 10
_CHAIN = 5
_PARAMETER = 200
_HERE = str(Path(__file__).parent)


class Describer:
    """Says what there is to run: each file and each fixture once, then the items that have them."""

    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say
        self._file: str | None = None
        self._fixtures: set[tuple[str, Any]] = set()

    def item(self, index: int, item: pytest.Item) -> None:
        """Say what the item with this index is."""
        path = str(getattr(item, "path", None) or item.fspath)
        if path != self._file:
            self._file = path
            self._say("file", path=path)
        line = item.location[1]
        marks = list(item.iter_markers())
        group = next((mark for mark in marks if mark.name == "xdist_group"), None)
        original = getattr(item, "originalname", None) or item.name
        self._say(
            "item",
            index=index,
            id=item.nodeid,
            line=None if line is None else line + 1,
            owner=item.parent.nodeid if item.parent else "",
            parameters=item.name[len(original) + 1 : -1],
            fixtures=self._known(item),
            markers=sorted({mark.name for mark in marks}),
            group=None if group is None else shown(group.args or group.kwargs, _PARAMETER),
        )

    def _known(self, item: pytest.Item) -> list[str]:
        """Return the names of the fixtures of an item, having said what they are."""
        definitions: Any = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
        asked = (name for name in getattr(item, "fixturenames", ()) if name != "request")
        names = [name for name in asked if not _is_argument(item, name, definitions.get(name))]
        for name in names:
            found = definitions.get(name)
            if found and (name, found[-1].baseid) not in self._fixtures:
                self._fixtures.add((name, found[-1].baseid))
                self._say("fixture", name=name, scope=str(found[-1].scope), base=found[-1].baseid)
        return names


def _is_argument(item: pytest.Item, name: str, definitions: Any) -> bool:
    """Tell whether parametrize alone gives a test what has this name: pytest calls that a fixture of its own making."""
    if definitions:
        return bool(getattr(definitions[-1].func, "__name__", "") == "get_direct_param_fixture_func")
    # pytest before 8 has them apart.
    return name in getattr(getattr(item, "callspec", None), "funcargs", ())


def failure(error: BaseException, longrepr: object) -> dict[str, Any]:
    """Describe what was raised: the chain of exceptions, the first cause first, and the text that pytest shows."""
    cause = _not_collected_for(error)
    if cause is None:
        return {"chain": _chain(error), "text": text_of(longrepr)}
    chain = _chain(cause)
    chain[-1]["frames"] = [frame for frame in chain[-1]["frames"] if not _imports(frame[0])]
    if isinstance(cause, SyntaxError) and cause.filename and cause.lineno:
        chain[-1]["frames"].append((cause.filename, cause.lineno, "<module>"))
        return {"chain": chain, "text": bounded("".join(traceback.format_exception_only(type(cause), cause)), TEXT)}
    return {"chain": chain, "text": text_of(longrepr)}


def text_of(longrepr: object) -> str:
    """Return the text that pytest shows of a failure, as it does: `str` cuts the first indent off."""
    show: Any = getattr(longrepr, "toterminal", None)
    if show is None:
        return shown(longrepr, TEXT)
    try:
        from _pytest._io import TerminalWriter

        text = StringIO()
        writer: Any = TerminalWriter(text)
        writer.hasmarkup = False
        show(writer)
        return bounded(text.getvalue().strip("\n").rstrip(), TEXT)
    except BaseException:  # noqa: BLE001  a test's own object, or another pytest
        return shown(longrepr, TEXT)


def _not_collected_for(error: BaseException) -> BaseException | None:
    """Return what made a file fail that pytest says it can't collect, None for any other error."""
    is_pytests = type(error).__name__ == "CollectError" and type(error).__module__.startswith("_pytest")
    return (error.__cause__ or error.__context__) if is_pytests else None


def _imports(path: str) -> bool:
    if _is_machinery(path) or path.startswith("<frozen importlib"):
        return True
    return path == ast.__file__ or "importlib" in Path(path).parts


def _chain(error: BaseException | None) -> list[dict[str, Any]]:
    chain: list[dict[str, Any]] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(chain) < _CHAIN:
        seen.add(id(error))
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        chain.append({"type": name, "message": shown(error, MESSAGE), "frames": frames(error.__traceback__)})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain[::-1]


def frames(raised: TracebackType | None) -> list[tuple[str, int, str]]:
    """Return path, line and function from the outermost frame that is not pytest's own to where it was raised."""
    found = []
    while raised is not None:
        code = raised.tb_frame.f_code
        found.append((code.co_filename, raised.tb_lineno, code.co_name))
        raised = raised.tb_next
    while len(found) > 1 and _is_machinery(found[0][0]):
        found.pop(0)
    return found if len(found) <= _FRAMES else found[:_FIRST_FRAMES] + found[_FIRST_FRAMES - _FRAMES :]


def _is_machinery(path: str) -> bool:
    return path.startswith(_HERE) or not {"_pytest", "pluggy"}.isdisjoint(Path(path).parts)


def details(item: pytest.Item | None, report: pytest.TestReport, error: BaseException | None) -> dict[str, Any]:
    """Return what is worth knowing of a phase that did not pass."""
    if report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        return {"message": None if why is None else shown(why, MESSAGE)}
    callspec: Any = getattr(item, "callspec", None)
    return {
        "failure": None if error is None else failure(error, report.longrepr),
        "message": shown(report.longrepr, TEXT) if error is None else None,
        "output": [[name, bounded(text, _OUTPUT)] for name, text in report.sections],
        "parameters": {name: shown(value, _PARAMETER) for name, value in callspec.params.items()} if callspec else {},
    }
