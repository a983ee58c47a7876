"""What a bisection found, on the clusters: which of them are one, and what each says of the others."""

from fanfold.skills.parallel_test.blamed import Bisected, blamed, uses_of
from fanfold.sources.git import Git
from fanfold.sources.revisions import revision_id
from fanfold.suites import Case, Cluster, ClusterClass, TestAttempt, TestResult, TestVerdict
from fanfold.testing.repository import Repository, isolate_git


def failed(name):
    return TestResult.of(Case(file="test_a.py", name=name, attempts=(TestAttempt(outcome=TestVerdict.FAILED),)), "unit")


TESTS = {name: failed(name) for name in "abcd"}
BY_ID = {test.id: test for test in TESTS.values()}


def cluster(number, *names, **fields):
    ids = tuple(TESTS[name].id for name in names)
    return Cluster(id=f"C{number}", signature="s", kind=ClusterClass.REGRESSION, tests=ids, **fields)


def found(commit="1" * 40):
    return Bisected(f"it is {commit[:1]}", (f"commit {commit[:1]}",), commit)


CLUSTERS = (
    cluster(1, "a", suspects=("x.py:1",)),
    cluster(2, "b", suspects=("y.py:2",)),
    cluster(3, "c"),
    cluster(4, "d"),
)


def folded(uses, commits, why_not=None):
    by_id = {name: found(commit) for name, commit in commits.items()}
    return blamed(CLUSTERS, by_id, why_not or {}, BY_ID, lambda _: lambda test: uses.get(test.name))


def test_one_commit_and_one_definition_are_one_cluster():
    """With the tests and suspects of all; the largest comes first, and ids are given anew, in notes as well."""
    uses = {"b": "s.py::f", "c": "s.py::f", "a": "s.py::g"}
    clusters, notes = folded(uses, dict.fromkeys(("C1", "C2", "C3"), "1" * 40), {"C4": "why"})
    assert [(one.id, one.tests) for one in clusters] == [
        ("C1", (TESTS["b"].id, TESTS["c"].id)),
        ("C2", (TESTS["a"].id,)),
        ("C3", (TESTS["d"].id,)),
    ]
    assert clusters[0].shared == ("change:s.py::f",)
    assert clusters[0].suspects == ("commit 1 (C2 too)", "y.py:2")
    assert clusters[1].suspects == ("commit 1 (C1 too)", "x.py:1")
    assert notes == ("C1: it is 1", "C2: it is 1", "C3 was not bisected: why")


def test_what_is_of_two_commits_or_not_known_stays_apart():
    """One definition in two commits is two causes; where no definition is known nothing is one."""
    clusters, _ = folded({"a": "s.py::f", "b": "s.py::f"}, {"C1": "1" * 40, "C2": "2" * 40})
    assert [one.suspects[0] for one in clusters[:2]] == ["commit 1", "commit 2"]
    clusters, _ = folded({}, {"C1": "1" * 40, "C2": "1" * 40})
    assert [one.suspects[0] for one in clusters[:2]] == ["commit 1 (C2 too)", "commit 1 (C1 too)"]
    assert len(clusters) == 4


def test_what_a_commit_changed_is_looked_up_in_its_own_files(tmp_path, monkeypatch):
    """Whatever has become of the lines since; of a first commit nothing is told."""
    isolate_git(monkeypatch)
    repository = Repository.init(tmp_path / "project")
    repository.write("s.py", "def f():\n    return 1\n\n\ndef g():\n    return 1\n")
    repository.write("test_a.py", "from s import f, g\n\n\ndef a():\n    assert f()\n\n\ndef b():\n    assert g()\n")
    repository.commit()
    repository.write("s.py", "def f():\n    return 1\n\n\ndef g():\n    return 0\n")
    repository.commit("bad")
    repository.write("s.py", "# many\n# lines\n\n\ndef g():\n    return 0\n")
    repository.commit("later")
    git = Git.at(repository.root)
    assert git is not None
    uses = uses_of(git, revision_id(git, "HEAD~1") or "")
    assert [uses(TESTS[name]) for name in "ab"] == [None, "s.py::g"]
    # All of the first commit is new: the test itself, and what it calls.
    assert uses_of(git, revision_id(git, "HEAD~2") or "")(TESTS["a"]) is None
