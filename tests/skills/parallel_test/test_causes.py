"""Failures that no frame tells the cause of: the changed definition that their tests use, and one cluster for it."""

from pathlib import Path

import pytest

from fanfold.runners.base import Listing
from fanfold.skills.parallel_test.causes import Causes
from fanfold.skills.parallel_test.clusters import cluster
from fanfold.skills.parallel_test.imports import PythonFiles
from fanfold.skills.parallel_test.suspects import suspects
from fanfold.sources.change import DiffLine, FileChange, Hunk
from fanfold.suites import Case, ClusterClass, Frame, TestAttempt, TestResult, TestVerdict

CART = """\
RATE = 2


def total(prices):
    return sum(prices)


def checkout(prices):
    return total(prices) * RATE


class Cart:
    def __init__(self):
        self.prices = []

    def count(self):
        return len(self.prices)
"""
SHOP = """\
from cart import Cart, checkout, total

def unrelated():
    return 1
"""
TESTS = """\
import unittest
import pytest
from shop import Cart, checkout, total, unrelated

@pytest.fixture
def paid():
    return checkout([1])

def test_direct():
    assert total([1]) == 1

def test_through():
    assert checkout([1]) == 2

def test_fixture(paid):
    assert paid == 2

def test_unrelated():
    assert unrelated() == 2

def test_cart():
    assert Cart().prices == []

class TestOld(unittest.TestCase):
    def setUp(self):
        self.paid = checkout([1])

    def test_old(self):
        assert self.paid == 2

class TestNew(TestOld):
    def test_new(self):
        assert self.paid == 3
"""
FILES = {"cart.py": CART, "shop.py": SHOP, "test_shop.py": TESTS, "test_other.py": "def test_alone():\n    assert 0\n"}


def touching(path, *lines):
    """Return the change that put so many lines there."""
    hunks = tuple(Hunk(n, 1, n, 1, "", (DiffLine("-", n, None, "old"), DiffLine("+", None, n, "new"))) for n in lines)
    return {path: FileChange(path, hunks=hunks)}


def causes(changes, files=FILES):
    return Causes(PythonFiles(Listing(Path("/repo"), tuple(sorted(files)), files.get)), changes)


def failed(name, *frames, file="test_shop.py", fixtures=(), error="AssertionError"):
    """Return a test that failed in its own lines, or in `frames`."""
    own = Frame(path=file, line=1, function=name)
    told = TestAttempt(outcome=TestVerdict.FAILED, error_type=error, message=f"{name} is wrong", frames=(own, *frames))
    return TestResult.of(Case(file=file, name=name, fixtures=fixtures, attempts=(told,)), "unit")


def names(found):
    return [one.name for one in found]


@pytest.mark.parametrize(
    ("line", "test", "used"),
    [
        (5, failed("test_direct"), ["total"]),
        (5, failed("test_through"), ["total"]),
        (5, failed("test_fixture", fixtures=("paid",)), ["total"]),
        (5, failed("TestOld::test_old"), ["total"]),
        (5, failed("test_shop.TestOld.test_old"), ["total"]),
        (5, failed("test_unrelated"), []),
        (1, failed("test_through"), ["RATE"]),
        (1, failed("test_direct"), []),
        (14, failed("test_cart"), ["Cart"]),
        (17, failed("test_cart"), []),
        (5, failed("test_alone", file="test_other.py"), []),
        (5, failed("TestNew::test_new"), ["total"]),
        (5, failed("test_gone"), []),
    ],
)
def test_a_change_is_used_by_name(line, test, used):
    """In the test, in its fixtures or in what is set up for its class, at any distance."""
    assert names(causes(touching("cart.py", line)).used(test)) == used


def test_a_frame_in_a_changed_definition_says_more_than_names():
    """Of two changed functions that a test uses it is the one that it failed in."""
    found = causes(touching("cart.py", 5, 9))
    assert names(found.used(failed("test_through"))) == ["total", "checkout"]
    assert names(found.used(failed("test_through", Frame(path="cart.py", line=9, function="checkout")))) == ["checkout"]


def test_suspects_where_only_imported_code_has_changed():
    """The changed definition that a test uses; failing that, what changed in the files that its own imports."""
    changes = touching("cart.py", 5)
    assert suspects([failed("test_through")], changes, None, causes(changes)) == ("cart.py:5",)
    assert suspects([failed("test_unrelated")], changes, None, causes(changes)) == ("cart.py:5", "shop.py:3")
    assert suspects([failed("test_alone", file="test_other.py")], changes, None, causes(changes)) == ()
    top = touching("cart.py", 1)
    assert suspects([failed("test_direct")], top, None, causes(top)) == ("cart.py:1", "cart.py:4")


