"""Templates held to what they will be given: every fault of each of them, found without spending anything.

What can be read from a template is read (names, filters, blocks, what it includes, also where no sample leads); then it
is rendered with sample runs. A name that stands for nothing is noted and rendering goes on; what fails altogether is
left out and the template rendered again, so that one fault doesn't hide the others.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, wraps
from pathlib import Path
from typing import Any, Protocol

from jinja2 import FunctionLoader, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2 import TemplateError as JinjaError
from pydantic import BaseModel

from fanfold.models import Run
from fanfold.reports.samples import SAMPLED, runs_of
from fanfold.reports.sandbox import NamedUndefined, Sandbox, nearest
from fanfold.reports.templates import FAULTS, SHIPPED, environment_of, fault, known_names, place_of

_MOST_PASSES = 40
# How much alike two names are when one of them is a slip.
_SLIP = 0.85
# What Jinja itself gives to templates.
_GIVEN = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})
_GUARDS = frozenset({"defined", "undefined", "default", "d"})


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in a line of a template; `always` when it is so whatever run the template is given."""

    file: str
    line: int
    message: str
    always: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


@dataclass(frozen=True, slots=True)
class Checked:
    """Which templates were held to what: their names, how many renders there were, and all that is wrong."""

    names: tuple[str, ...]
    renders: int
    faults: tuple[Fault, ...]


def names_in(folder: Path) -> list[str]:
    """Return the names of the templates in a folder, as the search path knows them."""
    return sorted(place.relative_to(folder).as_posix() for place in folder.rglob("*.j2") if place.is_file())


def misplaced(name: str, shipped: Sequence[str]) -> str:
    """Return a hint at the shipped template that one of an unknown name was meant to replace, "" when at none.

    A name of one's own is no slip: that of another skill, or of another report of a skill.
    """
    folder, _, file = name.rpartition("/")
    if name in shipped or not folder:
        return ""
    for near in difflib.get_close_matches(folder, {one.rpartition("/")[0] for one in shipped}, n=1, cutoff=_SLIP):
        files = [one.rpartition("/")[2] for one in shipped if one.startswith(f"{near}/")]
        for meant in difflib.get_close_matches(file, files, n=1, cutoff=_SLIP):
            return nearest(f"{near}/{meant}", shipped)
    return ""


def check_templates(names: Sequence[str], folders: Sequence[Path], shipped: Sequence[str]) -> Checked:
    """Hold the templates of these names, found in `folders` or among the `shipped` ones, to the sample runs."""
    read = environment_of(None, folders)
    known = known_names(read) | _GIVEN
    faults = {one for name in names for one in _read_faults(name, read, known)}
    for name in names:
        if hint := misplaced(name, shipped):
            faults.add(Fault(_file_of(name, read), 0, f"no report and no partial has this name{hint}"))
    renders = 0
    for template, skills, meant in _to_render(names, shipped):
        tried = [_rendered_faults(template, folders, runs_of(skill).values()) for skill in skills]
        faults |= min(tried, key=len) if meant else set()
        faults |= {one for found in tried for one in found if one.always}
        renders += sum(len(runs_of(skill)) for skill in skills)
    return Checked(tuple(names), renders, tuple(sorted(faults)))


def _to_render(names: Sequence[str], shipped: Sequence[str]) -> Iterator[tuple[str, Sequence[str], bool]]:
    """Yield each template that is to be rendered, the skills whose runs it is tried on, and if it is meant for one.

    A partial shows in the shipped reports: all of these are rendered then. What is another skill's report, or a part
    of one, is held to what all runs have in common.
    """
    partials = any(name in shipped and name.split("/")[0] not in SAMPLED for name in names)
    for name in sorted({*names, *(shipped if partials else ())}):
        folder, _, file = name.rpartition("/")
        if folder in SAMPLED and not file.startswith("_"):
            yield name, (folder,), True
        elif name not in shipped:
            yield name, SAMPLED, not folder and not file.startswith("_")


def _file_of(name: str, environment: Sandbox) -> str:
    loader = environment.loader
    return str(loader.get_source(environment, name)[1] or name) if loader else name


def _read_faults(name: str, environment: Sandbox, known: set[str]) -> Iterator[Fault]:
    """Yield what can be read from a template to be wrong."""
    try:
        loader: Any = environment.loader
        source, file, _ = loader.get_source(environment, name)
        tree = environment.parse(source, name, file)
    except TemplateSyntaxError as error:
        yield Fault(*place_of(error, name), fault(error, environment))
        return
    except (JinjaError, OSError) as error:
        yield Fault(name, 0, f"can't be read: {error}")
        return
    found = [
        *_unknown_uses(tree, environment),
        *_unknown_names(tree, known),
        *_unknown_templates(tree, environment),
        *_lost_parts(tree, environment),
    ]
    yield from (Fault(file, line, message) for line, message in found)


