"""Templates: found by search path, compiled early, sandboxed, and strict about names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
    nodes,
)
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError

from fanfold.engine.events import Event
from fanfold.errors import TemplateError, UsageError
from fanfold.models import Run
from fanfold.pack import pack_folder
from fanfold.reports.escape import without_controls
from fanfold.reports.filters import FILTERS
from fanfold.reports.page import PAGE_FILTERS
from fanfold.reports.sandbox import LONGEST_REPORT, Sandbox, nearest

SHIPPED = "shipped"
"""The folder by which templates reach the originals: `{% extends "shipped/code-review/report.md.j2" %}`."""

FAULTS = (
    *(JinjaError, UsageError, ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError),
    *(TypeError, ValueError),
)
"""What goes wrong in a template that is at fault."""

_UNKNOWN_VARIABLE = re.compile(r"nothing is called '(\w+)'")
_UNKNOWN_FILTER = re.compile(r"No (filter|test) named '([\w.]+)'")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template that compiled; `where` is how messages name it."""

    template: Template
    where: str

    def render(self, run: Run, events: Iterable[Event] = ()) -> str:
        """Return the report on `run`, ending with one line break. Raises TemplateError with file and line."""
        try:
            text = "".join(_bounded(self._parts(run, events)))
        except FAULTS as error:
            raise TemplateError(explain(error, self.where, self.template.environment)) from error
        return without_controls(text).rstrip("\n") + "\n"

    def warm(self) -> None:
        """Compile what it includes, and what that includes; what is at fault there is told when it is rendered."""
        environment, waiting, seen = self.template.environment, [self.template.name or ""], set[str]()
        while waiting:
            name = waiting.pop()
            seen.add(name)
            with suppress(*FAULTS, OSError):
                source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]  # has one
                environment.get_template(name)
                waiting += {ref for ref in meta.find_referenced_templates(environment.parse(source)) if ref} - seen

    def _parts(self, run: Run, events: Iterable[Event]) -> Iterator[str]:
        environment = self.template.environment
        if isinstance(environment, Sandbox):
            environment.begin()
        return self.template.generate(run=run, events=events)


def _bounded(parts: Iterator[str]) -> Iterator[str]:
    length = 0
    for part in parts:
        length += len(part)
        if length > LONGEST_REPORT:
            raise SecurityError(f"a report of more than {LONGEST_REPORT:,} characters")
        yield part


def compile_template(name: str, file: Path | None, folders: Sequence[Path]) -> Compiled:
    """Find and compile the template `name`, or `file` in its place. Raises TemplateError.

    The folders are searched in order, then the shipped templates; `shipped/NAME` always means the shipped one. What
    lies beside `file` is found under its own name, and stands in the place of nothing.
    """
    environment = environment_of(file, folders)
    wanted = file.name if file else name
    try:
        template = environment.get_template(wanted)
    except TemplateNotFound as error:
        raise TemplateError(_not_found(str(error.name), wanted, file, environment)) from error
    except (*FAULTS, OSError) as error:
        raise TemplateError(explain(error, str(file or name), environment)) from error
    return Compiled(template, str(template.filename or wanted))


def render(run: Run, template: str | Path | None = None, folders: Sequence[Path] = ()) -> str:
    """Return a report on `run` by a template of one's own, with all that shipped ones have: filters, partials, bounds.

    Without `template` it is `<skill>/report.md.j2`, from the first of the `folders` that has it. Raises TemplateError.
    """
    file = None if template is None else Path(template)
    return compile_template(f"{run.skill}/report.md.j2", file, folders).render(run)


def environment_of(file: Path | None, folders: Sequence[Path]) -> Sandbox:
    """Return the environment in which templates of this search path are found."""
    shipped = _Folder(pack_folder("templates"))
    loaders: list[BaseLoader] = [_Folder(folder) for folder in folders]
    loaders += [shipped, PrefixLoader({SHIPPED: shipped})]
    if file:
        loaders = [_OneFile(file), *loaders, _Beside(file.parent)]
    return Sandbox(ChoiceLoader(loaders), {**FILTERS, **PAGE_FILTERS})


