"""Aspects as data, and how effort and change choose among them."""

import pytest

from fanfold.errors import ConfigError
from fanfold.skills.code_review.aspects import (
    EFFORTS,
    Aspect,
    ChangeFacts,
    parse_aspect,
    prompts_folder,
    shipped_aspects,
)
from fanfold.skills.code_review.strategy import strategy

ALL = list(shipped_aspects().values())


def facts(**fields):
    values = {"paths": ("a.py",), "changed": "x = 1", "removes": False, "has_guidance": False, "has_code": True}
    return ChangeFacts(**{**values, **fields})


def names(effort, *, chosen=False, aspects=ALL, **fields):
    plan = strategy(effort, aspects, facts(**fields), chosen=chosen)
    return [[aspect.name for aspect in group] for group in plan.finders]


def test_the_shipped_aspects_are_well_formed():
    """Nine at least, each named like its file, each with instructions."""
    assert list(shipped_aspects()) == sorted(path.stem for path in (prompts_folder() / "aspects").glob("*.md"))
    assert len(ALL) >= 9
    assert all(len(aspect.instructions) > 200 for aspect in ALL)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "front matter"),
        ("no front matter", "front matter"),
        ("---\nname: x\n---\nLook.", "hunts"),
        ("---\nname: x\nhunts: y\nextra: z\n---\nLook.", "extra"),
        ("---\nname: x\nhunts: y\n---\n", "instructions"),
        ("---\nname: other\nhunts: y\n---\nLook.", "must agree"),
        ("---\nname: X Y\nhunts: y\n---\nLook.", "name"),
        ("---\nname: x\nhunts: y\nfrom: huge\n---\nLook.", "from"),
        ("---\nname: x\nhunts: y\nmentions: '('\n---\nLook.", "regular expression"),
        ("---\nname: x\nhunts: y: z\n---\nLook.", "YAML"),
        ("---\n- x\n---\nLook.", "mapping"),
    ],
)
def test_a_malformed_aspect_is_refused(text, says, tmp_path):
    """In one line, with the file's name and the field."""
    path = tmp_path / "x.md"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"x\.md.*{says}"):
        parse_aspect(path)


def test_a_small_change_gets_one_or_two_finders():
    """Low effort: one that reads for everything; medium: two."""
    assert names("low") == [["correctness", "cross-file", "security"]]
    assert names(None) == names("medium") == [["correctness", "cross-file"], ["performance", "security"]]


def test_high_effort_gives_each_aspect_its_own_finder():
    """And the aspects that only care about tests and documentation."""
    found = names("high")
    assert all(len(group) == 1 for group in found)
    assert {name for (name,) in found} >= {"correctness", "cross-file", "docs", "performance", "security", "tests"}


def test_what_the_change_has_decides_too():
    """Removed lines, threads and stated rules each call for their aspect; prose calls for fewer."""
    assert ["correctness", "cross-file", "removed-behaviour"] in names("medium", removes=True)
    assert ["concurrency", "correctness", "cross-file"] in names("medium", changed="with self._lock:")
    assert ["style"] in names("medium", has_guidance=True)
    assert ["tests"] not in names("high", has_code=False)


def test_what_a_person_names_runs_whatever_the_effort():
    """`--aspect docs` at low effort is a review of the documentation."""
    assert names("low", chosen=True, aspects=[shipped_aspects()["docs"]]) == [["docs"]]


def test_files_and_models_of_an_aspect():
    """Globs as in .gitignore decide; a model of its own makes it read alone."""
    sql = Aspect(
        name="sql", hunts="h", instructions="i", group="risk", files=("*.sql", "/db/"), model="claude-haiku-5-5"
    )
    assert names("low", aspects=[*ALL, sql], paths=("a.py",)) == names("low")
    assert ["sql"] in names("low", aspects=[*ALL, sql], paths=("x/y.sql",))
    assert ["sql"] in names("low", aspects=[*ALL, sql], paths=("db/a.py",))


@pytest.mark.parametrize("effort", EFFORTS)
def test_more_effort_never_looks_for_less(effort):
    """Aspects, lenses, sweep and second sample only grow."""
    lower = strategy("low", ALL, facts(removes=True), chosen=False)
    plan = strategy(effort, ALL, facts(removes=True), chosen=False)
    assert {a.name for a in lower.aspects} <= {a.name for a in plan.aspects}
    assert len(plan.lenses) >= len(lower.lenses)
    assert plan.sweep >= lower.sweep
