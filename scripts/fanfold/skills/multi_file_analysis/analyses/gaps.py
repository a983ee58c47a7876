"""What tests do not look at: files that no test leads to, and public functions that no test names. By text alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from fanfold.reports.analysed import Table
from fanfold.skills.multi_file_analysis.analyses.sources import (
    BY_FILE,
    Sources,
    limited,
    of_file,
    of_symbol,
    parted,
    production,
    table,
    tests_of,
)
from fanfold.sources.outline.languages import BY_NAME, CODE
from fanfold.sources.repo_map import graph
from fanfold.sources.repo_map.values import MappedFile, RepoMap, Symbol

_WORD = re.compile(r"[^\W\d]\w*")
_PASSES_ON = re.compile(r"(^|/)(__init__\.py|index\.[cm]?[jt]sx?|mod\.rs)$")
_ASIDE = re.compile(
    r"(^|/)(docs?|examples?|benchmarks?|migrations)/|(^|/)(setup|conf|noxfile|manage)\.py$", re.IGNORECASE
)
_INLINE = re.compile(r"#\[cfg\(test\)\]")  # Rust keeps them in the file
_FUNCTIONS = frozenset({"function", "method"})
_LEAST_LINES = 5
_HEAD_LINES = 5  # in which a definition says what it is, attributes included
# What stands before a definition that others can't name.
_NOT_FOR_OTHERS = re.compile(r"\b(?:private|protected)\b")
_HIDDEN: Mapping[str, re.Pattern[str]] = {
    "rust": re.compile(r"\A(?!.*\bpub\b(?!\s*\())", re.DOTALL),
    **dict.fromkeys(("java", "c-sharp", "php"), _NOT_FOR_OTHERS),
    **dict.fromkeys(
        ("typescript", "tsx"),
        re.compile(r"\b(?:private|protected)\b|\A(?!.*\bexport\b).*\bfunction\b", re.DOTALL),
    ),
    **dict.fromkeys(("c", "cpp"), re.compile(r"\bstatic\b")),
}
# Languages of which one calls the other by its name.
_FAMILIES = (
    frozenset({"javascript", "typescript", "tsx"}),
    frozenset({"c", "cpp"}),
    frozenset({"java", "kt", "kts", "scala", "groovy"}),
)
_NOT_AT_ALL, _NOT_BY_NAME, _INDIRECTLY = "nothing leads to it", "not by its names", "through others alone"
_ORDER = (_NOT_AT_ALL, _NOT_BY_NAME, _INDIRECTLY)


def untested_files(tree: RepoMap, sources: Sources) -> Table:
    """Return the files of code of which tests import nothing and name nothing, the most complicated first."""
    if not (tests := _tests_in(tree)):
        return table("untested-files", "Files without tests", "There are no test files here at all.", (), ())
    direct = _imported_by(tests, tree)
    reached = graph.distances(tree.imports, direct)
    words = _words_of(tests, sources)
    rows = []
    for path, file in _code(tree):
        if path not in direct and not _names_it(file, words) and not _INLINE.search(sources.read(path) or ""):
            unseen = _NOT_AT_ALL if file.facts.language in BY_FILE else _NOT_BY_NAME
            how = _INDIRECTLY if path in reached else unseen
            rows.append(of_file(path, file, how, file.facts.complexity, file.facts.lines))
    rows.sort(key=lambda found: (_ORDER.index(str(found.cells[0])), -int(found.cells[1] or 0), found.path))
    return table(
        "untested-files",
        "Files without tests",
        "No test imports them and none names what they define. Tests that run the program as a whole may still execute "
        "them: only a coverage run can tell.",
        ("tests lead to it", "complexity", "lines"),
        rows,
    )


def untested_functions(tree: RepoMap, sources: Sources) -> Table:
    """Return the public functions and methods that no test names, the longest first."""
    if not (tests := _tests_in(tree)):
        return table(
            "untested-functions", "Public functions that no test names", "There are no test files here.", (), ()
        )
    words = _words_of(tests, sources) | _words_inside(tree, sources)
    languages = _tested_in(tree, tests)
    rows = [
        of_symbol(path, symbol, symbol.qualified, symbol.end_line - symbol.line + 1)
        for path, file in _code(tree)
        if file.facts.language in languages
        for symbol in _public(file, [s for s in file.facts.symbols if _is_unnamed(s, words)], sources.read)
    ]
    rows.sort(key=lambda found: (-int(found.cells[1] or 0), found.path, found.line))
    found = table(
        "untested-functions",
        "Public functions that no test names",
        f"Of more than {_LEAST_LINES} lines, and their name stands in no test file. They may be called through others.",
        ("name", "lines"),
        rows,
    )
    return limited(found, tree, languages)


def _tests_in(tree: RepoMap) -> frozenset[str]:
    """Return the test code and what it reads; nothing where that is data alone."""
    tests = tests_of(tree.files)
    return tests if any(tree.files[path].facts.language in CODE for path in tests) else frozenset()


def _tested_in(tree: RepoMap, tests: Iterable[str]) -> frozenset[str]:
    """Return the languages of which a test could name something: those of tests, and what is one family with them."""
    spoken = {tree.files[path].facts.language for path in tests}
    return frozenset(spoken.union(*(family for family in _FAMILIES if not family.isdisjoint(spoken))))


def _is_unnamed(symbol: Symbol, words: set[str]) -> bool:
    is_long = symbol.end_line - symbol.line >= _LEAST_LINES
    return symbol.kind in _FUNCTIONS and is_long and symbol.name not in words


def _public(file: MappedFile, symbols: Sequence[Symbol], read: Callable[[str], str | None]) -> Iterator[Symbol]:
    """Yield those that are not private to the file or the class: such are tested through others."""
    hidden = _HIDDEN.get(file.facts.language)
    lines = (read(file.path) or "").split("\n") if hidden and symbols else []
    functions = {symbol.qualified for symbol in file.facts.symbols if symbol.kind in _FUNCTIONS}
    for symbol in symbols:
        if symbol.qualified.rpartition(".")[0] in functions:
            continue  # nobody outside of that function can name it
        head = "\n".join(lines[symbol.line - 1 : symbol.line + _HEAD_LINES]).partition("{")[0]
        if not _is_private(file, symbol) and not (hidden and hidden.search(head)):
            yield symbol


def _is_private(file: MappedFile, symbol: Symbol) -> bool:
    """Tell whether it is private as far as its name says so."""
    if file.facts.language == "go":
        return not all(part[:1].isupper() for part in symbol.qualified.split("."))
    if file.facts.language == "rust" and symbol.qualified.startswith(("tests.", "test.")):
        return True
    return any(part.startswith("_") for part in symbol.qualified.split("."))


def _code(tree: RepoMap) -> Iterator[tuple[str, MappedFile]]:
    """Yield the files that define something that runs, in a language with a grammar; those aside that nobody tests."""
    for path, file in production(tree):
        if (
            file.facts.language in BY_NAME
            and not _ASIDE.search(path)
            and any(symbol.kind in _FUNCTIONS for symbol in file.facts.symbols)
        ):
            yield path, file


def _imported_by(tests: Collection[str], tree: RepoMap) -> set[str]:
    """Return what tests import, and what that passes on: a package's `__init__.py` is a list of its names."""
    direct = {other for path in tree.imports if path in tests for other in tree.imports[path]}
    passing = {path: others for path, others in tree.imports.items() if _PASSES_ON.search(path)}
    return set(graph.distances(passing, direct))


def _words_of(tests: Iterable[str], sources: Sources) -> set[str]:
    """Return all words of test files: a test may name what it patches, or a program that it starts, in a string."""
    words: set[str] = set()
    for path in tests:
        words.update(_WORD.findall(sources.read(path) or ""))
    return words


def _words_inside(tree: RepoMap, sources: Sources) -> set[str]:
    """Return the words of the tests that Rust keeps in the files that they test."""
    rust = (path for path, file in _code(tree) if file.facts.language == "rust")
    tests = (parted(tree.files[path], sources.read(path) or "")[1] for path in rust)
    return {word for text in tests for word in _WORD.findall(text)}


def _names_it(file: MappedFile, words: set[str]) -> bool:
    with_methods = file.facts.language not in BY_FILE  # there a method's name says more of where it is from
    own = {
        symbol.name
        for symbol in file.facts.symbols
        if not symbol.name.startswith("_") and (symbol.qualified == symbol.name or with_methods)
    }
    return not own.isdisjoint(words)
