"""Blocks of code that stand in more than one place, whatever their white space, comments and docstrings.

Tokens are hashed in windows (Rabin–Karp), and a window that stands in several places grows for as long as these agree.
Names count, as in PMD's CPD: what only looks alike is no copy. Windows begin where lines do, which is what "Winnowing"
(Schleimer, Wilkerson and Aiken, 2003) does without lines: it keeps few hashes and still finds every long copy.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.pythons import bare_strings
from fanfold.skills.multi_file_analysis.analyses.sources import Sources, is_built, limited, row, table, tests_of
from fanfold.sources.outline.languages import BY_NAME
from fanfold.sources.repo_map.values import RepoMap

LEAST_TOKENS = 60
_LEAST_LINES = 6
_MOST_COPIES = 40  # of one window: what stands in more places is a pattern of the language or a table of data
_BASE, _PRIME = 1_000_003, (1 << 61) - 1
# What has no end goes on to the end of its line or of the text: so the time is linear, whatever the text is.
_STRINGS = r"\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?"
_TEXTS = r"\"\"\"(?:\\[\s\S]|[^\\])*?(?:\"\"\"|\Z)|'{3}(?:\\[\s\S]|[^\\])*?(?:'{3}|\Z)"
_SLASHES = r"(?<!:)//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)"
_LIKE_C = re.compile(rf"{_STRINGS}|(?P<comment>{_SLASHES})")
_COMMENTS = {
    "python": re.compile(rf"{_TEXTS}|{_STRINGS}|(?P<comment>\#[^\n]*)"),
    "ruby": re.compile(rf"{_STRINGS}|(?P<comment>^=begin\b[\s\S]*?(?:^=end\b|\Z)|(?<!\S)\#[^\n]*)", re.MULTILINE),
    "php": re.compile(rf"{_STRINGS}|(?P<comment>{_SLASHES}|(?<!\S)\#(?!\[)[^\n]*)"),
}
_TOKEN = re.compile(r"[^\W\d]\w*|\d[\w.]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[^\w\s]")
_NAME = re.compile(r"[^\W\d]\w*")
_DECLARING = re.compile(r"\s*(?:import|from|#\s*include|use|using|package|require|export\s+\*)\b")
_LEAST_NAMES = 12  # different ones in a block: a table of numbers has fewer


class Block(NamedTuple):
    """Lines `line` to `end_line` of a file, and how many of them hold code, of so many tokens."""

    path: str
    line: int
    end_line: int
    tokens: int
    lines: int


class _Text(NamedTuple):
    """A file's tokens: their numbers, and the line of each."""

    path: str
    tokens: list[int]
    lines: list[int]


def duplicates(tree: RepoMap, sources: Sources) -> Table:
    """Return the blocks that stand in several places, the longest first; copies within test code last."""
    texts = []
    numbers: dict[str, int] = {}
    tests = tests_of(tree.files)
    for path, file in tree.files.items():
        if file.facts.language in BY_NAME and not is_built(path, file) and (text := sources.read(path)):
            texts.append(_read(path, text, file.facts.language, numbers))
    names = {number for token, number in numbers.items() if _NAME.fullmatch(token)}
    found = sorted(copies(texts, names), key=lambda blocks: _order(blocks, tests))
    made = table(
        "duplicates",
        "Duplicated blocks",
        f"The same code in several places, white space, comments and docstrings aside: at least {LEAST_TOKENS} tokens "
        f"on {_LEAST_LINES} lines of code. Blocks whose copies are all test code come last.",
        ("lines of code", "tokens", "copies", "also in"),
        (_row(blocks) for blocks in found),
    )
    return limited(made, tree, BY_NAME)


def _order(blocks: Sequence[Block], tests: Collection[str]) -> tuple[bool, int, str, int]:
    return (all(block.path in tests for block in blocks), -blocks[0].tokens, blocks[0].path, blocks[0].line)


def _row(blocks: Sequence[Block]) -> Row:
    first, *others = blocks
    places = [f"{block.path}:{block.line}" for block in others[:4]] + (["…"] if len(others) > 4 else [])  # noqa: PLR2004
    return row(
        first.path, first.line, first.lines, first.tokens, len(blocks), ", ".join(places), end_line=first.end_line
    )


