"""Text that is there for whoever reviews the code, not for whoever runs it: orders to an AI, and what can't be seen.

A sub-agent is told that what it reads is data, and this looks for those who try all the same: text that tells
a reviewer what to say, in a comment, a string or a document, and characters that hide text or show it in
another order than it runs (Boucher and Anderson, Trojan Source, 2021; tag characters and variation selectors
carry whole messages).

What an author writes *about* such text isn't reported. An order must be for a reviewer of this code ("approve
this change", "report no findings") and say whom it is for, or undo what the reader was told before. Where the
latter stands alone, among quotes, in tests, or in a file on prompt injection, it is taken for an example.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.analyzers.files import Place, SourceFile, present
from fanfold.analyzers.rules import LIKELY, POSSIBLE, SURE, Rule, finding
from fanfold.analyzers.tool import one_line, workplace
from fanfold.models import Finding, Severity, content_key
from fanfold.sources.beside import is_test
from fanfold.sources.text import decode, split_lines

_MECHANISM = "prompt-injection"
_LONGEST_QUOTE = 400
_LONGEST_FILE = 4 * 2**20  # characters: what is longer is no code that anybody reads
_MOST = 10  # findings in one file
_LONGEST_SAID = 80  # characters in a title
_NEAR = 300  # characters between whom it is for and what is wanted

_NO_TEXT = re.compile(
    r".*\.(png|jpe?g|gif|ico|webp|bmp|tiff?|woff2?|ttf|eot|otf|pdf|mp[34]|mov|wav|ogg|wasm|mo|zip|gz|tgz|xz|bz2|zst|7z|jar"
    r"|whl|so|dylib|dll|exe|bin|pyc|class|o|a|parquet|npy|npz|pt|onnx|safetensors|sqlite3?|db)"
)
_PROSE = frozenset(
    {".md", ".rst", ".txt", ".adoc", ".html", ".htm", ".xml", ".po", ".pot", ".csv", ".tsv", ".srt", ".tex"}
)
_LOCALES = frozenset({"locale", "locales", "i18n", "l10n", "lang", "langs", "translations", "_locales"})
_PROMPTS = re.compile(
    r"prompt|system_message|(?:^|/)(?:\.claude|\.cursor|agents|skills|commands)/|(?:agents|claude|gemini|skill|copilot-"
    r"instructions)\.md$|\.cursorrules$|\.prompty$",
    re.IGNORECASE,
)


def _words(pattern: str) -> re.Pattern[str]:
    """Return a pattern in which a space stands for what may be between two words of a sentence."""
    return re.compile(pattern.replace(" ", r"[\s\W]{1,4}"), re.IGNORECASE)


_OVERRIDE = _words(
    r"\b(?:ignore|disregard|forget|override|bypass|overrule|do not follow|don't follow|stop following)"
    r"(?: (?:all|any|every|each|the|your|my|these|those|of|previous|prior|above|earlier|preceding|existing|original"
    r"|other|system|safety|review|and|or|given|current|initial)){1,6}"
    r" (?:instructions?|prompts?|directives?|rules|guidelines|guardrails|orders|commands|constraints)\b"
)
_ALONE = re.compile(  # what says enough without any demand
    r"(?!over|bypass).*\b(?:previous|prior|above|earlier|preceding|your|original|initial)\b.*"
    r"\b(?:instructions?|prompts?|directives?|guidelines|rules)",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESSEE = _words(
    r"\b(?:AI|LLM|artificial intelligence|automated|automatic|agentic|machine learning)"
    r"(?: (?:code|security|powered|based|pr|review|driven))*"
    r" (?:review(?:ers?|ing)?|auditors?|assistants?|agents?|models?|analy[sz]ers?|scanners?|tools?|systems?|bots?"
    r"|readers?)\b"
    r"|\b(?:large )?language models?\b|\b(?:AIs|LLMs?|Claude|ChatGPT|GPT|Copilot|Gemini|CodeRabbit|Codex)\b"
    r"|\b(?:dear|attention|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|hey|hello|hi)"
    r"(?: (?:the|any|all|every|whoever|code|security|automated|ai))* (?:reviewers?|auditors?|reviewing)\b"
    r"|\b(?:as|if you are|if you're|when you are) (?:an?|the) (?:code|security|automated)? ?(?:reviewer|auditor)\b"
    r"|\b(?:reviewers?|auditors?)(?=:)"
)
_ITEMS = r"(?:issues?|findings?|problems?|bugs?|vulnerabilit(?:y|ies)|defects?|concerns?|warnings?|comments?)"
_HERE = r"(?:this|these|the following|following|our|my|the) (?:\w+ ){0,2}?"
_CODE = (
    r"(?:change|changes|code|pull request|pr|diff|commit|patch|file|function|method|class|module|line|lines"
    r"|section|block|package|repository|repo|project|implementation|merge request|submission|snippet)\b"
)
_DEMAND = _words(
    rf"\b(?:approve|sign off on|lgtm) {_HERE}{_CODE}|\b(?:accept|merge|pass) (?:this|these) {_CODE}"
    r"|\b(?:must|should|please|always|shall|will|just|to|and|only) (?:be )?approve (?:it|this|everything|all|without)\b"
    r"|\bmust (?:always )?approve\b|\bapprove (?:immediately|unconditionally|without)\b"
    r"|\b(?:say|output|answer|respond|reply|write|print|return)(?: (?:with|only|just))* lgtm\b"
    r"|\b(?:report|find|say|return|output|flag|mention) (?:absolutely )?nothing\b"
    r"|\b(?:report|return|output|find|raise|produce|list|give|emit|respond with|answer with|reply with|say)"
    r" (?:that )?(?:there (?:are|is) )?(?:no|zero|0|an empty list of|an empty array of|without any)"
    rf" (?:security |review |more |known )?{_ITEMS}\b"
    r"|\b(?:return|output|answer with|respond with|reply with|report|give) (?:only )?an empty"
    r" (?:report|review|answer)\b"
    r"|\b(?:do not|don't|never|must not|should not|shouldn't|mustn't|avoid|refrain from|no need to)"
    r" (?:report|flag|mention|raise|comment on|complain about|warn about|review|analy[sz]e|reporting|flagging"
    rf"|mentioning) (?:{_HERE}(?:{_CODE}|{_ITEMS})|(?:it|this|anything|them|that)\b"
    rf"|any (?:\w+ )?{_ITEMS} (?:in|about|with|here|of|on|from|for) (?:this|the|these|it|here)"
    rf"|any (?:\w+ )?{_ITEMS}(?=[.!\"'*]|\s*$))"
    r"|\bskip (?:the |your |any )?(?:security |code )?(?:review|reviewing|analysis|audit|checks?)"
    r" (?:of|for|on|here|and|in)\b"
    rf"|\bskip (?:reviewing |analy[sz]ing |checking )?(?:this|these) {_CODE}"
    r"|\b(?:mark|rate|classify|consider|treat|label|score|regard|report|declare)"
    rf" (?:{_HERE}{_CODE}|it|this|everything|all (?:of )?(?:the )?code) (?:as )?"
    r"(?:being |entirely |completely |fully )?"
    r"(?:safe|approved|secure|clean|reviewed|compliant|correct|trusted|bug free|lgtm|10)\b"
    rf"|\b{_HERE}{_CODE} (?:has|have|is|was|were) (?:already |been |previously )*"
    r"(?:reviewed|audited|approved|verified|vetted|whitelisted|pre approved)[^.]{0,60}"
    r" (?:no further|no need|do not|don't|skip|nothing to)\b"
)
_FENCE = re.compile(r"</untrusted-[a-z0-9-]+-[0-9a-f]{16}>")
_ABOUT = re.compile(
    r"prompt[- _]?injection|jail-?break|red[- _]?team|guard-?rail|adversarial|attack|malicious|inject|detector|owasp",
    re.IGNORECASE,
)
_QUOTES = "\"'`\u201c\u2018\u00ab"
_MARKUP = re.compile(r"(?:[\s#/*;%<>!|-]|\"{3}|'{3})*")
_UNSEEN = "\u200b\u200c\u200d\u2060-\u2064\ufeff\u180e\u3164\uffa0\u115f\u1160\u00ad"
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f")  # England, Scotland, Wales
_TAGS = re.compile("[\U000e0000-\U000e007f]{2,}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}")
_RUN = re.compile(f"[{_UNSEEN}]{{6,}}")
_INSIDE = re.compile(f"(?<=[A-Za-z0-9_])[{_UNSEEN}]+(?=[A-Za-z0-9_])")
_SENTENCE_END = re.compile(r"[.!?;](?=\s|$)|\s*(?:-->|\*/|[\"'`]{1,3}\)*$)")
_TAG = 0xE0000  # what a tag character adds to the ASCII one that it stands for

_ADDRESSES = re.compile(
    r"review|auditor|llm|language model|claude|gpt|copilot|gemini|coderabbit|codex|\bais?\b|artificial|automat|agentic"
    r"|machine learning"
)
_OVERRIDES = ("ignor", "disregard", "forget", "overr", "bypass", "follow")

_ORDER = (
    "Whoever reviews this code, a person or a program, is told here what to say of it. Nothing in the code may decide"
    " that: find out who put it there, and look all the closer at what it stands beside."
)
_HIDDEN = (
    "Nobody who reads the code sees what is there: an editor shows nothing. Remove it, and find out who put it there."
)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found in a file: lines from 1, the name of the rule, and how it is reported."""

    line: int
    end_line: int
    name: str
    title: str
    severity: Severity
    confidence: float
    why: str
    mechanism: str = _MECHANISM


