"""What people decided about findings: it never comes back, and nobody can hide what is grave."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import ConfigError
from fanfold.models import Dropped, Finding
from fanfold.skills.code_review.fold import fold
from fanfold.skills.code_review.memory import FILE, Decision, Known, Memory, forget, read_known, read_memory, remember
from fanfold.sources.target import resolve
from fanfold.testing.examples import finding


def committed(repository, files):
    for name, text in files.items():
        repository.write(name, text)
    return repository.commit()


def memory(*findings, decision=Decision.DISMISSED, reason="It is meant so."):
    return Memory(tuple(known for one in findings for known in Known.of(one, decision, reason)))


@pytest.mark.parametrize(
    "again",
    [
        finding(),
        finding(line=50, end_line=50),
        finding(aspect="cross-file"),
        finding(title="Off by one: the first value is lost"),
        finding(quote="  total = sum(values[1:])\n  return total", end_line=6),
        finding(mechanism="", title="The sum is off by one"),
    ],
)
def test_a_dismissed_finding_never_comes_back(again):
    """Wherever it moved to, whoever reports it, in whatever words, with whatever lines around."""
    back = memory(finding()).recall(again)
    assert isinstance(back, Dropped)
    assert (back.reason, back.why) == ("dismissed", "It is meant so.")


@pytest.mark.parametrize(
    "other",
    [
        finding(quote="total = sum(values[2:])"),
        finding(path="b.py"),
        finding(quote="another = line"),
    ],
)
def test_other_code_is_another_finding(other):
    """A dismissal is about code, not about a kind of fault."""
    assert memory(finding()).recall(other) == other


def test_a_similar_one_in_the_same_place_is_marked():
    """Another fault in the same code is reported, with what was said of the first."""
    back = memory(finding()).recall(finding(mechanism="integer-overflow", title="A large sum wraps around"))
    assert isinstance(back, Finding)
    assert back.notes == ("In the same place this was dismissed: “The sum is off by one”: It is meant so.",)


def test_the_file_is_sorted_and_merges(tmp_path):
    """One line a finding, in an order that does not depend on when; a newer decision replaces an older one."""
    file = tmp_path / FILE
    one, two = Known.of(finding(path="z.py"), Decision.DISMISSED, "a"), Known.of(finding(), Decision.ACCEPTED)
    remember(file, one)
    remember(file, two)
    assert [json.loads(line)["path"] for line in file.read_text().splitlines()] == ["a.py", "z.py"]
    assert remember(file, Known.of(finding(path="z.py"), Decision.DISMISSED, "b")) == 2
    assert [known.reason for known in read_known(file)] == ["", "b"]
    assert forget(file, read_known(file)[:1]) == 1
    assert [known.path for known in read_known(file)] == ["z.py"]
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_in_the_place_of_the_file_is_replaced_not_followed(tmp_path):
    """A repository can't have another file of the user's overwritten."""
    other = tmp_path / "precious"
    other.write_text("")
    (tmp_path / FILE).symlink_to(other)
    remember(tmp_path / FILE, Known.of(finding(), Decision.DISMISSED))
    assert other.read_text() == ""


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "{}\n", '{"fingerprint": 1}\n', "[]\n"])
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path, text):
    """With file and line; a conflict of a merge is such a case."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match=rf"{FILE}:1: "):
        read_known(tmp_path / FILE)


@given(st.lists(st.sampled_from(["a.py", "b.py", "c.py"]), max_size=6), st.integers(0, 6))
def test_what_is_dismissed_and_what_is_reported_add_up(paths, known):
    """Every finding is either; each dismissed one once."""
    findings = [finding(path=path, quote=f"line {n} {path}") for n, path in enumerate(paths)]
    reported, dropped = memory(*findings[:known]).sort(findings)
    assert len(reported) + len(dropped) == len(findings)
    assert len(dropped) == len(findings[:known])


def test_a_run_is_a_baseline(repository, fanfold_run):
    """Every finding of an earlier run, places included, is known."""
    file = repository.root / "run.json"
    (one,) = fold([finding()], [], []).findings
    file.write_text(fanfold_run(findings=(one,)).model_dump_json())
    committed(repository, {"a.py": "x = 1\n"})
    known = read_memory(resolve(("HEAD",), cwd=repository.root), file)
    assert isinstance(known.recall(finding()), Dropped)


