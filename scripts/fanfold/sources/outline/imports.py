"""What an import says, language by language, from the parts that its query has captured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from fanfold.sources.outline.values import Import

_MOST_USED = 500  # names of one Rust `use`
_DEEPEST_USE = 20


class Said(NamedTuple):
    """The text of an import's captures, "" for one that isn't there; its line; whether it is passed on."""

    line: int
    module: str
    imported: str
    bound: str
    default: str
    prefix: str
    file: str
    exported: bool


def imports_of(language: str, said: Said) -> Iterator[Import]:
    """Yield what an import binds: one for most languages, several for a tree of names in Rust."""
    for module, name, bound in _READERS[language](said):
        if module:
            yield Import(module=module, name=name, bound=bound, line=said.line, exported=said.exported)


_Parts = tuple[str, str | None, str]


def _script(said: Said) -> Iterator[_Parts]:
    module = _unquoted(said.module)
    if said.default:
        yield module, "default", said.default
    elif said.imported:
        name = _unquoted(said.imported)
        yield module, name, "" if name == "*" else _unquoted(said.bound) or name
    else:
        yield module, None, said.bound


def _python(said: Said) -> Iterator[_Parts]:
    if not said.imported:
        yield said.module, None, said.bound or said.module.partition(".")[0]
    else:
        yield said.module, said.imported, "" if said.imported == "*" else said.bound or said.imported


def _go(said: Said) -> Iterator[_Parts]:
    module = _unquoted(said.module)
    if said.bound == ".":
        yield module, "*", ""
    else:
        yield module, None, "" if said.bound == "_" else said.bound or _package(module)


def _package(module: str) -> str:
    """Return what a Go package is most likely called: the last element that is no major version."""
    *above, last = module.split("/")
    is_version = last[:1] == "v" and last[1:].isdigit()
    return above[-1] if above and is_version else last.partition(".v")[0]


def _rust(said: Said) -> Iterator[_Parts]:
    if said.file or said.bound:
        yield said.module, None, said.bound or said.module
        return
    for path, alias in _use_tree("".join(said.module.replace(" as ", "\0").split())):
        module, _, name = path.rpartition("::")
        if name == "self":
            module, _, name = module.rpartition("::")
        yield module or name, name if module else None, "" if name == "*" else alias or name


def _use_tree(tree: str) -> Iterator[tuple[str, str]]:
    """Yield each path of `a::{b, c::{self, d as e}}` and what it is called ("" for its own name)."""
    waiting: list[tuple[str, str, int]] = [("", tree, 0)]
    given = 0
    while waiting and given < _MOST_USED:
        prefix, rest, depth = waiting.pop()
        head, brace, inner = rest.partition("{")
        if brace and depth < _DEEPEST_USE:
            waiting.extend((prefix + head, part, depth + 1) for part in _split(inner.removesuffix("}"))[::-1])
        elif not brace and rest:
            path, _, alias = rest.partition("\0")
            given += 1
            yield prefix + path, alias


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside of braces."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _java(said: Said) -> Iterator[_Parts]:
    module, _, name = said.module.rpartition(".")
    yield (said.module, "*", "") if said.imported else (module, name, name)


def _c(said: Said) -> Iterator[_Parts]:
    yield _unquoted(said.module), "*", ""


def _c_sharp(said: Said) -> Iterator[_Parts]:
    yield (said.module, None, said.bound) if said.bound else (said.module, "*", "")


def _ruby(said: Said) -> Iterator[_Parts]:
    relative = _unquoted(said.file)
    yield _unquoted(said.module) or (relative if relative.startswith(".") else f"./{relative}"), None, ""


def _php(said: Said) -> Iterator[_Parts]:
    if said.file:
        yield _unquoted(said.file), None, ""
        return
    whole = f"{said.prefix}\\{said.module}" if said.prefix else said.module
    module, _, name = whole.strip("\\").rpartition("\\")
    yield module or name, name if module else None, said.bound or name


def _unquoted(text: str) -> str:
    return text.strip("\"'`<>")


_READERS: Mapping[str, Callable[[Said], Iterator[_Parts]]] = {
    "javascript": _script,
    "typescript": _script,
    "tsx": _script,
    "python": _python,
    "go": _go,
    "rust": _rust,
    "java": _java,
    "c": _c,
    "cpp": _c,
    "c-sharp": _c_sharp,
    "ruby": _ruby,
    "php": _php,
}
