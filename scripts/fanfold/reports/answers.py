"""An answer's markdown as values, of the little that an answer may hold: headings, paragraphs, items, code, citations.

It is parsed and written again rather than let through, so that what a model or a saved run brings is text in any
report: there is no link, no image, no HTML and no table to escape from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from markupsafe import Markup, escape

from fanfold.reports.analysed import AnalysisResult
from fanfold.reports.escape import ITEM, code, code_spans, end_of_fence, fenced, inline, one_line, without_controls
from fanfold.reports.highlight import verbatim

_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})\s*(?P<language>[\w+#-]{0,20})[^`]*$")
_HEADING = re.compile(r"(#{1,6})\s+(?=\S)")
_PUNCTUATION = re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_INLINE = re.compile(
    rf"\\(?P<escaped>[{_PUNCTUATION}])"
    r"|\[(?P<cite>\d{1,5})\]"
    r"|\*\*(?=\S)(?P<strong>[^*\n]{1,500}?)(?<=\S)\*\*"
    r"|\*(?=\S)(?P<em>[^*\n]{1,500}?)(?<=\S)\*"
)
_LONGEST = 200_000  # characters of an answer that are shown
_LEVELS = 4

SpanKind = Literal["text", "code", "strong", "em", "cite"]


class Span(NamedTuple):
    """A stretch of a line; of a citation, `text` is its number."""

    kind: SpanKind
    text: str


class Block(NamedTuple):
    """A part of an answer: spans for all but code, whose text is verbatim; `level` is a heading's, from 1."""

    kind: Literal["heading", "paragraph", "item", "numbered", "code"]
    spans: tuple[Span, ...] = ()
    text: str = ""
    level: int = 0


def blocks(answer: str) -> Iterator[Block]:
    """Yield the parts of an answer; what is no markup that an answer may hold is text."""
    lines = without_controls(answer[:_LONGEST]).split("\n")
    held: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.match(line)
        heading = _HEADING.match(line)
        if fence or heading or not line.strip() or ITEM.match(line):
            yield from _text(held)
            held = []
        if fence:
            end = end_of_fence(lines, at, fence["mark"])
            yield Block("code", text="\n".join(lines[at + 1 : end]), spans=(Span("text", fence["language"]),))
            at = end
        elif heading:
            yield Block("heading", tuple(spans_of(line[heading.end() :].rstrip("# "))), level=len(heading[1]))
        elif line.strip():
            held.append(line)
        at += 1
    yield from _text(held)


def _text(lines: Sequence[str]) -> Iterator[Block]:
    if lines:
        item = ITEM.match(lines[0])
        kind: Literal["paragraph", "item", "numbered"] = "paragraph"
        if item:
            kind = "numbered" if item["number"] else "item"
        yield Block(kind, tuple(spans_of(" ".join(lines)[item.end() if item else 0 :])))


def spans_of(text: str) -> Iterator[Span]:
    """Yield the stretches of one line."""
    line = one_line(text)
    at = 0
    for start, end, inner in code_spans(line):
        yield from _marked(line[at:start])
        yield Span("code", inner)
        at = end
    yield from _marked(line[at:])


def _marked(text: str) -> Iterator[Span]:
    plain: list[str] = []
    at = 0
    for match in _INLINE.finditer(text):
        plain.append(text[at : match.start()])
        at = match.end()
        if match["escaped"]:
            plain.append(match["escaped"])
            continue
        yield from _plain(plain)
        plain = []
        if match["cite"]:
            yield Span("cite", match["cite"])
        elif match["strong"]:
            yield Span("strong", _unescaped(match["strong"]))
        else:
            yield Span("em", _unescaped(match["em"]))
    plain.append(text[at:])
    yield from _plain(plain)


def _plain(parts: Sequence[str]) -> Iterator[Span]:
    if text := "".join(parts):
        yield Span("text", text)


def _unescaped(text: str) -> str:
    return re.sub(rf"\\([{_PUNCTUATION}])", r"\1", text)


def answer_markdown(result: AnalysisResult) -> str:
    """Return the answer as markdown that a report can hold: its headings start at the second level."""
    parts: list[str] = []
    before = ""
    number = 0
    for block in blocks(result.answer):
        number = number + 1 if block.kind == "numbered" else 0
        apart = "\n" if block.kind == before and block.kind in {"item", "numbered"} else "\n\n"
        parts += [apart] if parts else []
        parts.append(_as_markdown(block, number, len(result.citations)))
        before = block.kind
    return "".join(parts)


def _as_markdown(block: Block, number: int, citations: int) -> str:
    if block.kind == "code":
        return fenced(block.text, f"x.{block.spans[0].text}")
    text = _line(block.spans, citations)
    if block.kind == "heading":
        return f"{'#' * _level(block)} {text}"
    return {"item": f"- {text}", "numbered": f"{number}. {text}"}.get(block.kind, text)


def _level(block: Block) -> int:
    """The report has the first level; what is deeper than four says no more than four."""
    return min(max(block.level, 2), _LEVELS)


def _line(spans: Sequence[Span], citations: int) -> str:
    parts: list[str] = []
    for span in spans:
        text = _span(span, citations)
        # What would make a link or a definition of a citation.
        if parts and parts[-1].endswith("]") and text[:1] in {"(", "[", ":"} and span.kind != "cite":
            text = f"\\{text}"
        parts.append(text)
    return "".join(parts).strip()


def _span(span: Span, citations: int) -> str:
    if span.kind == "cite" and 1 <= int(span.text) <= citations:
        return f"[{int(span.text)}]"
    text = f"[{span.text}]" if span.kind == "cite" else span.text
    if span.kind == "code":
        return code(text)
    mark = {"strong": "**", "em": "*"}.get(span.kind, "")
    lead, trail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    escaped = inline(text)
    return f"{lead}{mark}{escaped}{mark}{trail}" if escaped else text


def answer_html(result: AnalysisResult) -> Markup:
    """Return the answer as HTML: headings start at the third level, citations lead to `#c1`, `#c2` and so on."""
    out: list[Markup] = []
    tag = ""
    for block in blocks(result.answer):
        wanted = {"item": "ul", "numbered": "ol"}.get(block.kind, "")
        if tag and tag != wanted:
            out.append(Markup("</{}>").format(tag))
        if wanted and tag != wanted:
            out.append(Markup("<{}>").format(wanted))
        tag = wanted
        out.append(_as_html(block, len(result.citations)))
    if tag:
        out.append(Markup("</{}>").format(tag))
    return Markup("\n").join(out)


def _as_html(block: Block, citations: int) -> Markup:
    if block.kind == "code":
        return verbatim(block.text)
    inner = Markup("").join(_html_span(span, citations) for span in block.spans)
    tags = {"heading": "h3", "item": "li", "numbered": "li"}
    return Markup("<{0}>{1}</{0}>").format(tags.get(block.kind, "p"), inner)


def _html_span(span: Span, citations: int) -> Markup:
    if span.kind == "cite":
        number = int(span.text)
        if 1 <= number <= citations:
            return Markup('<a class="cite" href="#c{0}">[{0}]</a>').format(number)
        return escape(f"[{span.text}]")
    if span.kind == "text":
        return escape(span.text)
    return Markup("<{0}>{1}</{0}>").format(span.kind, span.text.strip() if span.kind == "code" else span.text)
