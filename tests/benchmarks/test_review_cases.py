"""The shipped cases are what they say: diffs apply, labels stand, twins are clean, code parses."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_c
import tree_sitter_go
import tree_sitter_java
import tree_sitter_typescript

from fanfold.sources.diff import parse_diff

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are scripts, not an installed package

from benchmarks.quality.cases import Case, diff_text, read_cases  # noqa: E402  needs the line above

FOLDER = ROOT / "benchmarks" / "review_cases"
CASES = {case.id: case for case in read_cases(FOLDER / "cases.jsonl")}
LARGE = {name: case for name, case in CASES.items() if case.kind == "large"}
SMALL = {name: case for name, case in CASES.items() if case.kind != "large"}
GRAMMARS = {
    ".c": tree_sitter_c.language,
    ".go": tree_sitter_go.language,
    ".h": tree_sitter_c.language,
    ".java": tree_sitter_java.language,
    ".ts": tree_sitter_typescript.language_typescript,
}
# A comment that says so would give a bug away.
GIVEAWAY = re.compile(
    r"\b(?:bug|buggy|planted|mutant|oops|fixme|todo|deliberate(?:ly)?|wrong on purpose)\b", re.IGNORECASE
)
LARGEST_BYTES = 3_000_000


def changed(case: Case) -> list[str]:
    """The signed lines of a case's diff."""
    diff = diff_text(case, FOLDER) or ""
    return [
        line.text for change in parse_diff(diff) for hunk in change.hunks for line in hunk.lines if line.kind != " "
    ]


@pytest.fixture
def head(tmp_path):
    """Make a case's tree after its change."""

    def make(case):
        assert case.repo
        assert case.base
        root = tmp_path / case.id
        shutil.copytree(FOLDER / case.repo / case.base, root)
        diff = (diff_text(case, FOLDER) or "").encode()
        subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=root, input=diff, check=True)
        return root

    return make


@cache
def parser(suffix):
    return tree_sitter.Parser(tree_sitter.Language(GRAMMARS[suffix]()))


def parses(path):
    if path.suffix == ".py":
        ast.parse(path.read_text(encoding="utf-8"))
        return True
    return path.suffix not in GRAMMARS or not parser(path.suffix).parse(path.read_bytes()).root_node.has_error


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_case_is_well_formed(case, head):
    """Its diff applies to its base, each label's code stands at its line, each changed file parses."""
    root = head(case)
    for bug in case.gt:
        for spot in bug.spots:
            assert spot.code in (root / spot.file).read_text(encoding="utf-8").splitlines()[spot.line - 1]
    for change in parse_diff(diff_text(case, FOLDER) or ""):
        if change.kind != "deleted":
            assert parses(root / change.path), change.path


@pytest.mark.parametrize("case", SMALL.values(), ids=SMALL.keys())
def test_a_small_case_has_a_reviewable_size(case):
    """60 to 400 changed lines, one bug or none."""
    assert 60 <= len(changed(case)) <= 400
    assert len(case.gt) == (0 if case.clean else 1)


def test_ten_kinds_of_bug_in_five_languages():
    """Thirty bugs, three of each kind, six in each language, each with its clean twin."""
    buggy = [case for case in SMALL.values() if not case.clean]
    assert Counter(Counter(case.kind for case in buggy).values()) == {3: 10}
    assert Counter(Counter(case.language for case in buggy).values()) == {6: 5}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.clean])
def test_a_twin_differs_by_its_bugs_alone(name):
    """The twin makes the same change without the bugs: few lines differ, and it has no label."""
    case, twin = CASES[name], CASES[f"{name}-clean"]
    assert twin.clean
    assert (twin.repo, twin.base, twin.kind, twin.language) == (case.repo, case.base, case.kind, case.language)
    ours, theirs = Counter(changed(case)), Counter(changed(twin))
    differing = (ours - theirs).total() + (theirs - ours).total()
    assert 0 < differing <= 25 * len(case.gt)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_no_comment_gives_a_bug_away(case):
    """Nothing that the change adds talks about it."""
    assert not [line for line in changed(case) if GIVEAWAY.search(line)]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.clean])
def test_every_bug_has_its_check(name):
    """`benchmarks/prove_cases.py` runs it: it passes on the twin and fails on the bug."""
    (check,) = (FOLDER / "checks").glob(f"{name}.*")
    assert check.read_text(encoding="utf-8").strip()


def test_the_cases_are_of_a_reasonable_size():
    """A clone stays small; every file belongs to some case."""
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < LARGEST_BYTES
    named = {FOLDER / case.diff for case in CASES.values() if case.diff}
    assert {path for path in files if path.suffix == ".diff"} == named


@pytest.mark.parametrize("case", LARGE.values(), ids=LARGE.keys())
def test_a_large_case_is_large(case):
    """3,000 changed lines and more in 40 files and more; there are three, each with its twin."""
    assert len(LARGE) == 6
    assert len(changed(case)) >= 3_000
    assert len(parse_diff(diff_text(case, FOLDER) or "")) >= 40


@pytest.mark.parametrize("case", [case for case in LARGE.values() if not case.clean], ids=lambda case: case.id)
def test_the_bugs_of_a_large_case_stand_far_apart(case):
    """Eight of them in eight files, of which some are seen only together with another file."""
    files = [bug.file for bug in case.gt]
    assert len(files) == len(set(files)) == 8
    assert any(spot.file != bug.file for bug in case.gt for spot in bug.also)
