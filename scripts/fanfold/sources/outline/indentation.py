"""Files without a parser: what their indentation and a few words that languages share show.

A block is a line with the deeper lines below it, and the line that closes it. It counts when a word on its first
line says that something is defined (`fun`, `def`, `class`, `table` …), or when it stands at the left margin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fanfold.sources.outline.text import SIGNATURE, comment_above, comment_on_top, lines_above, one_line
from fanfold.sources.outline.values import Definition, Kind, Reading, Use

_LONGEST_LINE = 2_000  # characters of a line that are looked at for definitions
_MOST_DEFINITIONS = 20_000
_MODIFIERS = (
    r"(?:(?:pub(?:\([a-z]+\))?|public|private|protected|internal|open|abstract|final|sealed|static|override|export"
    r"|default|async|inline|data|local|const|extern|unsafe|suspend|companion|partial|virtual|case|create|or|replace"
    r"|temporary|global)\s+)*"
)
_WORDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("def", "defp", "fn", "fun", "func", "function", "sub", "proc", "procedure", "subroutine"), "function"
    ),
    **dict.fromkeys(("class", "object", "trait", "actor", "contract"), "class"),
    **dict.fromkeys(("struct", "record", "union"), "struct"),
    **dict.fromkeys(("interface", "protocol"), "interface"),
    **dict.fromkeys(("module", "namespace", "defmodule", "package"), "module"),
    **dict.fromkeys(("enum",), "enum"),
    **dict.fromkeys(("type", "typealias", "newtype"), "type"),
    **dict.fromkeys(("macro", "defmacro"), "macro"),
    **dict.fromkeys(("impl", "extension", "resource", "variable", "table", "view", "index", "trigger"), "block"),
}
_DEFINED = re.compile(
    rf"\s*{_MODIFIERS}({'|'.join(sorted(_WORDS, key=len, reverse=True))})\b[*&\s]+"
    r"(?:if\s+not\s+exists\s+|\([^()]*\)\s*)?([\"'`]?[A-Za-z_$][\w$.:\-]*)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"[\"'`]?([A-Za-z_$][\w$.\-]*)")
_CONTROL = frozenset(
    {
        "if",
        "else",
        "elif",
        "elseif",
        "for",
        "while",
        "do",
        "switch",
        "case",
        "try",
        "catch",
        "except",
        "finally",
        "with",
    }
    | {"return", "end", "then", "unless", "until", "when", "match", "select", "begin", "import", "from", "use"}
)
_CLOSES = re.compile(r"\s*(?:[})\]]|end\b|fi\b|done\b|esac\b)")
_COMMENT = re.compile(r"\s*(?://|#|--|;|\*|/\*|%)")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_USE = re.compile(r"(?:([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)?(\.|->|::))?\b([A-Za-z_$][\w$]{0,200})(\s{0,4}\()?")
_HASH = frozenset({"python", "ruby", "sh", "bash", "pl", "pm", "r", "yaml", "yml", "toml", "tf", "ex", "exs", "jl"})
_LEADING = re.compile(r"\s*@\w")


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def read_indentation(text: str, language: str, note: str = "", *, definitions: bool = True) -> Reading:
    """Return what can be told of a text without knowing its language; `definitions` False leaves those out."""
    lines = text.split("\n")
    style = "hash" if language in _HASH else "other"
    found = tuple(_definitions(lines, style)) if definitions else ()
    return Reading(
        language=language,
        method="indentation",
        lines=len(lines) - (lines[-1] == ""),
        definitions=found,
        imports=(),
        uses=tuple(_uses(lines, {(d.name, d.name_line) for d in found})),
        doc=comment_on_top(lines, style),
        note=note,
    )


def _definitions(lines: Sequence[str], style: str) -> Iterator[Definition]:
    """Yield definitions; blocks that are open at a line are those above it that are less indented."""
    said = [_Line(n, _indent(text), text[:_LONGEST_LINE]) for n, text in enumerate(lines, 1) if text.strip()]
    ends = _ends(said)
    above: list[tuple[int, str, Kind]] = []  # last line, qualified name, kind
    given = 0
    for line, end in zip(said, ends, strict=True):
        named = _named(line, end > line.number)
        if named is None or given >= _MOST_DEFINITIONS:
            continue
        name, kind = named
        while above and above[-1][0] < line.number:
            above.pop()
        if kind == "function" and above and above[-1][2] in {"class", "struct", "interface", "enum"}:
            kind = "method"
        qualified = f"{above[-1][1]}.{name}" if above else name
        first = lines_above(lines, line.number, _LEADING)
        given += 1
        yield Definition(
            name=name,
            qualified=qualified,
            kind=kind,
            line=first,
            end_line=end,
            name_line=line.number,
            signature=one_line(line.text.strip().removesuffix("{"), SIGNATURE),
            doc=comment_above(lines, first, style),
        )
        above.append((end, qualified, kind))


def _indent(text: str) -> int:
    return len(text.expandtabs(4)) - len(text.expandtabs(4).lstrip()) if text[:1].isspace() else 0


def _ends(said: Sequence[_Line]) -> list[int]:
    """Return for each line the last line of the block that it opens: its own number when nothing deeper follows."""
    ends = [line.number for line in said]
    waiting: list[int] = []  # lines whose block is open, by index, ever deeper
    for at, line in enumerate(said):
        while waiting and said[waiting[-1]].indent >= line.indent:
            opened = waiting.pop()
            last = said[at - 1].number
            closes = said[opened].indent == line.indent and ends[opened] != last and _CLOSES.match(line.text)
            ends[opened] = line.number if closes and last > said[opened].number else last
        waiting.append(at)
    for opened in waiting:
        ends[opened] = said[-1].number
    return ends


def _named(line: _Line, opens: bool) -> tuple[str, Kind] | None:
    """Return what a line defines."""
    if _COMMENT.match(line.text):
        return None
    if match := _DEFINED.match(line.text):
        return match[2].strip("\"'`").rstrip(":.-"), _WORDS[match[1].lower()]
    if line.indent == 0 and opens and (match := _NAMED.match(line.text)) and match[1].lower() not in _CONTROL:
        return match[1].rstrip(".-"), "block"
    return None


def _uses(lines: Sequence[str], own: set[tuple[str, int]]) -> Iterator[Use]:
    """Yield the names in the text, comments and strings included: nobody knows where they are."""
    for number, text in enumerate(lines, 1):
        for match in _USE.finditer(text):
            if (match[3], number) not in own:
                yield match[3], match[4] is not None, match[2] is not None, match[1] or "", number
