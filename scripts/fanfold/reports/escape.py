"""Text from a model or a repository, made fit for markdown, HTML, tables and terminals.

Escaped is what could become markup where it stands, by CommonMark 0.31 and GitHub's extensions of it, and nothing else:
a report is read in terminals too, where every backslash is in the way. `tests/reports/test_escape.py` holds it to a
markdown parser.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

# Escape sequences of terminals: CSI (colours), OSC (titles, links), and the short ones.
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)|\x1b[ -/]{0,8}[0-Z\\^-~]"
)
# Controls, direction marks, what is invisible (but for joiners, which writing needs) and halves of characters.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_BACKTICKS = re.compile(r"`+")
# GitHub links these wherever they stand, but in code.
_URL = re.compile(r"(?<![A-Za-z])(?:(?:https?|ftp)://|(?<![0-9])www\.)[^\s<>`]+", re.IGNORECASE)
_AFTER_URL = ".,;:!?'\")]}*_~|"
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_MARK = re.compile(r"\\|\*+|_+|~+|`|\$|\]|<|&(?=#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")
LONGEST = 4_000
"""So many characters of a text on one line are shown: what is a megabyte long is nothing to read."""
_LONGEST_PROSE = 20_000
# What means something at a line's start alone; the group is the character to escape.
_AT_START = re.compile(
    r"""(?:
    (?:\d{1,9})(?P<list>[.)])(?=\s|$)     # 1. or 1)
    | (?P<mark>\#)\#{0,5}(?=\s|$)         # a heading
    | (?P<item>[-+*])(?=\s|$)              # an item
    | (?P<quote>>)
    | (?P<bracket>\[)                     # a definition, a task, an alert
    | (?P<line>=)=*$                      # what makes a heading of the line before
    | (?P<rule>[-|:])(?=[-|:\s]*$)        # a rule, the second line of a table
    | (?P<fence>~)~~
    )""",
    re.VERBOSE,
)
_CLOSING = re.compile(r"(?:(?<=\s)|^)(#+)$")  # what a heading would lose at its end
_NUMBERED = re.compile(r"\d+\. ")
_LINKED = re.compile(r"(?<=[A-Za-z])(?=://)|(?<=www)(?=\.)", re.IGNORECASE)
_BLANK = re.compile(r"\n[^\S\n]*\n")
ITEM = re.compile(r"\s{0,8}(?:(?P<mark>[-*+•])|(?P<number>\d{1,3})[.)])\s+(?=\S)")
_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<language>[^`\n]*)$")
_PLAIN_LANGUAGE = re.compile(r"[^a-z0-9+#-]")


def without_controls(text: str) -> str:
    """Drop terminal sequences, control, direction and invisible characters; tabs and line feeds stay."""
    return _CONTROL.sub("", _ANSI.sub("", text) if "\x1b" in text or "\x9b" in text else text)


def one_line(text: object) -> str:
    """Return text on one line, without control, direction and invisible characters."""
    return " ".join(without_controls(str(text)).split())


def inline(text: object, most: int = LONGEST) -> str:
    """Escape text so that markdown shows it as it is, on one line: no heading, link, image, HTML or emphasis.

    What stands between backticks becomes a code span, and so does a URL: neither holds markup. In a table, use `cell`.
    Of more than `most` characters it shows the first, and counts the rest.
    """
    line = shorten(one_line(text), most)
    return _unbound("".join(_escaped_parts(line, code_spans(line))))


def _unbound(escaped: str) -> str:
    """Escape what means something at the start or at the end of a line."""
    start = _AT_START.match(escaped)
    if start:
        at = start.start(start.lastgroup or 0)
        escaped = f"{escaped[:at]}\\{escaped[at:]}"
    closing = _CLOSING.search(escaped)
    return f"{escaped[: closing.start()]}\\{closing[0]}" if closing else escaped


def _escaped_parts(line: str, spans: Iterable[tuple[int, int, str]]) -> Iterator[str]:
    at = 0
    for start, end, inner in spans:
        yield from _linked(line[at:start], after_code=at > 0, before_code=True)
        yield code(inner)
        at = end
    yield from _linked(line[at:], after_code=at > 0, before_code=False)


def _linked(text: str, *, after_code: bool, before_code: bool) -> Iterator[str]:
    """Yield a stretch between code spans, its URLs as code; two spans with nothing between them would be one."""
    at = 0
    for match in _URL.finditer(text):
        url = match[0].rstrip(_AFTER_URL)
        start, at = at, match.start() + len(url)
        yield _escape(text[start : match.start()], first=not after_code and not start)
        touches = (after_code and not match.start()) or (before_code and at == len(text))
        if touches:
            url, at = match[0], match.end()
        yield _unlinked(_escape(url, first=False)) if touches else code(url)
    yield _escape(text[at:], first=not after_code and not at)


def _unlinked(text: str) -> str:
    return _LINKED.sub(r"\\", text)


def code_spans(line: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and content of each code span, as CommonMark finds them; in one pass over the line."""
    runs = [(match.start(), match.end()) for match in _BACKTICKS.finditer(line)]
    following: dict[int, int] = {}
    closers = [-1] * len(runs)
    for number in range(len(runs) - 1, -1, -1):
        length = runs[number][1] - runs[number][0]
        closers[number] = following.get(length, -1)
        following[length] = number
    number = 0
    while number < len(runs):
        closer = closers[number]
        inner = line[runs[number][1] : runs[closer][0]] if closer >= 0 else ""
        if inner.strip():
            yield runs[number][0], runs[closer][1], inner
            number = closer
        number += 1


def _escape(text: str, *, first: bool) -> str:
    """Escape a stretch without code; before the `first` of a line there is space, what is around others is unknown."""
    edge = " " if first else ""

    def written(match: re.Match[str]) -> str:
        mark = match[0]
        # Behind what a template has written these may close what another text has opened.
        before = text[match.start() - 1 : match.start()] or ("" if mark[0] in "*_~" else edge)
        after = text[match.end() : match.end() + 1]
        return "".join(f"\\{letter}" for letter in mark) if _MEANS_SOMETHING[mark[0]](before, after) else mark

    return _MARK.sub(written, text)


# When a character means something, by its neighbours. Of a pair it is enough to escape the one that closes it.
_MEANS_SOMETHING: dict[str, Callable[[str, str], bool]] = {
    "\\": lambda _before, after: after in _PUNCTUATION or not after,
    "*": lambda before, after: not (before.isspace() and after.isspace()),
    "_": lambda before, after: not before.isspace() and not after.isalnum(),
    "~": lambda before, after: not before.isspace() and bool(before or not after.isalnum()),
    "`": lambda _before, _after: True,
    "$": lambda before, after: not before or not before.isspace() or after in {"`", ""},
    "]": lambda _before, after: after in {"(", "[", ":"},
    "<": lambda _before, after: after in {"/", "!", "?", ""} or after.isalpha(),
    "&": lambda _before, _after: True,
}


def cell(text: object, most: int = LONGEST) -> str:
    """Escape like `inline`, for a cell of a table: a pipe ends none, in code neither."""
    line = shorten(one_line(text), most)
    # In code inside of a table, no backslash can be written before a pipe: there is no code then.
    coded = "|" not in line or "\\" not in line
    escaped = "".join(_escaped_parts(line, code_spans(line))) if coded else _escape(line, first=True)
    return _unbound((escaped if coded else _unlinked(escaped)).replace("|", "\\|"))


def prose(text: object, lead: str = "") -> str:
    """Escape like `inline`, but keep paragraphs, lists and code blocks; `lead` stands before all of it.

    It is markdown, and on a line of its own when a list or a code block follows.
    """
    whole = shorten(without_controls(str(text)), _LONGEST_PROSE)
    blocks = [block for block in _blocks(whole) if block]
    if lead:
        apart = not blocks or blocks[0].startswith(("```", "- ")) or _NUMBERED.match(blocks[0])
        blocks = [lead, *blocks] if apart else [f"{lead} {blocks[0]}", *blocks[1:]]
    return "\n\n".join(blocks)


class Code(NamedTuple):
    """A code block of a text, and the language that it names."""

    text: str
    language: str


class Item(NamedTuple):
    """A stretch of a paragraph: an item by its number, or by "-", or what is none by ""."""

    mark: str
    text: str


def parts_of(text: str) -> Iterator[Code | list[Item]]:
    """Yield the code blocks of a text and its paragraphs, in which items are told from their marks."""
    lines = without_controls(text).split("\n")
    held: list[str] = []
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence:
            yield from _paragraphs("\n".join(held))
            held, end = [], end_of_fence(lines, at, fence["mark"])
            yield Code("\n".join(lines[at + 1 : end]), fence["language"].strip())
            at = end
        else:
            held.append(lines[at])
        at += 1
    yield from _paragraphs("\n".join(held))


def _blocks(text: str) -> Iterator[str]:
    """Yield paragraphs, lists and code blocks, each as markdown."""
    for part in parts_of(text):
        if isinstance(part, Code):
            yield fenced(part.text, f"x.{part.language}")
        else:
            marks = {"": "", "-": "- "}
            escaped = ((marks.get(item.mark, f"{item.mark}. "), inline(item.text, _LONGEST_PROSE)) for item in part)
            yield "\n".join(f"{mark}{line}" for mark, line in escaped if line)


def end_of_fence(lines: Sequence[str], start: int, mark: str) -> int:
    """Return the index of the line that closes the code block which `mark` opens at `start`; past the end if none."""
    for at in range(start + 1, len(lines)):
        line = lines[at].strip()
        if line.startswith(mark) and not line.strip(mark[0]):
            return at
    return len(lines)


def _paragraphs(text: str) -> Iterator[list[Item]]:
    for paragraph in _BLANK.split(text):
        items: list[tuple[str, list[str]]] = [("", [])]
        for line in paragraph.split("\n"):
            item = ITEM.match(line)
            if item:
                items.append((item["number"] or "-", [line[item.end() :]]))
            else:
                items[-1][1].append(line)
        yield [Item(mark, " ".join(lines)) for mark, lines in items]


def fenced(code: object, path: str = "", lines: int = 200, columns: int = 1000) -> str:
    """Return a code block that its content can't break out of, its language by the file's ending.

    It shows that many lines, and of each that many characters; what is more is counted.
    """
    text = without_controls(str(code)).strip("\n")
    held = text.split("\n")
    shown = [shorten(line, columns) for line in held[:lines]]
    if len(held) > lines:
        more = len(held) - lines
        shown.append(f"… {more:,} more {'line' if more == 1 else 'lines'}")
    text = "\n".join(shown)
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    mark = "`" * max(3, longest + 1)
    language = _PLAIN_LANGUAGE.sub("", PurePosixPath(path).suffix.lower().lstrip("."))
    return f"{mark}{language}\n{text}\n{mark}"


def code(text: object, most: int = LONGEST) -> str:
    """Return a code span that its content can't break out of; of more than `most` characters it counts the rest."""
    one = shorten(one_line(text), most)
    longest = max((len(run) for run in _BACKTICKS.findall(one)), default=0)
    mark = "`" * (longest + 1)
    pad = " " if longest or not one else ""
    return f"{mark}{pad}{one}{pad}{mark}"


def shorten(text: object, most: int) -> str:
    """Return the first `most` characters of a text, and how many follow."""
    whole = str(text)
    more = len(whole) - most
    return whole if more <= 0 else f"{whole[:most]}… ({more:,} more {'character' if more == 1 else 'characters'})"


def clip(text: str, most: int) -> str:
    """Return text of at most so many characters, the last of them an ellipsis where something follows."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def html_text(text: object, most: int = LONGEST) -> str:
    """Return text on one line for HTML within markdown, such as a `<summary>`: there, no backslash escapes.

    What stands between backticks becomes `code`.
    """
    return html_line(shorten(one_line(text), most))


def html_line(line: str) -> str:
    """Escape a line for HTML; what stands between backticks becomes `code`."""
    parts, at = [], 0
    for start, end, inner in code_spans(line) if "`" in line else ():
        parts += [_html(line[at:start]), f"<code>{_html(inner.strip())}</code>"]
        at = end
    return "".join([*parts, _html(line[at:])])


def _html(text: str) -> str:
    # An apostrophe ends nothing here, and is in every other message of a failure.
    return html.escape(text, quote=False).replace('"', "&quot;")


def csv(value: object) -> str:
    """Return one field of a CSV file: quoted where needed, and never a formula to a spreadsheet."""
    text = "" if value is None else without_controls(str(value))
    if text.startswith(("=", "+", "-", "@", "\t")) and not isinstance(value, int | float):
        text = f"'{text}"
    quote = any(letter in text for letter in ',;"\n\t') or text != text.strip()
    return '"{}"'.format(text.replace('"', '""')) if quote else text
