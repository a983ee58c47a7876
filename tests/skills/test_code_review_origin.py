"""Did this change bring it? A line that only moved was there before."""

import asyncio

import pytest

from fanfold.models import Finding, Severity, Verdict
from fanfold.skills.code_review.origin import with_origins
from fanfold.sources.target import resolve

OLD = "def load(blob):\n    return pickle.loads(blob)\n\n\ndef other():\n    return 2\n"
MOVED = """\
def other():
    return 2


def load(blob):
    return pickle.loads(blob)


def new(blob):
    return eval(blob)
"""


def committed(repository, files):
    for name, text in files.items():
        repository.write(name, text)
    return repository.commit()


def finding(quote, line, **fields):
    return Finding(
        path="a.py", line=line, end_line=line, aspect="security", severity=Severity.HIGH, confidence=0.5, title="t",
        quote=quote, sources=("security",), **fields,
    )  # fmt: skip


FOUND = [finding("    return pickle.loads(blob)", 6), finding("    return eval(blob)", 10)]


@pytest.fixture(params=["uncommitted", "committed"])
def moved(request, repository):
    """A function that moved within its file, and one that is new, committed or not."""
    committed(repository, {"a.py": OLD})
    if request.param == "uncommitted":
        repository.write("a.py", MOVED)
        return resolve((), cwd=repository.root)
    committed(repository, {"a.py": MOVED})
    return resolve(("HEAD",), cwd=repository.root)


def test_code_that_moved_was_there_before(moved):
    """What stood in the base is not this change's, whether the diff shows it as added or not; what is new is."""
    origins = asyncio.run(with_origins(moved, FOUND))
    assert [one.introduced for one in origins] == [False, True]


def test_code_that_moved_to_another_file_was_there_before(repository):
    """As git blame -C follows it."""
    body = "".join(f"    value_{n} = compute({n}, name='{n}')\n" for n in range(8))
    committed(repository, {"a.py": f"def f():\n{body}", "b.py": "x = 1\n"})
    committed(repository, {"a.py": "y = 1\n", "b.py": f"x = 1\n\n\ndef f():\n{body}"})
    target = resolve(("HEAD",), cwd=repository.root)
    (one,) = asyncio.run(
        with_origins(target, [finding("    value_3 = compute(3, name='3')", 8).model_copy(update={"path": "b.py"})])
    )
    assert not one.introduced


def test_where_git_cannot_tell_the_diff_stands(repository):
    """A patch, the index and a folder have no blame; nothing is claimed of them."""
    committed(repository, {"a.py": OLD})
    repository.write("a.py", MOVED)
    repository.git("add", "a.py")
    for target in (
        resolve((), cwd=repository.root, staged=True),
        resolve((), cwd=repository.root, diff=repository.git("diff", "--staged")),
        resolve(("a.py",), cwd=repository.root),
    ):
        assert asyncio.run(with_origins(target, FOUND)) == FOUND


def test_a_brace_decides_nothing(moved):
    """Lines without a letter or digit move about in every change."""
    only = [finding("", 7)]
    assert asyncio.run(with_origins(moved, only)) == only


def test_what_verifiers_have_confirmed_is_left_as_they_said(moved):
    """The line only moved, and the change broke it all the same."""
    confirmed = [one.model_copy(update={"verdict": Verdict.CONFIRMED}) for one in FOUND]
    assert asyncio.run(with_origins(moved, confirmed)) == confirmed


def test_what_the_change_caused_is_its_own(moved):
    """On a line that only moved as well."""
    caused = [one.model_copy(update={"caused": True}) for one in FOUND]
    assert all(one.introduced for one in asyncio.run(with_origins(moved, caused)))