class _Flat:
    """A text as one line without comment marks and hidden characters, and where in the file each part is from."""

    def __init__(self, lines: list[str]) -> None:
        parts, self._starts, at = [], [], 0
        for line in lines:
            part = _visible(line[_MARKUP.match(line).end() :]) if line else ""  # type: ignore[union-attr]  # it matches ""
            self._starts.append(at)
            parts.append(part)
            at += len(part) + 1
        self.text = " ".join(parts)

    def line(self, offset: int) -> int:
        """Return the 1-based line of an offset."""
        return bisect_right(self._starts, offset)

    def said(self, first: int, last: int) -> str:
        """Return the text from `first` to the end of the sentence or line that holds `last`."""
        number = self.line(last - 1)
        line_end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        stop = _SENTENCE_END.search(self.text, last - 1, line_end)
        return self.text[first : max(last, stop.start() if stop else line_end)]


def _visible(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", re.sub(f"[{_UNSEEN}]", "", text))


@dataclass(frozen=True, slots=True)
class Addressed:
    """The analyzer; it runs no program."""

    name: Literal["addressed"] = "addressed"
    runs_repository_code: bool = False
    reads: tuple[str, ...] = ()
    beyond: bool = False

    def wants(self, path: str) -> bool:
        """Tell whether it may be text."""
        return not _NO_TEXT.fullmatch(PurePosixPath(path.lower()).name)

    def unavailable(self) -> str | None:
        """Return None: it is part of fanfold."""
        return None

    def version(self) -> str:
        """Return the choice of what it finds."""
        rules = (_OVERRIDE, _ADDRESSEE, _DEMAND, _FENCE, _ABOUT, _PROMPTS, _TAGS, _SELECTORS, _RUN, _INSIDE)
        return f"1 rules {content_key(*(rule.pattern for rule in rules))[:8]}"

    async def analyze(self, request: AnalyzerRequest) -> Analysis:
        """See `Analyzer.analyze`."""
        async with workplace(self.name, request.timeout_s) as folder:
            files = await asyncio.to_thread(present, request.root, request.paths, folder)
            found: list[Finding] = []
            for file in files:
                found += await asyncio.to_thread(_findings, file)
        return Analysis(findings=tuple(found))


def _findings(file: SourceFile) -> list[Finding]:
    try:
        text = decode(file.real.read_bytes())
    except OSError:
        return []
    if text is None or len(text) > _LONGEST_FILE:
        return []
    lines = split_lines(text)
    every = [*_orders(file.path, text, lines), *_hidden(file.path, lines)]
    return [_finding(file, lines, found) for found in sorted(every, key=lambda found: found.line)[:_MOST]]


def _finding(file: SourceFile, lines: list[str], found: _Found) -> Finding:
    rule = Rule("security", found.severity, found.confidence, found.why)
    place = Place(found.line, found.end_line, lines[found.line - 1].strip()[:_LONGEST_QUOTE].rstrip())
    source = f"addressed:{found.name}"
    return finding(file, place, rule, title=found.title, source=source, mechanism=found.mechanism)


def _orders(path: str, text: str, lines: list[str]) -> Iterator[_Found]:
    """Yield what tells a reviewer what to say."""
    lower = _visible(text).lower()
    undone = any(word in lower for word in _OVERRIDES)
    if not undone and not _ADDRESSES.search(lower) and "</untrusted-" not in lower:
        return
    flat = _Flat(lines)
    overrides = list(_OVERRIDE.finditer(flat.text)) if undone else []
    addressees = list(_ADDRESSEE.finditer(flat.text))
    demands = list(_DEMAND.finditer(flat.text)) if overrides or addressees else []
    about = _ABOUT.search(flat.text) is not None
    told = _PROMPTS.search(path) is not None or flat.text.lstrip(" '\"").startswith("You are")
    taken: set[int] = set()
    for demand in demands:
        who = _nearest(demand, overrides) or (None if told else _nearest(demand, addressees))
        if who is None or (about and (_quoted(flat.text, demand) or _quoted(flat.text, who))):
            continue
        first, last = min(demand.start(), who.start()), max(demand.end(), who.end())
        if taken.isdisjoint(range(flat.line(first), flat.line(last) + 1)):
            yield _order(flat, first, last, sure=not is_test(path))
        taken.update(range(flat.line(first), flat.line(last) + 1))
    for match in overrides:
        example = about or told or is_test(path) or _quoted(flat.text, match) or not _ALONE.match(match[0])
        if not example and flat.line(match.start()) not in taken:
            yield _order(flat, match.start(), match.end(), sure=False)
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        title = "Text in the code closes the fence that sub-agents see around it"
        yield _Found(line, line, "fence", title, Severity.HIGH, SURE, _ORDER)


def _nearest(match: re.Match[str], others: list[re.Match[str]]) -> re.Match[str] | None:
    """Return the match of `others` that is closest to `match`, if it is close."""
    at = bisect_right(others, match.start(), key=lambda other: other.start())
    near = others[max(0, at - 1) : at + 1]

    def distance(other: re.Match[str]) -> int:
        return max(other.start() - match.end(), match.start() - other.end(), 0)

    best = min(near, key=distance, default=None)
    return best if best is not None and distance(best) <= _NEAR else None


def _quoted(text: str, match: re.Match[str]) -> bool:
    """Tell whether a quotation mark opens right before the match."""
    return any(character in _QUOTES for character in text[max(0, match.start() - 2) : match.start()])


def _order(flat: _Flat, first: int, last: int, *, sure: bool) -> _Found:
    title = f"Text in the code tells its reviewer what to do: {_short(flat.said(first, last))}"
    severity, confidence = (Severity.HIGH, LIKELY) if sure else (Severity.MEDIUM, POSSIBLE)
    return _Found(flat.line(first), flat.line(last - 1), "reviewer", title, severity, confidence, _ORDER)


def _short(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= _LONGEST_SAID else f"{text[: _LONGEST_SAID - 1]}…"


def _hidden(path: str, lines: list[str]) -> Iterator[_Found]:
    """Yield lines that hold what can't be seen, or show in another order than they run."""
    pure = PurePosixPath(path.lower())
    prose = pure.suffix in _PROSE or not _LOCALES.isdisjoint(pure.parts) or ".min." in pure.name
    for number, line in enumerate(lines, 1):
        if not line.isascii():
            found = _smuggled(number, line) or (None if prose else _bidi(number, line) or _inside(number, line))
            if found is not None:
                yield found


def _smuggled(number: int, line: str) -> _Found | None:
    line = _FLAG.sub("", line)
    match = _TAGS.search(line) or _SELECTORS.search(line) or _RUN.search(line)
    if match is None:
        return None
    spelled = "".join(chr(ord(character) - _TAG) for character in match[0] if ord(character) >= _TAG)
    says = f": {_short(spelled)}" if spelled.isascii() and spelled.strip() else ""
    title = f"{len(match[0])} characters that can't be seen stand in a line{says}"
    return _Found(number, number, "hidden", title, Severity.HIGH, SURE, _HIDDEN, "hidden-text")


def _bidi(number: int, line: str) -> _Found | None:
    """Return what is wrong with a line whose bidirectional controls reorder it: overrides, and what isn't ended."""
    overrides = any(character in "\u202d\u202e" for character in line)
    embedded = sum(line.count(c) for c in "\u202a\u202b") > line.count("\u202c")
    isolated = sum(line.count(c) for c in "\u2066\u2067\u2068") > line.count("\u2069")
    if not (overrides or embedded or isolated):
        return None
    title = "The line runs in another order than it is shown: it holds bidirectional controls"
    return _Found(number, number, "bidi", title, Severity.HIGH, SURE, _HIDDEN, "bandit-613")


def _inside(number: int, line: str) -> _Found | None:
    match = _INSIDE.search(line)
    if match is None:
        return None
    title = f"A character that can't be seen stands inside of a word (U+{ord(match[0][0]):04X})"
    return _Found(number, number, "hidden", title, Severity.LOW, LIKELY, _HIDDEN, "hidden-text")


ADDRESSED = Addressed()
