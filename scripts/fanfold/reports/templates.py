"""Templates: found by search path, compiled early, sandboxed, and strict about names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fanfold.engine.events import Event
from fanfold.errors import TemplateError
from fanfold.models import Run
from fanfold.pack import pack_folder
from fanfold.reports.filters import FILTERS
from fanfold.reports.page import PAGE_FILTERS

_UNKNOWN_NAME = re.compile(r"'(\w+)' is undefined|has no attribute '(\w+)'|No filter named '(\w+)'")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template that compiled; `where` is how messages name it."""

    template: Template
    where: str

    def render(self, run: Run, events: Iterable[Event] = ()) -> str:
        """Return the report on `run`, ending with one line break. Raises TemplateError with file and line."""
        try:
            text = self.template.render(run=run, events=events)
        except (JinjaError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise TemplateError(_explain(error, self.where)) from error
        return text.rstrip("\n") + "\n"


def compile_template(name: str, file: Path | None, folders: Sequence[Path]) -> Compiled:
    """Find and compile the template `name`, or `file` in its place. Raises TemplateError.

    The folders are searched in order, then the shipped templates; `shipped/NAME` always means the shipped one.
    """
    shipped = FileSystemLoader(pack_folder("templates"))
    own = [FileSystemLoader(folder) for folder in ([file.parent] if file else []) + list(folders)]
    loader = ChoiceLoader([*own, shipped, PrefixLoader({"shipped": shipped})])
    wanted = file.name if file else name
    try:
        template = _environment(loader).get_template(wanted)
    except TemplateNotFound as error:
        missing = str(error.name)
        where = f"{file}: " if file and missing != wanted else ""
        raise TemplateError(f"{where}no template {str(file) if file and missing == wanted else missing!r}") from error
    except (JinjaError, UnicodeDecodeError, OSError) as error:
        raise TemplateError(_explain(error, str(file or name))) from error
    return Compiled(template, str(template.filename or wanted))


def _environment(loader: ChoiceLoader) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=lambda name: bool(name) and ".html" in str(name),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    environment.filters.update(PAGE_FILTERS)
    return environment


def _explain(error: Exception, where: str) -> str:
    """Say what is wrong with a template in one line: file, line, the fault, and the nearest known name."""
    file, line = _place(error, where)
    message = " ".join(str(error.message if isinstance(error, TemplateSyntaxError) else error).split()).rstrip(".")
    if isinstance(error, SecurityError):
        message = f"not allowed in a template: {message}"
    return f"{file}:{line}: {message}{_hint(message, error)}"


def _place(error: Exception, where: str) -> tuple[str, int]:
    if isinstance(error, TemplateSyntaxError):
        return error.filename or where, error.lineno
    line, file = 0, where
    traceback = error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name.endswith(".j2") or name == where:
            file, line = name, traceback.tb_lineno
        traceback = traceback.tb_next
    return file, line


def _hint(message: str, error: Exception) -> str:
    match = _UNKNOWN_NAME.search(message)
    if match is None or not isinstance(error, (UndefinedError, TemplateSyntaxError)):
        return ""
    unknown = next(group for group in match.groups() if group)
    known: Sequence[str] = [*FILTERS, *PAGE_FILTERS] if match[3] else ["run", *_field_names()]
    near = difflib.get_close_matches(unknown, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _field_names() -> list[str]:
    from fanfold import models

    types: list[Any] = [getattr(models, name) for name in dir(models)]
    return sorted({name for t in types if isinstance(t, type) for name in getattr(t, "model_fields", ())})
