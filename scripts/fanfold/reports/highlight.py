"""Code and diffs as HTML: each line a block with its number, what is written escaped, colours by CSS classes.

The classes are few: `k` keyword, `n` name of what is defined or called, `b` built-in, `s` string, `d` number, `c`
comment, `p` decorator or preprocessor line. Pygments reads the code; it is loaded when the first quote is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from fanfold.models import Finding
from fanfold.reports.escape import without_controls
from fanfold.reports.excerpt import comment_before, docstring_before

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]  # it has no types

COLOURED = 100_000
"""So many characters of a report are coloured, the worst findings' first: a page is written in bounded time."""
LONGEST = 10_000
"""Code of more characters is shown without colours: some grammars take very long for what is no code of theirs."""
_LONGEST_LINE = 1_000

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
# From the first that a token's kind is below to a class.
_CLASSES = (
    ("Comment.Preproc", "p"),
    ("Comment", "c"),
    ("Keyword.Constant", "b"),
    ("Keyword", "k"),
    ("Operator.Word", "k"),
    ("Literal.String", "s"),
    ("Literal.Number", "d"),
    ("Name.Decorator", "p"),
    ("Name.Builtin", "b"),
    ("Name.Function", "n"),
    ("Name.Class", "n"),
    ("Name.Tag", "k"),
    ("Name.Attribute", "n"),
)


def highlighted(
    code: object,
    path: str = "",
    line: int = 1,
    *,
    coloured: bool = True,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    end_line: int | None = None,
) -> Markup:
    """Return code as an HTML block of numbered lines, the first with the number `line`; its language by `path`'s name.

    The lines `before` and `after` it, which begin below `end_line`, are shown around it. Without `coloured` it is only
    escaped, as is what no grammar is known for, or is too long for one.
    """
    quoted = without_controls(str(code)).strip("\n").split("\n")
    lines = [*map(_one, before), *quoted, *map(_one, after)]
    behind = (line + len(quoted) - 1 if end_line is None else end_line) + 1
    numbers = [*range(line - len(before), line + len(quoted)), *range(behind, behind + len(after))]
    classes = ["l"] * len(before) + ["l q" if before or after else "l"] * len(quoted) + ["l"] * len(after)
    lexer = _lexer(_kind(path)) if coloured and _worth_it(lines) else None
    shown = _coloured("\n".join(lines), lexer) if lexer else map(_escaped, lines)
    block = "".join(
        f'<span class="{css}" data-n="{n}">{one}\n</span>' for css, n, one in zip(classes, numbers, shown, strict=True)
    )
    return Markup(f'<pre class="code"><code>{block}</code></pre>')  # noqa: S704  each line is escaped


def quoted(finding: Finding, *, coloured: bool = True) -> Markup:
    """Return what a finding quotes as `highlighted` does, with the lines around it."""
    return highlighted(
        finding.quote,
        finding.path,
        finding.line,
        coloured=coloured,
        before=finding.before,
        after=finding.after,
        end_line=finding.end_line,
    )


def colourable(findings: Iterable[Finding]) -> int:
    """Return for how many of the findings, from the first on, there is time to colour the code."""
    room, number = COLOURED, 0
    for finding in findings:
        room -= sum(map(len, (finding.quote, *finding.before, *finding.after)))
        if room < 0:
            break
        number += 1
    return number


def verbatim(text: object) -> Markup:
    """Return text as an HTML block that keeps its lines, without colours and numbers."""
    return Markup('<pre class="code plain"><code>{}</code></pre>').format(without_controls(str(text)).strip("\n"))


def _one(line: str) -> str:
    return without_controls(line).replace("\n", " ")


def _worth_it(lines: Sequence[str]) -> bool:
    return sum(map(len, lines)) <= LONGEST and all(len(line) <= _LONGEST_LINE for line in lines)


def _escaped(text: str) -> str:
    return str(escape(text))


def _kind(path: str) -> str:
    """Return the part of a file's name that tells its language: its ending, or all of it when it has none."""
    name = PurePosixPath(path.replace("\n", " ")).name
    return f"x{PurePosixPath(name).suffix.lower()}" if "." in name.strip(".") else name


@lru_cache(maxsize=64)
def _lexer(name: str) -> Lexer | None:
    from pygments.lexers import find_lexer_class_for_filename  # type: ignore[import-untyped]  # as above

    found = find_lexer_class_for_filename(name)
    # A quote is a part of a file: it need not begin with what begins a file of PHP.
    return found(stripnl=False, ensurenl=False, startinline=True) if found else None


def _coloured(text: str, lexer: Lexer) -> Iterator[str]:
    """Yield each line of a part of a file as HTML; a token that spans lines is closed and opened again."""
    before = docstring_before(text) if lexer.name == "Python" else comment_before(text) if _has_stars(lexer) else ""
    yield from islice(_lines(f"{before}\n{text}", lexer), 1, None) if before else _lines(text, lexer)


@lru_cache(maxsize=64)
def _has_stars(lexer: Lexer) -> bool:
    """Are there comments between `/*` and `*/`?"""
    return any(_class(kind) == "c" for kind, _ in lexer.get_tokens("/* */"))


def _lines(text: str, lexer: Lexer) -> Iterator[str]:
    line: list[str] = []
    for css, value in _merged((_class(kind), value) for kind, value in lexer.get_tokens(text)):
        for number, part in enumerate(value.split("\n")):
            if number:
                yield "".join(line)
                line.clear()
            if part:
                shown = _escaped(part)
                line.append(f'<span class="{css}">{shown}</span>' if css and not part.isspace() else shown)
    yield "".join(line)


def _merged(tokens: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Join neighbours of one class: a string is one string, whatever stands in it."""
    for css, same in groupby(tokens, key=itemgetter(0)):
        yield css, "".join(value for _, value in same)


@lru_cache(maxsize=256)
def _class(kind: Any) -> str:
    name = str(kind).removeprefix("Token.")
    return next((css for prefix, css in _CLASSES if name == prefix or name.startswith(f"{prefix}.")), "")


def diffed(diff: object) -> Markup:
    """Return a unified diff of one file as an HTML block: `ins` and `del` for what changes, without its headers."""
    shown: list[str] = []
    old = new = 0
    text = without_controls(str(diff)).rstrip("\n")
    for line in text.split("\n"):
        if start := _HUNK.match(line):
            old, new = int(start[1]), int(start[2])
            shown += ['<span class="hunk">⋯\n</span>'] if shown else []
        elif old or new:
            tag, number = {"+": ("ins", new), "-": ("del", old)}.get(line[:1], ("span", new))
            shown.append(f'<{tag} class="l" data-n="{number}">{_escaped(line)}\n</{tag}>')
            old, new = old + (line[:1] != "+"), new + (line[:1] != "-")
    shown = shown or [f'<span class="l">{_escaped(text)}\n</span>']
    return Markup(f'<pre class="code diff"><code>{"".join(shown)}</code></pre>')  # noqa: S704  each line is escaped