def _unknown_uses(tree: nodes.Template, environment: Sandbox) -> Iterator[tuple[int, str]]:
    for kind, held in ((nodes.Filter, environment.filters), (nodes.Test, environment.tests)):
        for node in tree.find_all(kind):
            if node.name not in held:
                word = kind.__name__.lower()
                near = nearest(node.name, (name for name in held if not name.startswith("_")))
                yield node.lineno, f"no {word} is called {node.name!r}{near}"


def _unknown_names(tree: nodes.Template, known: set[str]) -> Iterator[tuple[int, str]]:
    guarded = {
        name.name
        for kind in (nodes.Test, nodes.Filter)
        for guard in tree.find_all(kind)
        if guard.name in _GUARDS
        for name in guard.find_all(nodes.Name)
    }
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name not in known | guarded:
            yield node.lineno, f"nothing is called {node.name!r}{nearest(node.name, known)}"


def _unknown_templates(tree: nodes.Template, environment: Sandbox) -> Iterator[tuple[int, str]]:
    there = environment.list_templates()
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        named: Any = getattr(node, "template", None)
        wanted = named.value if isinstance(named, nodes.Const) else None
        if isinstance(wanted, str) and wanted not in there and not getattr(node, "ignore_missing", False):
            yield node.lineno, f"no template {wanted!r}{nearest(wanted, there)}"


def _lost_parts(tree: nodes.Template, environment: Sandbox) -> Iterator[tuple[int, str]]:
    """Yield what a template that extends another one has to no effect: blocks of an unknown name, text outside."""
    parent = _parent_of(tree)
    if parent is None or parent not in environment.list_templates():
        return
    blocks = _blocks_of(parent, environment, depth=20)
    for node in tree.body:
        if isinstance(node, nodes.Block) and node.name not in blocks:
            yield node.lineno, f"{parent} has no block {node.name!r}{nearest(node.name, blocks)}"
        elif isinstance(node, nodes.Output):
            for part in node.nodes:
                if not isinstance(part, nodes.TemplateData) or part.data.strip():
                    yield part.lineno, "what stands outside of the blocks is not shown"


def _parent_of(tree: nodes.Template) -> str | None:
    parent = next(iter(tree.find_all(nodes.Extends)), None)
    wanted = parent.template.value if parent and isinstance(parent.template, nodes.Const) else None
    return wanted if isinstance(wanted, str) else None


def _blocks_of(name: str, environment: Sandbox, depth: int) -> set[str]:
    loader: Any = environment.loader
    try:
        tree = environment.parse(loader.get_source(environment, name)[0])
    except (JinjaError, OSError):
        return set()
    blocks = {block.name for block in tree.find_all(nodes.Block)}
    parent = _parent_of(tree)
    return blocks | _blocks_of(parent, environment, depth - 1) if parent and depth else blocks


def _rendered_faults(name: str, folders: Sequence[Path], runs: Iterable[Run]) -> set[Fault]:
    """Return what goes wrong when a report is rendered with these runs."""
    faults: set[Fault] = set()
    runs = list(runs)
    left_out: set[tuple[str, int]] = set()
    for _ in range(_MOST_PASSES):
        environment = _Forgiving(environment_of(None, folders), left_out)
        failed = [place for run in runs if (place := environment.try_out(name, run))]
        faults |= environment.faults
        if not set(failed) - left_out:
            break
        left_out |= set(failed)
    return faults


