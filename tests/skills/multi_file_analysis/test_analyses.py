"""Ready-made analyses as data: the shipped ones, a user's own, and those that a repository brings."""

import re

import pytest

from fanfold.errors import ConfigError
from fanfold.pack import pack_folder
from fanfold.skills.multi_file_analysis.analyses.parts import PARTS
from fanfold.skills.multi_file_analysis.analyses.prompts import (
    ANALYSES,
    Analysis,
    analysis_named,
    known_analyses,
    shipped_analyses,
)

OWN = (
    "---\nname: money\ntitle: Money\nquestion: Where is money rounded?\nfacts: [central]\n---\n"
    "Look.\n\n## Synthesis\n\nSay.\n"
)


def test_the_shipped_analyses_are_whole():
    """Each with a question, facts without a model, and words for workers and for the synthesiser."""
    assert set(shipped_analyses()) >= {
        *("architecture", "change-impact", "dead-code", "dependencies", "duplication", "error-handling", "onboarding"),
        *("performance", "public-api", "security-surface", "test-gaps"),
    }
    for analysis in shipped_analyses().values():
        assert analysis.question.endswith("?")
        assert len(analysis.for_workers) > 300
        assert len(analysis.for_synthesis) > 200
        assert "## Synthesis" not in analysis.for_workers + analysis.for_synthesis


def test_the_reference_has_every_key_and_an_example_that_loads(tmp_path):
    """What is written of an analysis of one's own is what is read: keys, which are required, facts, and the example."""
    text = (pack_folder("skills") / "multi-file-analysis/references/analyses.md").read_text()
    own = tmp_path / "money.md"
    [example] = re.findall(r"```markdown\n(.*?)```\n", text, re.DOTALL)
    own.write_text(example)
    assert ANALYSES.parse(own).files[-1] == "!**/migrations/**"
    assert "rounded" in ANALYSES.parse(own).for_synthesis
    fields = {name: field for name, field in Analysis.model_fields.items() if name != "instructions"}
    assert dict(re.findall(r"^\| `(\w+)` \| (required|optional) \|", text, re.MULTILINE)) == {
        name: "required" if field.is_required() else "optional" for name, field in fields.items()
    }
    assert re.findall(r"^\| `([a-z-]+)` \| (?!required|optional)", text, re.MULTILINE) == sorted(PARTS)


def test_a_missing_key_names_those_that_there_are(tmp_path):
    """Who writes the first one of their own sees in one error what it has."""
    own = tmp_path / "money.md"
    own.write_text("---\nname: money\n---\nLook.\n")
    with pytest.raises(ConfigError, match=r"an analysis has name, title, question, facts, and may have files$"):
        ANALYSES.parse(own)


def test_every_part_is_used():
    """No part without a model that no analysis shows."""
    assert {name for analysis in shipped_analyses().values() for name in analysis.facts} == set(PARTS)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("facts: [central]", "facts: [centre]", "'centre' is none of api, "),
        ("facts: [central]", "facts: []", "facts"),
        ("## Synthesis", "## Answer", "## Synthesis"),
        ("Look.", "", "instructions for workers"),
        ("Say.", "", "some for the synthesiser"),
        ("name: money", "name: cash", "must agree"),
        ("title: Money\n", "", "title"),
        ("question: ", "ask: ", "question"),
    ],
)
def test_a_malformed_analysis_is_refused(old, new, says, tmp_path):
    """In one line, with the file's name and what is wrong."""
    path = tmp_path / "money.md"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(ConfigError, match=r"money\.md: ") as raised:
        ANALYSES.parse(path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_own_analyses_are_added(repository):
    """From the untracked folder, and a note says so; one of a shipped name takes its place."""
    repository.write(".fanfold/analyses/money.md", OWN)
    repository.write(".fanfold/analyses/onboarding.md", OWN.replace("name: money", "name: onboarding"))
    known, notes = known_analyses(repository.root)
    assert analysis_named("money", known).question == "Where is money rounded?"
    assert known["onboarding"].title == "Money"
    assert notes == ["analyses of your own: money, onboarding"]


def test_what_the_repository_brings_is_no_rule(repository):
    """An analysis that is committed is left alone, and named, unless somebody names its folder."""
    repository.write(".fanfold/analyses/money.md", OWN)
    repository.git("add", "-f", ".fanfold/analyses/money.md")
    known, notes = known_analyses(repository.root)
    assert "money" not in known
    assert "--analyses-from" in notes[0]
    assert "money" in known_analyses(repository.root, repository.root / ".fanfold/analyses")[0]


def test_an_unknown_name_says_which_there_are(tmp_path):
    """One line with the known ones; a folder that is not there is named as well."""
    with pytest.raises(ConfigError, match=r"--analysis architekture: no such analysis; there are architecture, "):
        analysis_named("architekture", shipped_analyses())
    with pytest.raises(ConfigError, match=r"--analyses-from .*: no such folder"):
        known_analyses(tmp_path, tmp_path / "nowhere")
