"""What is posted fits where it is posted, says when it was cut, and leaves nothing open behind it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanfold.reports.fitting import fit
from fanfold.reports.formats import MOST, Renderer, TemplateChoice
from fanfold.reports.samples import FULL, runs_of

BLOCKS = st.lists(
    st.sampled_from(
        [
            "text\n\n",
            "<details><summary>x</summary>\n\n",
            "</details>\n\n",
            "```py\n",
            "````\n",
            "````\n<details>\n````\n\n",
            "```\n",
            "~~~\n",
            "- item\n- item\n\n",
            "é" * 40 + "\n",
        ]
    ),
    max_size=60,
).map("".join)


@given(BLOCKS, st.integers(min_value=200, max_value=2_000))
def test_what_is_cut_fits_and_is_closed(markdown, most):
    """Whatever it is: a beginning of it, no code block open before the line that says so, folds closed again."""
    text = fit(markdown, most)
    assert len(text.encode()) <= most
    if len(markdown.encode()) <= most:
        assert text == markdown
        return
    assert "Cut here" in text.splitlines()[-1]
    tokens = MarkdownIt("commonmark").parse(text)
    assert [token.type for token in tokens[-3:]] == ["paragraph_open", "inline", "paragraph_close"]
    folds = 0
    for token in tokens:
        folds += token.content.count("<details") - token.content.count("</details") if "html" in token.type else 0
        folds = max(folds, 0)
    assert folds == 0


def test_it_is_cut_between_blocks():
    """Not in the middle of a finding, if that leaves enough."""
    fold = "<details><summary>a</summary>\n\n```py\nx = 1\ny = 2\n```\n\n</details>\n\n"
    text = fit(fold * 20, 700)
    assert text.endswith("</details>\n\n\n**Cut here: 81 of 180 lines fit.** All of it is in `run.json`.\n")
    assert text.startswith(fold * 9)


def test_one_line_that_is_too_long():
    """There is nothing to keep of it but the news."""
    assert fit("x" * 1_000, 500) == "\n**Cut here: 0 of 1 lines fit.** All of it is in `run.json`.\n"


def grown(run, number):
    """Return a run with so many findings, each as long as they come."""
    one = FULL.findings[0].model_copy(
        update={
            "title": "An <b>&</b> " * 1_000,
            "explanation": "`code` and *more*\n\n" * 5_000,
            "failure_scenario": "\U0001f600 @name " * 100_000,
            "quote": ("x" * 1_000_000) + "\n" * 10_000,
            "suggestion": "+" * 1_000_000,
            "aspect": "security",
        }
    )
    return run.model_copy(
        update={"findings": tuple(one.model_copy(update={"id": f"F{n}"}) for n in range(number)), "dropped": ()}
    )


@pytest.mark.parametrize("name", MOST)
def test_a_review_fits_however_large_it_is(name):
    """Hundreds of findings of megabytes each: what is said first is there, and how many more there are."""
    text = Renderer("code-review", [name], TemplateChoice()).render(grown(FULL, 200), name)
    assert len(text.encode()) <= MOST[name]
    assert "**200 findings: 200 high.**" in text
    assert "F1 · " in text


@pytest.mark.parametrize("skill", ["code-review", "parallel-test", "multi-file-analysis"])
def test_a_comment_is_known_by_its_first_line(skill):
    """The same for each run of a skill, so that the next one can replace it; text of a run can't stand there."""
    renderer = Renderer(skill, ["pr-comment"], TemplateChoice())
    firsts = {renderer.render(run, "pr-comment").split("\n")[0] for run in runs_of(skill).values()}
    assert firsts == {f"<!-- fanfold:pr-comment:{skill} -->"}


def test_nobody_is_mentioned_in_a_comment():
    """A name behind an @ gets mail, whoever wrote it there."""
    run = FULL.model_copy(update={"notes": ("ask @octocat",)})
    assert "@octocat" not in Renderer("code-review", ["pr-comment"], TemplateChoice()).render(run, "pr-comment")
    assert "@octocat" in Renderer("code-review", ["md"], TemplateChoice()).render(run, "md")
