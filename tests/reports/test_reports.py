"""Reports: what ships renders every run, and a user's own templates do as they are documented."""

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from fanfold.errors import TemplateError, UsageError
from fanfold.models import Run, Status
from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.samples import FULL, RUNS

ROOT = Path(__file__).resolve().parents[2]


def rendered(run, choice=None, name="md"):
    return Renderer("code-review", [name], choice or TemplateChoice()).render(run, name)


@pytest.mark.parametrize("name", RUNS)
def test_golden_report(name, golden):
    """The shipped report of each recorded run is the accepted one."""
    golden(f"code-review/{name}.md", rendered(RUNS[name]))


def test_json_is_the_record():
    """It reads back as the same run."""
    assert Run.model_validate_json(rendered(FULL, name="json")) == FULL


def test_a_hostile_run_stays_text():
    """No heading, link, image, HTML or control character of the hostile run is markup in the report."""
    text = rendered(RUNS["hostile"])
    assert "\x1b" not in text
    tokens = MarkdownIt("commonmark").parse(text)
    kinds = {child.type for token in tokens for child in token.children or ()} | {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "image"}
    headings = [tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open"]
    assert not [heading for heading in headings if heading == "heading"]


@pytest.mark.parametrize("name", RUNS)
def test_no_report_has_gaps_or_loose_ends(name):
    """No two blank lines follow each other outside of quoted code, and the last line ends."""
    text = re.sub(r"^(`{3,}).*?^\1$", "(code)", rendered(RUNS[name]), flags=re.MULTILINE | re.DOTALL)
    assert "\n\n\n" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("name", ["full", "partial"])
def test_a_label_that_ends_in_a_bracket_needs_no_backslash(name):
    """What stands behind it is known when it is escaped."""
    unit = FULL.units[0].model_copy(update={"label": "test_p[3]"})
    text = rendered(RUNS[name].model_copy(update={"units": (unit,)}))
    assert unit.status is Status.OK
    assert ": test_p[3]." in text


def test_an_own_file_replaces_the_report(tmp_path):
    """--template FILE."""
    own = tmp_path / "mine.md.j2"
    own.write_text("{{ run.findings | length }} findings in {{ run.target.description }}")
    assert rendered(FULL, TemplateChoice(own)) == "3 findings in uncommitted changes (3 files)\n"


def test_a_folder_wins_name_by_name(tmp_path):
    """--templates DIR: its partial is used by the shipped report, and `shipped/` reaches the original."""
    (tmp_path / "partials").mkdir()
    (tmp_path / "partials" / "_finding.md.j2").write_text("* {{ finding.id }}\n")
    (tmp_path / "code-review").mkdir()
    (tmp_path / "code-review" / "report.md.j2").write_text(
        '{% extends "shipped/code-review/report.md.j2" %}{% block title %}# ACME\n\n{% endblock %}'
    )
    text = rendered(FULL, TemplateChoice(None, [tmp_path]))
    assert text.startswith("# ACME\n")
    assert "* F1" in text
    assert "**2 findings: 1 high, 1 low.**" in text


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ run.findigns }}", "1: a Run has no 'findigns'; did you mean 'findings'?"),
        ("x\n{{ rum }}", "2: nothing is called 'rum'; did you mean 'run'?"),
        ("{% for %}", "1: "),
        ("{{ run.id | inlin }}", "1: No filter named 'inlin'; did you mean 'inline'?"),
        ("{% include 'nope.j2' %}", "nope.j2"),
        ("{{ run.__class__.__mro__ }}", "not allowed in a template"),
        ("{{ ''.__class__ }}", "not allowed in a template"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ run.id | duration }}", "1: "),
    ],
)
def test_an_error_names_file_line_and_the_nearest_name(tmp_path, source, says):
    """One line that leads to the mend; nothing of the sandbox can be left."""
    own = tmp_path / "mine.md.j2"
    own.write_text(source)
    with pytest.raises(TemplateError) as error:
        rendered(FULL, TemplateChoice(own))
    assert "\n" not in str(error.value)
    assert says in str(error.value)
    assert "mine.md.j2" in str(error.value)


def test_a_missing_template_is_said_before_anything_is_spent(tmp_path):
    """Templates compile when the renderer is made."""
    with pytest.raises(TemplateError, match=r"no template"):
        Renderer("code-review", ["md"], TemplateChoice(tmp_path / "none.j2"))
    with pytest.raises(UsageError, match="--format md"):
        Renderer("code-review", ["json"], TemplateChoice(tmp_path / "x.j2"))


def test_json_is_stable():
    """The same run gives the same bytes, keys in the order of the contract."""
    document = json.loads(rendered(FULL, name="json"))
    assert list(document)[:4] == ["format", "id", "skill", "status"]
    assert rendered(FULL, name="json") == rendered(FULL, name="json")


@pytest.mark.parametrize(
    ("name", "meant"), [("x.html.j2", "html"), ("x.md.j2", "md"), ("x.pr-comment.md.j2", "pr-comment")]
)
def test_a_file_is_for_the_format_that_it_names(tmp_path, name, meant):
    """Of several formats; the others are rendered by their own templates."""
    own = tmp_path / name
    own.write_text("mine")
    formats = ("md", "html", "pr-comment", "json")
    renderer = Renderer("code-review", formats, TemplateChoice(own))
    assert [form for form in formats if renderer.render(FULL, form) == "mine\n"] == [meant]


def test_a_file_that_names_no_format_is_asked_about(tmp_path):
    """For one format there is no question."""
    own = tmp_path / "mine.j2"
    own.write_text("mine")
    assert rendered(FULL, TemplateChoice(own), "html") == "mine\n"
    with pytest.raises(
        UsageError, match=r"which of md and html is it for\? Call it report\.md\.j2 or report\.html\.j2"
    ):
        Renderer("code-review", ["md", "html"], TemplateChoice(own))


def test_what_fails_on_a_sample_run_is_said_with_its_kind(tmp_path):
    """A template that takes findings for granted is told so before the review that has none."""
    own = tmp_path / "mine.md.j2"
    own.write_text("{{ run.findings[0].title | inline }}")
    with pytest.raises(TemplateError, match=r"mine\.md\.j2:1: a tuple has no 0 \(tried on a run that is empty\)"):
        rendered(FULL, TemplateChoice(own))


def test_what_lies_beside_a_file_replaces_nothing(tmp_path):
    """It is found under names that nothing shipped has."""
    (tmp_path / "partials").mkdir()
    (tmp_path / "partials" / "_finding.md.j2").write_text("taken over")
    (tmp_path / "own.md.j2").write_text("beside")
    own = tmp_path / "mine.md.j2"
    own.write_text('{% extends "code-review/report.md.j2" %}{% block title %}{% include "own.md.j2" %}{% endblock %}')
    text = rendered(FULL, TemplateChoice(own))
    assert text.startswith("beside")
    assert "taken over" not in text
