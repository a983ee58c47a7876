"""Outlines by tree-sitter: a grammar from its own wheel, and a query that says what it defines and imports.

The queries are our own, in the vocabulary of the `tags.scm` that wheels ship (`@definition.class`, `@name`): those have
no imports, are missing for C#, know no namespaces, enums or fields in others, and change with the wheel.

No text takes longer than a few seconds. What bounds it is the size of the tree, so that the same text has the same
outline; the parser alone, which a few grammars let go quadratic on text that is no code, is stopped by a clock.
"""

from __future__ import annotations

import re
import time
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from fanfold.pack import how_to_install
from fanfold.sources.outline.imports import Said, imports_of
from fanfold.sources.outline.languages import Grammar
from fanfold.sources.outline.text import SIGNATURE, comment_above, comment_on_top, lines_above, one_line
from fanfold.sources.outline.values import SCOPES, Definition, Kind, Reading, Use

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query, QueryCursor, Tree

_QUERIES = Path(__file__).with_name("queries")
_CHUNK = 65_536  # bytes that the parser reads at once
_PARSING_S = 5.0  # of this thread's own time; a file of 2 MB takes one second
_DEEPEST_BRACKETS = 1_000
_SAMPLE, _DENSEST = 100_000, 100  # bytes; tables of numbers and generated code compress less than so many times
_OPENING = (b"(", b"[", b"{", b"<")
_OPENS, _CLOSES, _ENDS, _ANGLES = frozenset(b"([{"), frozenset(b")]}"), frozenset(b";{}"), {ord("<"): 1, ord(">"): -1}
_NOT_BRACKETS = bytes(set(range(256)) - set(b"()[]{}<>;"))
_IN_PROGRESS = 10_000  # matches of a query that may be open at once
_DEEPEST = 2_000  # nodes within one another: no code that somebody wrote, and the depth that a query counts overflows
_MOST_SIGNS = 2_000
_MOST_DEFINITIONS = 50_000
_BEFORE = re.compile(rb"([A-Za-z_$][\w$]*(?:(?:\.|->|::|\?\.)[A-Za-z_$][\w$]*)*)?\)?\s*(?:\.|->|::|\?\.|\\)\s*$")
_CALLED = re.compile(rb"\s*(?:(?:::)?<[^<>(){};\n]{0,80}>)?\s*\(|![\[({]|\s*`")
_NO_SCOPE = frozenset({"exports", "module.exports", "module", "this", "self", "globalThis", "window"})
_NAMED = True  # a node, and no sign, of the grammar
_WINDOW = 100  # bytes around a name in which its use shows
_HEAD = 2_000  # bytes of a signature
_DIRECTIVE = re.compile(rb"[ \t]*#[ \t]*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b")
_ARGUMENTS = re.compile(r"<[^<>]*>")
_AROUND_SCOPES = re.compile(r"\s*(::|\.)\s*")
_OPERATOR = re.compile(r"\boperator\b.*", re.DOTALL)
_IDENTIFIER = re.compile(r"[\w~:]")
_SPACE = re.compile(r"\s+")


class Loaded(NamedTuple):
    """A grammar and its two queries: what is defined and imported; what is named, and where it branches."""

    language: Language
    tags: Query
    names: Query


@cache
def load(grammar: Grammar) -> Loaded | str:
    """Return the grammar, or why it can't be used and what to do about it."""
    try:
        from tree_sitter import Language, Query

        language = Language(getattr(import_module(grammar.module), grammar.function)())
        tags = "\n".join(_query(name) for name in grammar.queries or (grammar.name,))
        names = f"[{' '.join(f'({leaf})' for leaf in grammar.leaves)}] @name {_branching(language, grammar)}"
        return Loaded(language, Query(language, tags), Query(language, names))
    except ImportError:
        return f"{grammar.distribution} is not installed: {how_to_install('grammars')}"
    except (AttributeError, ValueError) as error:  # of another version than the queries were written for
        return f"{grammar.distribution} is of a version that fanfold can't use: {one_line(str(error), 120)}"


def _branching(language: Language, grammar: Grammar) -> str:
    """Return the query of where a program branches, of those nodes that this version of the grammar has."""
    named = [f"({node})" for node in grammar.branches.split() if language.id_for_node_kind(node, _NAMED)]
    signs = [f'"{sign}"' for sign in grammar.decides.split() if language.id_for_node_kind(sign, not _NAMED)]
    return f"[{' '.join((*named, *signs))}] @branch" if named or signs else ""


