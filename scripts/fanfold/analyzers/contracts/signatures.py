"""What a Python function takes, and whether a call fits it: as the interpreter would bind it, or no answer at all."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from fanfold.sources.text import counted

ParameterKind = Literal["positional", "either", "keyword"]

# Decorators under which a function takes what it says it takes.
_TRANSPARENT = frozenset(
    {"asynccontextmanager", "cache", "classmethod", "contextmanager", "final", "lru_cache", "override", "staticmethod"}
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """`default` is the default's code in a normal form, None for a required parameter."""

    name: str
    kind: ParameterKind
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """`any_positional` and `any_keyword` say that it takes `*args` and `**kwargs`; lines are those of its head."""

    parameters: tuple[Parameter, ...]
    any_positional: bool = False
    any_keyword: bool = False
    line: int = 0
    end_line: int = 0

    @property
    def contract(self) -> tuple[object, ...]:
        """Return what callers depend on, defaults' values aside."""
        return (
            tuple((p.name, p.kind, p.default is None) for p in self.parameters),
            self.any_positional,
            self.any_keyword,
        )

    def mismatch(self, call: ast.Call) -> str | None:
        """Return why Python would refuse to bind the call; None when it fits, or when nobody can tell."""
        spread = any(isinstance(argument, ast.Starred) for argument in call.args)
        unknown = spread or any(keyword.arg is None for keyword in call.keywords)
        named = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
        by_keyword = {p.name for p in self.parameters if p.kind != "positional"}
        if not self.any_keyword and (surplus := sorted(named - by_keyword)):
            return f"there is no parameter `{surplus[0]}`"
        places = [p for p in self.parameters if p.kind != "keyword"]
        if not spread and not self.any_positional and len(call.args) > len(places):
            most = counted(len(places), "positional argument")
            return f"it takes at most {most} and gets {len(call.args)}"
        if unknown:
            return None
        filled = {p.name for p in places[: len(call.args)]}
        if twice := sorted(named & {p.name for p in places[: len(call.args)] if p.kind == "either"}):
            return f"`{twice[0]}` is given twice"
        missing = [p.name for p in self.parameters if p.default is None and p.name not in filled | named]
        return f"the required argument `{missing[0]}` is missing" if missing else None

    def relies_on(self, call: ast.Call, names: Iterable[str]) -> list[str]:
        """Return which of these parameters a call leaves to their defaults, as far as that is certain."""
        if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
            return []
        places = [p.name for p in self.parameters if p.kind != "keyword"]
        given = {*places[: len(call.args)], *(keyword.arg for keyword in call.keywords)}
        return [name for name in names if name not in given]


def signature_of(node: ast.FunctionDef | ast.AsyncFunctionDef, *, method: bool) -> Signature | None:
    """Return what callers may give a function, `self` left out of a method's; None when a decorator may change it."""
    names = [_last_name(decorator) for decorator in node.decorator_list]
    if not _TRANSPARENT.issuperset(names):
        return None
    parameters = list(_parameters(node.args))
    if method and "staticmethod" not in names:
        if not parameters:
            return None
        parameters = parameters[1:]
    end = max(node.lineno, node.body[0].lineno - 1)
    return Signature(tuple(parameters), node.args.vararg is not None, node.args.kwarg is not None, node.lineno, end)


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    places = [*arguments.posonlyargs, *arguments.args]
    defaults: Sequence[ast.expr | None] = [*[None] * (len(places) - len(arguments.defaults)), *arguments.defaults]
    for index, (argument, default) in enumerate(zip(places, defaults, strict=True)):
        kind: ParameterKind = "positional" if index < len(arguments.posonlyargs) else "either"
        yield Parameter(argument.arg, kind, _normal(default))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield Parameter(argument.arg, "keyword", _normal(default))


def _normal(default: ast.expr | None) -> str | None:
    return None if default is None else ast.unparse(default)


def constructor_of(node: ast.ClassDef) -> Signature | None:
    """Return what instantiating a class takes, when the class itself says so: by `__init__` or as a dataclass.

    Its bases are not looked at here.
    """
    decorators = [_last_name(decorator) for decorator in node.decorator_list]
    own = [s for s in node.body if isinstance(s, ast.FunctionDef) and s.name in {"__init__", "__new__"}]
    if node.keywords or any(method.name == "__new__" for method in own) or len(own) > 1:
        return None
    if own and set(decorators) <= {"final", "total_ordering", "runtime_checkable"}:
        return signature_of(own[0], method=True)
    if not own and not node.bases and decorators == ["dataclass"]:
        return _dataclass(node)
    return None


def _dataclass(node: ast.ClassDef) -> Signature | None:
    """Return the generated constructor's signature; fields and flags as in the library reference of `dataclasses`."""
    decorator = node.decorator_list[0]
    flags = {k.arg: k.value for k in decorator.keywords} if isinstance(decorator, ast.Call) else {}
    if not all(isinstance(value, ast.Constant) for value in flags.values()) or _is(flags.get("init"), value=False):
        return None
    keyword_only = _is(flags.get("kw_only"), value=True)
    parameters = []
    for field in node.body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        kind = _last_name(field.annotation)
        if kind == "KW_ONLY":
            keyword_only = True
        elif kind != "ClassVar" and (made := _field(field, keyword_only=keyword_only)):
            parameters.append(made)
    ordered = [p for p in parameters if p.kind == "either"] + [p for p in parameters if p.kind == "keyword"]
    return Signature(tuple(ordered), line=node.lineno, end_line=node.lineno)


def _field(node: ast.AnnAssign, *, keyword_only: bool) -> Parameter | None:
    default = node.value
    assert isinstance(node.target, ast.Name)  # noqa: S101  the caller has looked
    if isinstance(default, ast.Call) and _last_name(default.func) == "field":
        options = {keyword.arg: keyword.value for keyword in default.keywords}
        if _is(options.get("init"), value=False):
            return None
        keyword_only = keyword_only or _is(options.get("kw_only"), value=True)
        default = options.get("default") or options.get("default_factory")
    return Parameter(node.target.id, "keyword" if keyword_only else "either", _normal(default))


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _last_name(node: ast.expr) -> str:
    """Return the last name of `a.b.name(…)` or `name[…]`, "" for what is no name."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