@pytest.mark.parametrize(
    ("test", "called"),
    [
        (failed("test_direct"), ("cart.py:4",)),
        (failed("test_through"), ("cart.py:8",)),
        (failed("test_cart"), ("cart.py:12",)),
        (failed("test_alone", file="test_other.py"), ()),
        (failed("test_direct", Frame(path="other.py", line=1, function="f")), ("other.py:1",)),
        (failed("test_counts"), ("cart.py:16", "cart.py:12")),
        (failed("test_gone"), ()),
        (failed("test_x", file="gone.py"), ()),
    ],
)
def test_where_no_change_is_met_it_is_what_the_test_calls(test, called):
    """Not the assert that noticed it; a method only of a class that the test names; with a frame outside, that one."""
    files = {**FILES, "test_shop.py": f"{TESTS}\ndef test_counts():\n    assert Cart().count() == 1\n"}
    assert suspects([test], {}, lambda _path, _line: 1.0, causes({}, files)) == called


def test_the_assert_is_a_suspect_where_it_has_changed():
    """A test that is new may be what is wrong; what is new of that which it uses stands before it."""
    changes = touching("test_shop.py", 1)
    assert suspects([failed("test_direct")], changes, None, causes(changes)) == ("test_shop.py:1",)
    both = {**changes, **touching("cart.py", 5)}
    assert suspects([failed("test_direct")], both, None, causes(both)) == ("cart.py:5", "test_shop.py:1")


@pytest.mark.parametrize(("line", "text"), [(5, "    # six"), (2, "# 6"), (2, "")])
def test_no_comment_is_a_suspect(line, text):
    """Nor is an empty line, inside of a definition or outside."""
    lines = CART.split("\n")
    lines[line - 1] = text
    changes = touching("cart.py", line)
    found = causes(changes, {**FILES, "cart.py": "\n".join(lines)})
    assert found.imported(failed("test_direct")) == ()
    assert f"cart.py:{line}" not in suspects([failed("test_direct")], changes, None, found)


def test_a_change_of_everything_points_nowhere():
    """As a first commit is one: no place of many is a suspect."""
    files = {**FILES, **{f"m{n}.py": "X = 1\n" for n in range(9)}}
    files["shop.py"] = SHOP + "".join(f"import m{n}\n" for n in range(9))
    changes = {path: change for name in files for path, change in touching(name, 1).items() if name.startswith("m")}
    assert suspects([failed("test_direct")], changes, None, causes(changes, files)) == ("cart.py:4",)
    one = {"m1.py": changes["m1.py"]}
    assert suspects([failed("test_direct")], one, None, causes(one, files)) == ("m1.py:1", "cart.py:4")


def clusters_of(changes, *tests, kind=ClusterClass.REGRESSION):
    """Return the names of the tests of each cluster, and what these share."""
    found = causes(changes)

    def cause(test):
        used = found.used(test)
        return f"change:{used[0].path}::{used[0].name}" if len(used) == 1 else None

    made = cluster(tests, {test.id: kind for test in tests}, cause)
    return [(sorted(name.rpartition("::")[2] for name in one.tests), one.shared[:1]) for one in made]


def test_regressions_of_one_change_are_one_cluster_however_they_were_noticed():
    """Another message and another error type; what does not use the change stays apart."""
    tests = (failed("test_direct"), failed("test_through", error="TypeError"), failed("test_unrelated"))
    joined, alone = clusters_of(touching("cart.py", 5), *tests)
    assert joined == (["test_direct", "test_through"], ("change:cart.py::total",))
    assert alone == (["test_unrelated"], ())


def test_two_changes_are_not_one_cause():
    """A test that uses both stays by itself, and so does what reruns found to be flaky."""
    both = clusters_of(touching("cart.py", 1, 5), failed("test_direct"), failed("test_through"))
    assert [names for names, _ in both] == [["test_direct"], ["test_through"]]
    flaky = clusters_of(touching("cart.py", 5), failed("test_direct"), failed("test_through"), kind=ClusterClass.FLAKY)
    assert len(flaky) == 2


def test_what_can_t_be_read_is_no_cause():
    """A file that does not parse, one that is not Python, a name without end."""
    broken = {**FILES, "cart.py": "def (:"}
    assert causes(touching("cart.py", 1), broken).used(failed("test_direct")) == ()
    assert causes(touching("data.json", 1)).used(failed("test_direct")) == ()
    loops = {**FILES, "cart.py": "def total():\n    checkout()\n\ndef checkout():\n    total()\n\nclass Cart: pass\n"}
    assert names(causes(touching("cart.py", 2), loops).used(failed("test_through"))) == ["total"]