def _query(name: str) -> str:
    return (_QUERIES / f"{name}.scm").read_text(encoding="utf-8")


def tree_of(text: str, grammar: Grammar) -> Tree | None:
    """Return the tree of a file, None when its grammar can't be used or the file is nothing that it can take."""
    loaded = load(grammar)
    data = text.encode("utf-8", "replace")
    return None if isinstance(loaded, str) or _unparsable(data) else _parsed(loaded.language, data)


def read_grammar(text: str, grammar: Grammar) -> Reading | str:
    """Return what a text says in a language that has a grammar, or why that can't be told."""
    loaded = load(grammar)
    if isinstance(loaded, str):
        return loaded
    data = text.encode("utf-8", "replace")
    if why := _unparsable(data):
        return why
    tree = _parsed(loaded.language, data)
    if tree is None or _too_flat(tree.root_node):
        return "its errors are too many for the grammar"
    reader = _Reader(data, grammar, loaded, tree)
    if tree.root_node.has_error and grammar.preprocessed:
        branches = first_branches(data)
        reader.tag(tree, lambda start: branches[start : start + 1] == b" ")
        reader.tag(_parsed(loaded.language, branches) or tree)
    else:
        reader.tag(tree)
    return reader.reading()


def _too_flat(root: Node) -> bool:
    """Tell whether errors leave so many brackets and signs in a row that queries, quadratic in that, would not end."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.child_count - node.named_child_count > _MOST_SIGNS:
            runs = groupby(child.is_named for child in node.children)
            if any(not named and sum(1 for _ in run) > _MOST_SIGNS for named, run in runs):
                return True
        waiting += [child for child in node.children if child.has_error]
    return False


def first_branches(data: bytes) -> bytes:
    """Blank out what follows `#else` and `#elif` up to its `#endif`: together, branches need not balance their braces.

    Every byte stays where it is.
    """
    lines = data.split(b"\n")
    open_since: list[bool] = []  # for each open #if, whether its first branch is over
    for at, line in enumerate(lines):
        directive = _DIRECTIVE.match(line)
        word = directive[1] if directive else b""
        if word.startswith(b"if"):
            open_since.append(False)
        elif word.startswith(b"el") and open_since:
            open_since[-1] = True
        if word or any(open_since):
            lines[at] = b" " * len(line)
        if word == b"endif" and open_since:
            open_since.pop()
    return b"\n".join(lines)


def _unparsable(data: bytes) -> str:
    """Say what is no code and takes grammars time that is quadratic in its length, within one step of the parser."""
    if max(map(data.count, _OPENING)) > _DEEPEST_BRACKETS and _depth(data) > _DEEPEST_BRACKETS:
        return f"its brackets are nested more than {_DEEPEST_BRACKETS:,} deep"
    if len(data) > _SAMPLE and len(zlib.compress(data[:_SAMPLE], 1)) < _SAMPLE // _DENSEST:
        return "it is one thing over and over"
    return ""


def _depth(data: bytes) -> int:
    """Return how deep brackets are nested; a `<` counts up to the end of its statement, it may be a comparison."""
    deepest = depth = angles = 0
    for character in data.translate(None, _NOT_BRACKETS):
        if character in _OPENS:
            depth += 1
        elif character in _CLOSES:
            depth = max(0, depth - 1)
        elif character in _ANGLES:
            angles = max(0, angles + _ANGLES[character])
            deepest = max(deepest, angles)
        if character in _ENDS:
            angles = 0
        deepest = max(deepest, depth)
    return deepest


def _parsed(language: Language, data: bytes) -> Tree | None:
    from tree_sitter import Parser

    until = time.thread_time() + _PARSING_S

    def read(at: int, _point: object) -> bytes:
        return data[at : at + _CHUNK]

    def stop(_at: int, _error: bool) -> bool:
        return time.thread_time() > until

    try:
        return Parser(language).parse(read, progress_callback=stop)
    except ValueError:
        return None


Captures: TypeAlias = "Mapping[str, Sequence[Node]]"


class _Found(NamedTuple):
    """A definition as the query has it, or what only lends its name to those within (`kind` is None)."""

    start: int
    end: int
    node: Node
    name: str
    name_line: int
    scope: str
    kind: Kind | None


class _Reader:
    """Reads one file: its definitions and imports from one tree or two (`tag`), its names from the whole one."""

    def __init__(self, data: bytes, grammar: Grammar, loaded: Loaded, tree: Tree) -> None:
        self._data, self._grammar, self._loaded, self._tree = data, grammar, loaded, tree
        self._lines = data.decode("utf-8", "replace").split("\n")
        self._found: dict[int, _Found] = {}  # by where the name starts
        self._imports: dict[tuple[int, str], Said] = {}
        self._bound: set[int] = set()  # where the names in imports start
        self._modules: list[tuple[int, int]] = []  # from where to where an import says what it is from
        self._flawed = False

    def tag(self, tree: Tree, wanted: Callable[[int], bool] = lambda _: True) -> None:
        """Take in what a tree defines and imports, of those places that are wanted."""
        matches = _cursor(self._loaded.tags).matches(tree.root_node)
        # An outer definition ends after those in it, so patterns are not met in the order in which they count.
        for _, found in sorted(matches, key=lambda match: match[0]):
            captures = _behind_macros(found) if self._grammar.preprocessed else found
            if "module" in captures or "file" in captures:
                self._import(captures)
            elif len(self._found) < _MOST_DEFINITIONS and wanted(start := _name_start(captures)):
                self._found.setdefault(start, self._definition_found(captures))
        self._flawed = tree.root_node.has_error

    def _import(self, captures: Captures) -> None:
        said = self._said(captures)
        self._bound.update(node.start_byte for nodes in captures.values() for node in nodes)
        self._modules += [(n.start_byte, n.end_byte) for n in captures.get("module") or captures["file"]]
        self._imports.setdefault((_last(captures), said.imported), said)

    def reading(self) -> Reading:
        """Return what was found."""
        self._modules.sort()
        named = _cursor(self._loaded.names).captures(self._tree.root_node)
        said = [self._imports[key] for key in sorted(self._imports)]
        return Reading(
            language=self._grammar.name,
            method="tree-sitter",
            lines=len(self._lines) - (self._lines[-1] == ""),
            definitions=tuple(self._definitions()),
            imports=tuple(made for one in said for made in imports_of(self._grammar.name, one)),
            # In order of the text: tree-sitter hands captures over in the order of a set of theirs.
            uses=tuple(self._uses(sorted(named.get("name", ()), key=attrgetter("start_byte")))),
            branches=len(named.get("branch", ())),
            doc=comment_on_top(self._lines, self._grammar.comments),
            note="it has syntax errors; what stands in them may be missing" if self._flawed else "",
        )

    def _said(self, captures: Captures) -> Said:
        def text(name: str) -> str:
            return self._text(captures[name][0]) if captures.get(name) else ""

        first = min((node for nodes in captures.values() for node in nodes), key=lambda node: node.start_byte)
        return Said(
            line=first.start_point.row + 1,
            module=text("module"),
            imported=text("imported"),
            bound=text("bound"),
            default=text("bound.default"),
            prefix=text("prefix"),
            file=text("file"),
            exported="exported" in captures,
        )

    def _definition_found(self, captures: Captures) -> _Found:
        kind = next((name.removeprefix("definition.") for name in captures if name.startswith("definition.")), None)
        node = captures[f"definition.{kind}" if kind else "within"][0]
        named = captures["name" if kind else "scope"][0]
        scope = self._text(captures["scope"][0]).removesuffix(".prototype") if "scope" in captures else ""
        return _Found(
            node.start_byte,
            node.end_byte,
            node,
            self._text(named),
            named.start_point.row + 1,
            scope,
            cast("Kind | None", kind),
        )

    def _text(self, node: Node) -> str:
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _definitions(self) -> Iterator[Definition]:
        """Yield the definitions, each named after what it stands in."""
        above: list[tuple[int, str, bool]] = []  # where it ends, its qualified name, whether its functions are methods
        found = [one for at, one in self._found.items() if at not in self._bound]
        for one in sorted(found, key=lambda one: (one.start, -one.end, one.name_line)):
            while above and above[-1][0] < one.end:
                above.pop()
            outer, in_scope = (above[-1][1], above[-1][2]) if above and one.kind != "macro" else ("", False)
            name = _behind_types(one.name) if self._grammar.preprocessed else _plain(one.name)
            inside = one.scope if one.kind and one.scope not in _NO_SCOPE else ""
            qualified = ".".join(part for part in (outer, inside, name) if part)
            if one.kind is not None:
                kind: Kind = "method" if one.kind == "function" and in_scope else one.kind
                last = name if name.startswith("operator") else name.rpartition(".")[2]
                yield self._definition(one, last, qualified, kind)
            if not (self._grammar.preprocessed and one.kind == "type"):  # `typedef struct a {…} a;` holds what it names
                above.append((one.end, qualified, one.kind is None or one.kind in SCOPES - {"module"}))

    def _definition(self, one: _Found, name: str, qualified: str, kind: Kind) -> Definition:
        start, end = one.node.start_point, one.node.end_point
        line = lines_above(self._lines, start.row + 1, self._grammar.leading)
        return Definition(
            name=name,
            qualified=qualified,
            kind=kind,
            line=line,
            # A preprocessor line's node ends at the beginning of the next line.
            end_line=max(start.row + 1, end.row + (end.column > 0)),
            name_line=one.name_line,
            signature=self._signature(one.node),
            doc=comment_above(self._lines, line, self._grammar.comments),
        )

    def _signature(self, node: Node) -> str:
        """Return the head as it is written: from the start of its line up to its body, or its first line."""
        data, start = self._data, node.start_byte
        line_start = data.rfind(b"\n", 0, start) + 1
        if start - line_start < _WINDOW and not re.search(rb"[{};(]", data[line_start:start]):
            start = line_start
        body = node.child_by_field_name("body") if self._grammar.comments == "slashes" else None
        if body is None and (value := node.child_by_field_name("value")):
            body = value.child_by_field_name("body")
        if body is None or body.start_byte <= start:
            head = data[start : min(node.end_byte, start + _HEAD)].lstrip().partition(b"\n")[0]
        else:
            head = data[start : min(body.start_byte, start + _HEAD)]
        return one_line(head.decode("utf-8", "replace").strip().removesuffix("{"), SIGNATURE)

    def _uses(self, names: Iterable[Node]) -> Iterator[Use]:
        """Yield each name that is no definition's own, by what stands around it."""
        data, own = self._data, self._bound | {at for at, one in self._found.items() if one.kind}
        for node in names:
            start, end = node.start_byte, node.end_byte
            if start in own or self._in_module(start):
                continue
            before = _BEFORE.search(data[max(0, start - _WINDOW) : start])
            called = _CALLED.match(data, end, end + _WINDOW) is not None
            receiver = (before[1] or b"").decode("utf-8", "replace") if before else ""
            name = data[start:end].decode("utf-8", "replace").removeprefix(":")
            plain = receiver.replace("?.", ".").replace("->", ".").replace("::", ".")
            yield name, called, before is not None, plain, node.start_point.row + 1

    def _in_module(self, start: int) -> bool:
        at = bisect_right(self._modules, (start, len(self._data))) - 1
        return at >= 0 and start < self._modules[at][1]


