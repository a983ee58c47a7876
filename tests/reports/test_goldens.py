"""Each format of each skill has accepted reports of a full, an empty, a partial and a hostile run."""

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from fanfold import __version__
from fanfold.reports.formats import FORMATS, Renderer, TemplateChoice, formats_of
from fanfold.reports.samples import SAMPLED, runs_of

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
# These are held to theirs where what is particular to them is tested.
ELSEWHERE = {"md", "html", "sarif", "github", "gitlab", "rdjson", "findings", "junit", "mermaid"}
CASES = [(skill, form, name) for skill in SAMPLED for form in formats_of(skill) for name in runs_of(skill)]


@pytest.mark.parametrize(("skill", "form", "name"), [case for case in CASES if case[1] not in ELSEWHERE])
def test_golden_report(skill, form, name, golden):
    """What ships renders the run as it was accepted."""
    text = Renderer(skill, [form], TemplateChoice()).render(runs_of(skill)[name], form)
    golden(f"{skill}/{name}.{FORMATS[form]}", text.replace(f'"{__version__}"', '"VERSION"'))


def test_every_report_has_been_accepted():
    """Whatever format is added, and whatever skill."""
    assert len(CASES) >= 3 * 4 * 5
    missing = [case for case in CASES if not (GOLDEN / case[0] / f"{case[2]}.{FORMATS[case[1]]}").exists()]
    assert missing == []


MARKDOWN = [(skill, form) for skill in SAMPLED for form in ("md", "pr-comment", "job-summary")]


@pytest.mark.parametrize(("skill", "form"), MARKDOWN)
def test_a_hostile_run_stays_text(skill, form):
    """No heading, link, image or control character of it is markup; the HTML is that of the template alone."""
    text = Renderer(skill, [form], TemplateChoice()).render(runs_of(skill)["hostile"], form)
    assert "\x1b" not in text
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    children = [child for token in tokens for child in token.children or ()]
    assert not {child.type for child in children} & {"html_inline", "link_open", "image", "s_open"}
    markup = "".join(token.content for token in tokens if token.type == "html_block")
    assert "<script" not in markup
    assert set(markup.replace("\n", "").split("<")) & {"/p>"} == set()
    headings = [tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open"]
    # An answer may have headings of its own.
    assert skill == "multi-file-analysis" or not [heading for heading in headings if heading.strip() == "heading"]


@pytest.mark.parametrize(("skill", "form"), MARKDOWN)
@pytest.mark.parametrize("name", ["full", "empty", "partial"])
def test_no_report_has_gaps(skill, form, name):
    """No two blank lines follow each other, every fold is closed, and the last line ends."""
    text = Renderer(skill, [form], TemplateChoice()).render(runs_of(skill)[name], form)
    assert "\n\n\n" not in text
    assert text.count("<details>") == text.count("</details>")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