class _Folder(FileSystemLoader):
    """Finds what lies in a folder; what is no text is at fault itself, not what includes it."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            return super().get_source(environment, template)
        except UnicodeDecodeError as error:
            raise _no_text(error, template, Path(self.searchpath[0], template)) from error


def _no_text(error: UnicodeDecodeError, name: str, file: Path) -> TemplateSyntaxError:
    line = error.object[: error.start].count(b"\n") + 1
    return TemplateSyntaxError("it is not UTF-8", line, name, str(file))


class _OneFile(BaseLoader):
    """Finds one file, under its name."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:  # noqa: ARG002  Jinja's signature
        if template != self._file.name or not self._file.exists():
            raise TemplateNotFound(template)
        try:
            return self._file.read_text(encoding="utf-8"), str(self._file), lambda: True
        except UnicodeDecodeError as error:
            raise _no_text(error, template, self._file) from error

    def list_templates(self) -> list[str]:
        return [self._file.name]


class _Beside(_Folder):
    """Finds what lies beside a file that was named; it isn't searched for names, whatever folder it is."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def list_templates(self) -> list[str]:
        return sorted(place.name for place in self._folder.glob("*.j2"))


def _not_found(missing: str, wanted: str, file: Path | None, environment: Sandbox) -> str:
    if file and missing == wanted:
        return f"no template {str(file)!r}"
    where = f"{file}: " if file else ""
    return f"{where}no template {missing!r}{nearest(missing, environment.list_templates())}"


def explain(error: BaseException, where: str, environment: Environment) -> str:
    """Say what is wrong with a template in one line: file, line, the fault, and the nearest known name."""
    file, line = place_of(error, where)
    return f"{file}:{line}: {fault(error, environment)}" if line else f"{file}: {fault(error, environment)}"


def fault(error: BaseException, environment: Environment) -> str:
    """Say what is wrong, and the nearest known name, without the place."""
    said = error.message if isinstance(error, TemplateSyntaxError) else str(error)
    message = " ".join((said or type(error).__name__).split()).rstrip(".")
    if isinstance(error, SecurityError):
        return f"not allowed in a template: {message}"
    if isinstance(error, TemplateNotFound):
        return f"no template {error.name!r}{nearest(error.name, environment.list_templates())}"
    if isinstance(error, KeyError):
        return f"{message} is no value that is known here"
    if isinstance(error, RecursionError):
        return "it includes or calls itself without end"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    return message + _hint(message, environment)


def _hint(message: str, environment: Environment) -> str:
    unknown = _UNKNOWN_FILTER.search(message)
    if unknown:
        known = environment.filters if unknown[1] == "filter" else environment.tests
        return nearest(unknown[2], (name for name in known if not name.startswith("_")))
    variable = _UNKNOWN_VARIABLE.search(message)
    return nearest(variable[1], known_names(environment)) if variable else ""


def known_names(environment: Environment) -> set[str]:
    """Return what templates may call a variable: what they are given, and what any of them sets."""
    names = {"run", "events", *environment.globals}
    for name in environment.list_templates():
        try:
            names |= _names_set_in(environment.loader.get_source(environment, name)[0])  # type: ignore[union-attr]  # there is one
        except (JinjaError, OSError):
            continue
    return names


@lru_cache(maxsize=256)
def _names_set_in(source: str) -> frozenset[str]:
    """Return what a template sets; kept, as each unknown name is compared with all templates' names."""
    tree = Environment(autoescape=True).parse(source)
    stored = {node.name for node in tree.find_all(nodes.Name) if node.ctx in {"store", "param"}}
    return frozenset(stored | {macro.name for macro in tree.find_all(nodes.Macro)})


def place_of(error: BaseException, where: str) -> tuple[str, int]:
    """Return the file and the line in which a template went wrong; the innermost one, `where` when there is none."""
    if isinstance(error, TemplateSyntaxError):
        return error.filename or where, error.lineno
    line, file = 0, where
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if "__jinja_exception__" in frame.f_globals or frame.f_code.co_filename == where:
            file, line = frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return file, line
