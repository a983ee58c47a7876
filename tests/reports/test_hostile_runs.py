"""Whatever stands in whatever field of a run: a report in markdown has the blocks that its template gave it."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanfold.models import Run
from fanfold.reports.formats import MOST, Renderer, TemplateChoice
from fanfold.reports.samples import SAMPLED, runs_of

FORMS = ("md", "pr-comment", "job-summary")
RENDERERS = {(skill, form): Renderer(skill, [form], TemplateChoice()) for skill in SAMPLED for form in FORMS}
PARSER = MarkdownIt("gfm-like", {"linkify": False})
# The fields that anybody's text may be in; an answer may have markup of its own, and is tested beside its code.
FREE = {
    *("title", "explanation", "failure_scenario", "aspect", "quote", "description", "notes", "label", "error", "path"),
    *("reason", "why", "sources", "name", "signature", "message", "trace", "output", "cause", "proposed_fix", "suite"),
    *("shared", "suspects", "reproduce", "framework", "missing", "backend_reason", "model", "file", "kind_of", "about"),
    *("statement", "area", "columns", "cells", "question", "suggestion"),
}
# What templates write themselves: folds, and the first line of a comment.
OWN = re.compile(
    r"<details><summary>[^<]*(?:<code>[^<]*</code>[^<]*)*</summary>|</details>|<!-- fanfold:pr-comment:[a-z-]+ -->"
)


def spoilt(value, text, field=""):
    """Return a record with `text` in all the fields that may hold any."""
    if isinstance(value, dict):
        return {key: spoilt(part, text, key) for key, part in value.items()}
    if isinstance(value, list):
        return [spoilt(part, text, field) for part in value]
    return text if isinstance(value, str) and field in FREE else value


def check(skill, form, text):
    """Render the full and the partial run with `text` everywhere, and hold both to those with a harmless word."""
    for name in ("full", "partial"):
        record = runs_of(skill)[name].model_dump(mode="json")
        hostile, harmless = (
            RENDERERS[skill, form].render(Run.model_validate(spoilt(record, what)), form) for what in (text, "word")
        )
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", hostile.replace("\t", ""))
        tokens = PARSER.parse(hostile)
        kinds = {child.type for token in tokens for child in token.children or ()}
        assert not kinds & {"html_inline", "link_open", "image", "s_open", "em_open", "footnote_ref"}
        markup = "".join(token.content for token in tokens if token.type == "html_block")
        assert OWN.sub("", markup).strip() == ""
        assert headings(tokens) <= headings(PARSER.parse(harmless))
        assert len(hostile.encode()) <= MOST.get(form, len(hostile.encode()))


def headings(tokens):
    return Counter(token.tag for token in tokens if token.type == "heading_open")


ATTACKS = {
    "headings": "# one\n## two\nthree\n---\nfour\n===",
    "links": "[a](https://example.org) <https://example.org> https://example.org [b][c]\n\n[c]: https://example.org",
    "images": "![a](https://example.org/a.png) ![b][c]",
    "html": "</details></summary><script>alert(1)</script><img src=x onerror=alert(1)>\n\n<div>\n<!-- a",
    "marker": "<!-- fanfold:pr-comment:code-review -->\n<!-- fanfold:finding:00 -->",
    "pipes": "a | b || c\n|---|---|\n`d | e` \\| f",
    "fences": "```\ncode\n````\n~~~\nmore\n``````",
    "spans": "`a ``b` c`` ```",
    "emphasis": "**a** _b_ ~~c~~ ***d*** __e__",
    "lists": "- a\n- b\n  1. c\n\n* d\n+ e\n> f",
    "terminal": "\x1b[2J\x1b]0;title\x07\x9b31m\x08\x08\x00\r",
    "direction": "\u202eevil\u202c \u2066x\u2069 \u200f\u061c",
    "entities": "&lt;b&gt; &#60;i&#62; &amp;",
    "templates": "{{ run.id }} {% include '/etc/passwd' %} {# x #}",
    "nothing": " ",
    "a megabyte": "x" * 1_000_000,
    "a megabyte of backticks": "` `` " * 200_000,
    "a megabyte of lines": "a | b\n" * 160_000,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("skill", SAMPLED)
def test_attacks(skill, form):
    """In every field at once."""
    for text in ATTACKS.values():
        check(skill, form, text)


@given(st.sampled_from(sorted(RENDERERS)), st.text(alphabet="`*_~[]()<>!#-+=|:\\$&;/ .1a\n\t{}%", min_size=1))
def test_any_text(which, text):
    """Made of what means something to markdown."""
    check(which[0], which[1], text)