class _Forgiving(Sandbox):
    """An environment that notes what is wrong and goes on; `left_out` are lines whose expressions are not evaluated."""

    def __init__(self, strict: Sandbox, left_out: set[tuple[str, int]]) -> None:
        super().__init__(FunctionLoader(self._source_of), {})
        self.filters.update(strict.filters)
        self._strict = strict
        self._near = cache(lambda message: fault(NameError(message), strict)[len(message) :])
        self._left_out = left_out
        self.faults: set[Fault] = set()
        self.undefined = _noting(self._note)

    def _source_of(self, name: str) -> Any:
        loader: Any = self._strict.loader
        try:
            return loader.get_source(self, name)
        except TemplateSyntaxError as error:
            return self._nothing_for(error, name)
        except TemplateNotFound:
            return None if name.startswith(f"{SHIPPED}/") else ""

    def _nothing_for(self, error: TemplateSyntaxError, name: str) -> str:
        """Note what is wrong with a template that can't be parsed; an empty one stands in its place."""
        self.faults.add(Fault(*place_of(error, name), fault(error, self._strict)))
        return ""

    def try_out(self, name: str, run: Run) -> tuple[str, int] | None:
        """Render a report; return where it failed, None when it came to its end."""
        self.begin()
        try:
            for _ in self.get_template(name).generate(run=run, events=()):
                pass
        except (*FAULTS, OSError) as error:
            file, line = place_of(error, name)
            if not any((one.file, one.line) == (file, line) for one in self.faults):
                self.faults.add(Fault(file, line, fault(error, self._strict)))
            return file, line
        return None

    def _note(self, message: str, *, always: bool) -> None:
        frame = sys._getframe(1)  # noqa: SLF001  there is no other way to know the line that is being rendered
        at: Any = frame
        while at is not None:
            template = at.f_globals.get("__jinja_template__")
            if template is not None:
                line = template.get_corresponding_lineno(at.f_lineno)
                said = message + self._near(message)
                self.faults.add(Fault(str(template.filename), line, said, always))
                return
            at = at.f_back

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        try:
            tree = super()._parse(source, name, filename)
        except TemplateSyntaxError as error:
            return super()._parse(self._nothing_for(error, filename or str(name)), name, filename)
        for kind, held in ((nodes.Filter, self.filters), (nodes.Test, self.tests)):
            for node in tree.find_all(kind):
                if node.name not in held:
                    held[node.name] = _stand_in(node.name, held)
        lines = {line for file, line in self._left_out if file in {filename, name}}
        if lines:
            _leave_out(tree, lines)
        return tree


def _stand_in(name: str, held: Mapping[str, Any]) -> Callable[..., Any]:
    """Return what does the work of a filter or a test that there isn't: the one that was meant, or nothing."""
    near = difflib.get_close_matches(name, sorted(one for one in held if not one.startswith("_")), n=1)
    if not near:
        return _nothing
    meant = held[near[0]]

    @wraps(meant)
    def lenient(*args: Any, **kwargs: Any) -> Any:
        try:
            return meant(*args, **kwargs)
        except FAULTS:  # it is a guess: what it makes of the value is no fault of the template
            return ""

    return lenient


def _nothing(value: object = "", *_: object, **__: object) -> str:
    """Return nothing, of a value that is used all the same."""
    return str(value)[:0]


def _leave_out(tree: nodes.Template, lines: set[int]) -> None:
    """Take the expressions of these lines out of a template."""
    for output in tree.find_all(nodes.Output):
        output.nodes = [
            part for part in output.nodes if isinstance(part, nodes.TemplateData) or part.lineno not in lines
        ]
    for loop in tree.find_all(nodes.For):
        if loop.iter.lineno in lines:
            loop.iter = nodes.Tuple([], "load", lineno=loop.lineno)
    for choice in tree.find_all(nodes.If):
        if choice.test.lineno in lines:
            choice.test = nodes.Const(value=False, lineno=choice.lineno)
    for setting in tree.find_all(nodes.Assign):
        if setting.lineno in lines:
            setting.node = nodes.Const("", lineno=setting.lineno)


_ANSWERS: dict[str, Any] = {
    **{f"__{name}__": "" for name in ("str", "format", "html")},
    **dict.fromkeys(("__len__", "__int__", "__index__", "__round__"), 0),
    **dict.fromkeys(("__bool__", "__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__contains__"), False),
    "__float__": 0.0,
    "__ne__": True,
    "__hash__": 0,
}
_PASSING = ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "mod", "pow", "neg", "pos")


class _Note(Protocol):
    def __call__(self, message: str, *, always: bool) -> None: ...


def _noting(note: _Note) -> type[NamedUndefined]:
    """Return what stands for nothing, says so to `note` when it is used, and is empty.

    What a record has no field for is nothing in every run.
    """

    def used(answer: Any, self: NamedUndefined, *_: Any, **__: Any) -> Any:
        note(self._undefined_message, always=isinstance(self._undefined_obj, BaseModel))
        return self if answer is NotImplemented else answer

    def asked(self: NamedUndefined, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return used(NotImplemented, self)

    def method(answer: Any) -> Callable[..., Any]:
        return lambda self, *args, **kwargs: used(answer, self, *args, **kwargs)

    body: dict[str, Any] = {name: method(answer) for name, answer in _ANSWERS.items()}
    body |= {f"__{name}__": method(NotImplemented) for name in (*_PASSING, "call", "getitem")}
    body |= {"__slots__": (), "__getattr__": asked, "__iter__": lambda self: iter(used((), self))}
    return type("Noting", (NamedUndefined,), body)
