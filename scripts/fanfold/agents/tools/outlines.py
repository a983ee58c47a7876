"""What a file defines, and where a symbol is defined and used, as the syntax has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from pydantic import Field

from fanfold.agents.tools.base import Answer, Arguments, Lines, Tool
from fanfold.agents.tools.list_files import selected
from fanfold.agents.tools.read_file import numbered
from fanfold.agents.tools.scope import Readable, Scope
from fanfold.agents.tools.watch import Watch
from fanfold.agents.tools.wording import clipped, named
from fanfold.sources.outline import Definition, Outline, outline
from fanfold.sources.symbols import SymbolPlace, Symbols
from fanfold.sources.text import counted, split_lines

_MOST_USES = 200
_MOST_IMPORTS = 40
_MOST_DEFINITIONS = 20


class OutlineFile(Arguments):
    """Which file."""

    path: str = Field(max_length=4096, description="The file, as list_files names it.")
    after: int = Field(default=0, ge=0, le=2**31, description="Only definitions that begin behind this line.")


def outline_file(scope: Scope, asked: OutlineFile, _watch: Watch) -> Answer:
    """Return a file's imports and definitions, each with its lines."""
    path, text = scope.text(asked.path)
    made = outline(path, text)
    out = Lines()
    if not asked.after:
        out.extend(_imports(made))
    wanted = [definition for definition in made.definitions if definition.line > asked.after]
    last, count = asked.after, 0
    for definition in wanted:
        if not out.add(_told(definition)):
            break
        last, count = definition.line, count + 1
    cut = count < len(wanted)
    notes = [f"{counted(count, 'definition')} in {counted(made.lines, 'line')} of {made.language}"]
    if made.note:
        notes.append(made.note)
    if cut:
        notes.append(f"more with after={last}")
    return Answer(str(out), f"{'; '.join(notes)}.", cut)


def _imports(made: Outline) -> Iterator[str]:
    for module in list(dict.fromkeys(imported.module for imported in made.imports))[:_MOST_IMPORTS]:
        names = [imported.name for imported in made.imports if imported.module == module and imported.name]
        yield clipped(f"imports {module}{': ' + ', '.join(names) if names else ''}")


def _told(definition: Definition) -> str:
    """Return a definition on one line, set in as deep as it is nested."""
    depth = "  " * definition.qualified.count(".")
    doc = f"  # {definition.doc}" if definition.doc else ""
    head = definition.signature or f"{definition.kind} {definition.name}"
    return clipped(f"{definition.line}-{definition.end_line} {depth}{head}{doc}")


class FindSymbol(Arguments):
    """Which symbol, and where it is looked for."""

    name: str = Field(min_length=1, max_length=300, description="Its name, such as `parse` or `Parser.parse`.")
    glob: str = Field(default="**", max_length=500, description="Which files, as in list_files.")
    count: int = Field(default=60, ge=1, le=_MOST_USES, description="How many lines that use it are shown.")


def find_symbol(scope: Scope, asked: FindSymbol, watch: Watch) -> Answer:
    """Return the lines that define a symbol, then those that use its name."""
    paths = selected(scope, asked.glob, watch)
    files = Readable(scope, watch)
    symbols = Symbols(files, paths)
    defined, used = symbols.defined(asked.name, _MOST_DEFINITIONS), symbols.used(asked.name, asked.count)
    out = Lines()
    found = (("defined:", defined.places), ("used:", used.places))
    whole = all(
        out.add(line) for title, places in found for line in (title, *(_lines_of(files, places) or ["nowhere"]))
    )
    notes = [
        f"{counted(len(defined.places), 'definition')}, {counted(len(used.places), 'use')} in {_files(len(paths))}"
    ]
    more = defined.more + used.more
    if more or used.more_files:
        notes.append(f"at least {more} more places, and {_files(used.more_files)} not looked into: narrow the glob")
    if not whole:
        notes.append("cut: narrow the glob, or ask for fewer")
    if watch.late:
        notes.append("the time is over and not all files were searched: narrow the glob")
    return Answer(str(out), f"{'; '.join(notes)}.", bool(more or used.more_files or not whole or watch.late))


def _lines_of(files: Readable, places: Iterable[SymbolPlace]) -> list[str]:
    """Return the places' lines below the names of their files."""
    told = []
    for path, group in groupby(places, key=lambda place: place.path):
        lines = split_lines(files.read(path) or "")
        told.append(named(path))
        told += [f"{numbered(p.line, lines[p.line - 1])}{_about(p)}" for p in group if p.line <= len(lines)]
    return told


def _about(place: SymbolPlace) -> str:
    defines = place.what not in {"call", "attribute", "name", "import"}
    return f"  [{place.what} {place.name}, to line {place.end_line}]" if defines else ""


def _files(count: int) -> str:
    return counted(count, "file")


OUTLINE = Tool(
    "outline",
    """Show what a file imports and defines, each with its first and last line, signature and the beginning of its
    documentation.""",
    OutlineFile,
    outline_file,
)
SYMBOL = Tool(
    "find_symbol",
    """Find where a function, class, method or variable is defined, and the lines that use its name. By syntax: comments
    and strings don't count.""",
    FindSymbol,
    find_symbol,
)
