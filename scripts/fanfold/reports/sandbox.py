"""Where templates run: they reach values and filters, nothing else, and neither forever nor without bounds.

A template is a program of its author's, maybe copied from somewhere. Attributes that lead into Python are refused by
Jinja's sandbox; added here are bounds: a render takes so many steps at most (a step is a turn of a loop or a call),
no value is longer than so many characters, nor is the report.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, cast

from jinja2 import BaseLoader, StrictUndefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from pydantic import BaseModel

MOST_STEPS = 5_000_000
LONGEST_VALUE = 10_000_000
LONGEST_REPORT = 100_000_000

_MARKUP = re.compile(r"\.(html?|xml|svg)(\.|$)")
_WIDE = re.compile(r"\d{7}|\*")
_PADDING = ("batch", "center", "indent", "slice")
# A call takes about so many times as long as a turn.
_CALL = 10
_COUNTED = "_counted"
_MEASURED = "_measured"


class NamedUndefined(StrictUndefined):
    """A name that stands for nothing: using it is an error, which says the nearest name that there is."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        name, owner = self._undefined_name, self._undefined_obj
        if self._undefined_hint or name is None:
            return str(self._undefined_hint)
        if owner is missing:
            return f"nothing is called {name!r}"
        kind = "what stands before it" if owner is None else f"a {type(owner).__name__}"
        return f"{kind} has no {name!r}{nearest(name, attributes(owner))}"


def attributes(value: object) -> list[str]:
    """Return what a template may ask of a value: its keys, or its public attributes."""
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    return [name for name in dir(type(value)) if not name.startswith(("_", "model_"))] + [
        name for name in getattr(type(value), "model_fields", ()) if not name.startswith("_")
    ]


def nearest(name: object, known: Iterable[str]) -> str:
    """Return a hint at the known name that is most like `name`, "" when none is."""
    near = difflib.get_close_matches(str(name), sorted(set(known)), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of templates; `begin` starts the count of a render's steps."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, loader: BaseLoader, filters: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(
            loader=loader,
            undefined=NamedUndefined,
            autoescape=lambda name: bool(name and _MARKUP.search(name.rpartition("/")[2])),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._steps = 0
        del self.globals["lipsum"]
        self.filters.update({name: _modest(self.filters[name]) for name in _PADDING})
        self.filters["format"] = _narrow(self.filters["format"])
        self.filters.update(filters)
        # With the context they are no constants, which would be computed once, when a template compiles.
        self.filters[_COUNTED] = pass_context(lambda _context, values: self._counted(values))
        self.filters[_MEASURED] = pass_context(lambda _context, value: _checked(value))

    def begin(self) -> None:
        """Forget the steps of the last render."""
        self._steps = 0

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a record's field at once: a report asks for hundreds of thousands of them."""
        if isinstance(obj, BaseModel) and attribute in obj.__pydantic_fields__:
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow of a record what it holds, and no method of pydantic's: some of them read files and pickles."""
        if isinstance(obj, BaseModel):
            return attr in type(obj).model_fields or isinstance(getattr(type(obj), attr, None), property)
        return bool(super().is_safe_attribute(obj, attr, value))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Return what stands for `text.format`: it takes no widths of millions."""
        wrapped = super().wrap_str_format(value)
        return _narrow(wrapped, value.__self__) if wrapped else None

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls, within the bounds."""
        self._spend(_CALL)
        text = getattr(obj, "__self__", None)
        if isinstance(text, str):
            _check_call(text, obj.__name__, args)
        result = super().call(context, obj, *args, **kwargs)
        if isinstance(result, range):
            self._spend(len(result))
        return _checked(result)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute what a template computes, within the bounds."""
        if operator == "**" and not (_is_small(left) and _is_small(right)):
            _refuse("a power of large numbers")
        if operator == "%" and isinstance(left, str) and _WIDE.search(left):
            _refuse("a format of such a width")
        if operator == "*":
            for many, one in ((left, right), (right, left)):
                if isinstance(many, str | list | tuple) and isinstance(one, int) and len(many) * one > LONGEST_VALUE:
                    _refuse(f"a value of {len(many) * one:,} parts")
        return _checked(super().call_binop(context, operator, left, right))

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        """Compile a template whose loops are counted and whose joined texts are measured."""
        for loop in list(source.find_all(nodes.For)):
            loop.iter = _filtered(loop.iter, _COUNTED)
        for join in list(source.find_all(nodes.Concat)):
            join.nodes = [_filtered(nodes.Concat(join.nodes, lineno=join.lineno), _MEASURED)]
        source.set_environment(self)
        return super()._generate(source, name, filename, defer_init)

    def _counted(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self._spend(1)
            yield value

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MOST_STEPS:
            _refuse(f"more than {MOST_STEPS:,} steps")


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(cast("nodes.Expr", node), name, [], [], None, None, lineno=node.lineno)


def _check_call(text: str, method: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a method of `text` that makes a text without measure of it."""
    if any(isinstance(one, int) and one > LONGEST_VALUE for one in arguments):
        _refuse(f"a width of {max(one for one in arguments if isinstance(one, int)):,}")
    if method == "replace" and len(text) * max((len(str(one)) for one in arguments[1:2]), default=0) > LONGEST_VALUE:
        _refuse("to replace so much by so much")


def _modest(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that takes no number that would make its result endless."""

    def modest(*args: Any, **kwargs: Any) -> Any:
        for one in (*args, *kwargs.values()):
            if isinstance(one, int) and one > LONGEST_VALUE:
                _refuse(f"a width of {one:,}")
        return function(*args, **kwargs)

    modest.__dict__.update(vars(function))  # what Jinja passes along besides the value
    return modest


def _narrow(function: Callable[..., Any], text: str = "") -> Callable[..., Any]:
    """Return what formats, `text` or its first argument, without widths of millions."""

    def narrow(*args: Any, **kwargs: Any) -> Any:
        if _WIDE.search(text or str(args[0])) or any(isinstance(one, int) and one > LONGEST_VALUE for one in args):
            _refuse("a format of such a width")
        return function(*args, **kwargs)

    return narrow


def _checked(value: Any) -> Any:
    if isinstance(value, str | list | tuple) and len(value) > LONGEST_VALUE:
        _refuse(f"a value of {len(value):,} parts")
    return value


def _is_small(value: object) -> bool:
    return not isinstance(value, int | float) or abs(value) <= 1_000  # noqa: PLR2004  its power has 3,000 digits


def _refuse(what: str) -> NoReturn:
    raise SecurityError(what)