def _plain(name: str) -> str:
    """Return a name without its arguments and spaces, its parts with dots between."""
    return _SPACE.sub("", _without_arguments(name)).removeprefix(":").replace("::", ".")


def _behind_types(name: str) -> str:
    """Return the last word of a name: `std::string text` is a macro's, a type's and a function's as a grammar sees it.

    Of a name that a macro makes, what the macro is called.
    """
    operator = _OPERATOR.search(name)
    before = _AROUND_SCOPES.sub(r"\1", _without_arguments(name[: operator.start()] if operator else name))
    words = (before.strip("() ") if before.startswith("(") else before.partition("(")[0]).split()
    last = "" if operator and not before.endswith("::") else words[-1] if words else before
    return f"{last}{' '.join(operator[0].split()) if operator else ''}".replace("::", ".")


def _without_arguments(name: str) -> str:
    """Return a name without what stands between angle brackets, these being more than an operator's name."""
    if not _IDENTIFIER.match(name):
        return name
    while name != (shorter := _ARGUMENTS.sub("", name)):
        name = shorter
    return name.partition("<")[0] if "<" in name else name.partition(">")[0]


def _cursor(query: Query) -> QueryCursor:
    from tree_sitter import QueryCursor

    cursor = QueryCursor(query, match_limit=_IN_PROGRESS)
    cursor.set_max_start_depth(_DEEPEST)
    return cursor


def _name_start(captures: Captures) -> int:
    return captures["name" if "name" in captures else "scope"][0].start_byte


def _behind_macros(captures: Captures) -> Captures:
    """Return captures with the name that stands right before the parameters: `API int name(…)` is no function `int`."""
    named = captures["name"][0] if captures.get("name") else None
    behind = named.next_sibling if named and named.parent and named.parent.type == "function_declarator" else None
    if behind and behind.type == "ERROR" and behind.named_child_count == 1 and behind.child_count == 1:
        return {**captures, "name": [behind.named_children[0]]}
    return captures


def _last(captures: Captures) -> int:
    """Return where the last captured part of an import stands: two patterns for one import share it."""
    return max(node.start_byte for nodes in captures.values() for node in nodes)