def _read(path: str, text: str, language: str, numbers: dict[str, int]) -> _Text:
    tokens: list[int] = []
    lines: list[int] = []
    for number, line in enumerate(code_of(text, language).split("\n"), 1):
        if _DECLARING.match(line):
            continue
        for token in _TOKEN.findall(line):
            tokens.append(numbers.setdefault(token, len(numbers) + 1))
            lines.append(number)
    return _Text(path, tokens, lines)


def code_of(text: str, language: str) -> str:
    """Return a text of code without its comments and docstrings, on the same lines."""
    if language == "python":
        lines = text.split("\n")
        for first, last in bare_strings(text):
            lines[first - 1 : last] = [""] * (last - first + 1)
        text = "\n".join(lines)
    return _COMMENTS.get(language, _LIKE_C).sub(_blank, text)


def _blank(found: re.Match[str]) -> str:
    return found[0] if found["comment"] is None else " " + "\n" * found[0].count("\n")


def copies(texts: Sequence[_Text], names: set[int]) -> Iterator[tuple[Block, ...]]:
    """Yield blocks that are the same, in the order of the texts."""
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(texts):
        for start, key in _windows(text):
            places[key].append((number, start))
    alike = [found for found in places.values() if 1 < len(found) <= _MOST_COPIES]
    for first, others in _joined(texts, alike):
        block = _block(texts, *first)
        if block.lines >= _LEAST_LINES and _says_enough(texts, first, names):
            yield block, *(_block(texts, text, start, first[2]) for text, start in others)


def _windows(text: _Text) -> Iterator[tuple[int, int]]:
    """Yield where each window begins and its hash; one begins with each line that has enough behind it."""
    power = pow(_BASE, LEAST_TOKENS, _PRIME)
    sums = [0]
    for token in text.tokens:
        sums.append((sums[-1] * _BASE + token) % _PRIME)
    last = 0
    for start in range(len(text.tokens) - LEAST_TOKENS + 1):
        if text.lines[start] != last:
            last = text.lines[start]
            yield start, (sums[start + LEAST_TOKENS] - sums[start] * power) % _PRIME


_Span = tuple[int, int, int]  # text, first token, number of tokens


def _joined(
    texts: Sequence[_Text], alike: Iterable[Sequence[tuple[int, int]]]
) -> Iterator[tuple[_Span, list[tuple[int, int]]]]:
    """Make blocks of windows: grown as far as all copies agree, and those that lie in one before dropped."""
    done: set[tuple[int, int]] = set()
    for found in sorted(alike, key=lambda places: places[0]):
        (text, start), *others = found
        others = [place for place in others if not _overlaps(place, (text, start))]
        if not others or (text, start) in done:
            continue
        length = _common(texts, text, start, others)
        done.update((text, at) for at in range(start, start + length))
        for other, begin in others:
            done.update((other, at) for at in range(begin, begin + length))
        yield (text, start, length), others


def _overlaps(place: tuple[int, int], first: tuple[int, int]) -> bool:
    return place[0] == first[0] and abs(place[1] - first[1]) < LEAST_TOKENS


def _common(texts: Sequence[_Text], text: int, start: int, others: Sequence[tuple[int, int]]) -> int:
    """Return how many tokens all copies share from their starts on; copies in one file do not grow into each other."""
    tokens = texts[text].tokens
    length = LEAST_TOKENS
    limit = min([len(tokens) - start, *(begin - start for other, begin in others if other == text and begin > start)])
    while length < limit and all(
        begin + length < len(texts[other].tokens) and texts[other].tokens[begin + length] == tokens[start + length]
        for other, begin in others
    ):
        length += 1
    return length


def _says_enough(texts: Sequence[_Text], span: _Span, names: set[int]) -> bool:
    text, start, length = span
    return len(names.intersection(texts[text].tokens[start : start + length])) >= _LEAST_NAMES


def _block(texts: Sequence[_Text], text: int, start: int, length: int) -> Block:
    lines = texts[text].lines[start : start + length]
    return Block(texts[text].path, lines[0], lines[-1], length, len(set(lines)))