@pytest.fixture
def fanfold_run():
    from fanfold.reports.samples import FULL

    def made(**fields):
        return FULL.model_copy(update=fields)

    return made


def test_a_change_that_dismisses_its_own_finding_is_said(repository):
    """It counts, and the report names it; a critical one stays."""
    committed(repository, {"a.py": "x = 1\n"})
    entries = [
        *Known.of(finding(), Decision.DISMISSED, "trust me"),
        *Known.of(
            finding(quote="eval(x)", severity="critical", mechanism="injection", title="Runs code"), Decision.DISMISSED
        ),
    ]
    remember(repository.root / FILE, entries)
    committed(repository, {"a.py": "x = 2\n"})
    known = read_memory(resolve(("HEAD",), cwd=repository.root))
    assert isinstance(known.recall(finding()), Dropped)
    grave = known.recall(finding(quote="eval(x)", severity="critical", mechanism="injection", title="Runs code"))
    assert isinstance(grave, Finding)
    assert "This change itself dismisses it" in grave.notes[0]
    assert known.notes == ["this change itself dismisses “The sum is off by one” in a.py: trust me"]
    committed(repository, {"a.py": "x = 3\n"})
    assert read_memory(resolve(("HEAD",), cwd=repository.root)).own == frozenset()


def test_a_patch_that_dismisses_its_own_finding_is_said(repository):
    """It has no commit, and is somebody else's word all the same; what the working tree says is the user's own."""
    committed(repository, {"a.py": "x = 1\n"})
    grave = finding(severity="critical")
    remember(repository.root / FILE, Known.of(grave, Decision.DISMISSED, "trust me"))
    added = (repository.root / FILE).read_text()
    assert isinstance(read_memory(resolve((), cwd=repository.root)).recall(grave), Dropped)
    (repository.root / FILE).unlink()
    patch = f"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n--- /dev/null\n+++ b/{FILE}\n@@ -0,0 +1 @@\n+{added}"
    known = read_memory(resolve((), cwd=repository.root, diff=patch))
    assert known.known
    assert isinstance(known.recall(grave), Finding)


def test_another_fault_in_the_same_line_is_not_hidden():
    """Without a mechanism it is the words that tell."""
    known = memory(finding(title="Shell is used", mechanism="shell-use"))
    assert isinstance(known.recall(finding(title="Password is logged in clear", mechanism="")), Finding)


def test_a_decision_follows_its_file(repository):
    """Through the change that moves it, and after it."""
    committed(repository, {"a.py": "total = sum(values[1:])\n" * 9})
    remember(repository.root / FILE, Known.of(finding(), Decision.DISMISSED, "meant so"))
    repository.commit()
    (repository.root / "new").mkdir()
    (repository.root / "a.py").rename(repository.root / "new" / "a.py")
    repository.commit()
    for arguments in (("HEAD",), ("new/a.py",)):
        assert isinstance(
            read_memory(resolve(arguments, cwd=repository.root)).recall(finding(path="new/a.py")), Dropped
        )


SECRET = finding(
    quote="KEY = [a secret, not shown]", mechanism="hardcoded-secret", digest="1", sources=("secrets:token",)
)


def test_a_dismissal_is_of_one_secret():
    """Another one that comes to stand on the line is told; the same one is not, wherever in the file it moves."""
    known = memory(SECRET)
    other = known.recall(SECRET.model_copy(update={"digest": "2"}))
    assert isinstance(other, Finding)
    assert "In the same place" in other.notes[0]
    assert isinstance(known.recall(SECRET.model_copy(update={"quote": "OTHER = [a secret, not shown]"})), Dropped)
    assert isinstance(known.recall(SECRET.model_copy(update={"digest": "", "sources": ("security",)})), Dropped)
    unseen = memory(SECRET.model_copy(update={"digest": ""}))
    assert isinstance(unseen.recall(SECRET), Finding)
